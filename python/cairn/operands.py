"""Seeded operands and the reference executors that simulated values are checked against.

The operands are those of the golden cases: SplitMix64, one draw per element in memory order, values
1 to 8. They are small integers, so float32 sums are exact in every order of summation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cairn.errors import refusal

if TYPE_CHECKING:
    from cairn._core import Conv, Gemm, MaxPool

Floats = NDArray[np.float32]

_GAMMA = 0x9E3779B97F4A7C15
_CHUNK = 1 << 20
# One gibibyte of float32: above it operands do not fit an ordinary machine next to their product.
_LARGEST_OPERAND = 1 << 28
# Products of two seeded values are at most 64; below this many terms a float32 sum of them is
# exact.
_EXACT_TERMS = (1 << 24) // 64


def splitmix64(seed: int, count: int, start: int = 0) -> NDArray[np.uint64]:
    """Return ``count`` draws of the SplitMix64 stream of ``seed``, from draw ``start`` on."""
    index = np.arange(start + 1, start + count + 1, dtype=np.uint64)
    z = index * np.uint64(_GAMMA) + np.uint64(seed % (1 << 64))
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def seeded(seed: int, shape: Sequence[int], density: float = 1.0) -> Floats:
    """Return a float32 array of ``shape``: an element is 1..8 with probability ``density``, else 0.

    Raises U203 if the array would not fit in memory.
    """
    count = math.prod(shape)
    if count > _LARGEST_OPERAND:
        raise refusal(
            "U203",
            "",
            f"an operand of {'x'.join(map(str, shape))} values takes {count * 4 / 2**30:,.1f} GiB",
            "simulate the timing only, without values: --timing-only",
        )
    out = np.empty(count, np.float32)
    for begin in range(0, count, _CHUNK):
        piece = out[begin : begin + _CHUNK]
        draws = splitmix64(seed, piece.size, begin)
        piece[:] = (draws & np.uint64(7)) + np.uint64(1)
        if density < 1.0:
            piece[(draws >> np.uint64(11)).astype(np.float64) * 2.0**-53 >= density] = 0.0
    return out.reshape(shape)


def for_gemm(operation: Gemm, seed: int, sparsity: float = 0.0) -> tuple[Floats, Floats]:
    """Return seeded A (batch, m, k) and B (batch, k, n), B stored by columns as in golden cases.

    Elements of B are zero with probability ``sparsity``.
    """
    a = seeded(seed, (operation.batch, operation.m, operation.k))
    b = _thinned(seed + 1, (operation.batch, operation.n, operation.k), sparsity)
    return a, b.transpose(0, 2, 1)


def for_conv(operation: Conv, seed: int, sparsity: float = 0.0) -> tuple[Floats, Floats]:
    """Return seeded x (batch, channels, *input) and w (filters, channels / groups, *kernel).

    Elements of w are zero with probability ``sparsity``.
    """
    x = seeded(seed, (operation.batch, operation.channels, *operation.input))
    per_group = operation.channels // operation.groups
    return x, _thinned(seed + 1, (operation.filters, per_group, *operation.kernel), sparsity)


def for_maxpool(operation: MaxPool, seed: int) -> Floats:
    """Return seeded x (batch, channels, *input), negated: padding with anything but -inf shows."""
    return -seeded(seed, (operation.batch, operation.channels, *operation.input))


def _thinned(seed: int, shape: Sequence[int], sparsity: float) -> Floats:
    """Return seeded values where the core's random pattern of the same seed has some."""
    out = seeded(seed, shape)
    flat = out.reshape(-1)
    for begin in range(0, flat.size if sparsity else 0, _CHUNK):
        piece = flat[begin : begin + _CHUNK]
        draws = splitmix64(seed, piece.size, begin)
        piece[(draws >> np.uint64(11)).astype(np.float64) * 2.0**-53 < sparsity] = 0.0
    return out


def reference_gemm(a: Floats, b: Floats) -> NDArray[np.float64]:
    """Multiply A (batch, m, k) by B (batch or 1, k, n) in float64: (batch, m, n)."""
    return np.matmul(a.astype(np.float64), b.astype(np.float64))


def reference_conv(operation: Conv, x: Floats, w: Floats) -> NDArray[np.float64]:
    """Convolve x (N, C, *input) with w (filters, C / groups, *kernel): (N, filters, *output)."""
    pads = list(zip(operation.pad_begin, operation.pad_end, strict=True))
    padded = np.pad(x.astype(np.float64), [(0, 0), (0, 0), *pads])
    batch, groups, output = operation.batch, operation.groups, operation.output
    padded = padded.reshape(batch, groups, operation.channels // groups, *padded.shape[2:])
    weights = w.astype(np.float64).reshape(groups, operation.filters // groups, *w.shape[1:])
    total = np.zeros((batch, groups, operation.filters // groups, math.prod(output)))
    for offset in np.ndindex(*operation.kernel):
        window = _under(operation, offset)
        taps = padded[(slice(None), slice(None), slice(None), *window)]
        kernel = weights[(slice(None), slice(None), slice(None), *offset)]
        total += kernel[None] @ taps.reshape(batch, groups, taps.shape[2], -1)
    return total.reshape(batch, operation.filters, *output)


def reference_maxpool(operation: MaxPool, x: Floats) -> Floats:
    """Return the largest value of each window of x (N, C, *input): (N, C, *output)."""
    windows = zip(
        operation.input, operation.kernel, operation.stride, operation.dilation, strict=True
    )
    reach = [
        (outputs - 1) * stride + (kernel - 1) * dilation + 1 - size - begin
        for (size, kernel, stride, dilation), outputs, begin in zip(
            windows, operation.output, operation.pad_begin, strict=True
        )
    ]
    pads = [(begin, max(0, end)) for begin, end in zip(operation.pad_begin, reach, strict=True)]
    padded = np.pad(x, [(0, 0), (0, 0), *pads], constant_values=-np.inf)
    largest = np.full((operation.batch, operation.channels, *operation.output), -np.inf, x.dtype)
    for offset in np.ndindex(*operation.kernel):
        window = padded[(slice(None), slice(None), *_under(operation, offset))]
        largest = np.maximum(largest, window)
    return largest


def _under(operation: Conv | MaxPool, offset: Sequence[int]) -> tuple[slice, ...]:
    """Return where the inputs under one element of the kernel are, for all outputs."""
    return tuple(
        slice(at * dilation, at * dilation + (size - 1) * stride + 1, stride)
        for at, dilation, stride, size in zip(
            offset, operation.dilation, operation.stride, operation.output, strict=True
        )
    )


def values_agree(simulated: Floats, reference: NDArray[np.float64], terms: int) -> bool:
    """Tell whether sums of ``terms`` seeded products are right; exactly, while float32 can be."""
    if terms <= _EXACT_TERMS:
        return bool(np.array_equal(simulated, reference))
    return bool(np.allclose(simulated, reference, rtol=1e-4, atol=0.0))
