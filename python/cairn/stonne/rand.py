"""The operands of the reference's sparse commands, drawn from C's ``rand()``, which nobody seeds.

Where their zeros fall decides the cycles. ``rand()`` is that of the GNU C library with its default
seed: 31 words of 32 bits, each new one the sum of those 31 and 3 places before it.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from cairn.errors import refusal
from cairn.operands import Floats

Words = NDArray[np.uint32]

_SIZE, _TAP = 31, 3
_DISCARDED = 310
_SEED, _FACTOR, _MODULUS = 1, 16807, (1 << 31) - 1
_CHUNK = 1 << 20
_MOST = 1 << 28  # draws, a gibibyte of them


def rand(count: int) -> Words:
    """Return what the first ``count`` calls of ``rand()`` return."""
    needed = count + _DISCARDED
    length = math.isqrt(needed) + 1
    # Streams that start `length` words apart advance side by side: a step is a sum of two rows.
    streams = _starts(length, -(-needed // length))
    words = np.empty((_SIZE + length, streams.shape[1]), np.uint32)
    words[:_SIZE] = streams
    for row in range(_SIZE, len(words)):
        np.add(words[row - _SIZE], words[row - _TAP], out=words[row])
    return words[_SIZE:].T.reshape(-1)[_DISCARDED:needed] >> np.uint32(1)


def _starts(length: int, count: int) -> Words:
    """Return the states, one a column, that ``count`` streams of ``length`` words start from."""
    first = [_SEED]
    for _ in range(_SIZE - 1):
        first.append(first[-1] * _FACTOR % _MODULUS)
    first = first[_TAP:] + first[:_TAP]  # that is where the generator begins
    step = np.eye(_SIZE, k=1, dtype=np.uint32)
    step[-1, [0, -_TAP]] = 1
    states = np.array(first, np.uint32)[:, None]
    jump = np.linalg.matrix_power(step, length)
    while states.shape[1] < count:
        states = np.hstack([states, jump @ states])
        jump = jump @ jump
    return states[:, :count]


def sparse_operands(m: int, n: int, k: int, zeros_a: int, zeros_b: int) -> tuple[Floats, Floats]:
    """Draw A (1, m, k), then B (1, k, n): whole numbers from 1 to 10, some per cent of them zero.

    As in the reference one per cent more is zero than was asked for, and from 99 on everything.
    Raises U203 if there is too much to draw.
    """
    count = 2 * (m * k + k * n)
    if count > _MOST:
        message = f"operands of {m} x {k} and {k} x {n} values take up to {count:,} draws"
        raise refusal("U203", "", message, f"sizes that take at most {_MOST:,}")
    draws = rand(count)
    a, used = _sparse(draws, m * k, zeros_a)
    b, _ = _sparse(draws[used:], k * n, zeros_b)
    return a.reshape(1, m, k), b.reshape(1, k, n)


def _sparse(draws: Words, size: int, zeros: int) -> tuple[Floats, int]:
    """Return ``size`` values, and how many draws they took: a second one for each non-zero."""
    values, used = np.zeros(size, np.float32), 0
    for begin in range(0, size, _CHUNK):
        piece = values[begin : begin + _CHUNK]
        used += _fill(piece, draws[used : used + 2 * piece.size], zeros)
    return values, used


def _fill(values: Floats, draws: Words, zeros: int) -> int:
    zero = draws % 100 <= zeros
    # The draw after one that asks for a value is that value; what follows a zero asks again. So
    # in a run without zeros every other draw asks, from the first on: a run never starts within.
    index = np.arange(draws.size)
    run = np.maximum.accumulate(np.where(zero, index + 1, 0))
    valued = ~zero & ((index - run) % 2 == 0)
    asking = np.flatnonzero(~np.concatenate([[False], valued[:-1]]))[: values.size]
    filled = valued[asking]
    values[filled] = draws[asking[filled] + 1] % 10 + 1
    return values.size + int(filled.sum())
