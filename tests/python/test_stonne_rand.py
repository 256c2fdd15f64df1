"""The operands of the reference's sparse commands: its `rand()`, and how it draws zeros with it."""

from __future__ import annotations

import ctypes
import platform

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cairn
from cairn.stonne import rand

MANY = 20_000


def plain_rand(count: int) -> list[int]:
    """The generator as its definition reads, one draw at a time."""
    words = [1]
    for _ in range(30):
        words.append(words[-1] * 16807 % (2**31 - 1))
    words += words[:3]
    for index in range(34, 344 + count):
        words.append((words[index - 31] + words[index - 3]) % 2**32)
    return [word >> 1 for word in words[344:]]


PLAIN = plain_rand(MANY)


def plain_values(draws: list[int], size: int, zeros: int) -> list[int]:
    """Take the draws of one operand from the list."""
    values = []
    for _ in range(size):
        asked = draws.pop(0) % 100
        values.append(0 if asked <= zeros else draws.pop(0) % 10 + 1)
    return values


def test_the_first_draws_are_the_well_known_ones() -> None:
    assert rand.rand(3).tolist() == [1804289383, 846930886, 1681692777]


@given(st.integers(0, MANY))
def test_side_by_side_streams_equal_the_definition(count: int) -> None:
    assert rand.rand(count).tolist() == PLAIN[:count]


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library draws otherwise")
def test_draws_are_those_of_the_c_library() -> None:
    library = ctypes.CDLL(None)
    library.srand(1)  # as in a fresh process
    assert [library.rand() for _ in range(MANY)] == rand.rand(MANY).tolist()


@given(*[st.integers(1, 12)] * 3, *[st.sampled_from([0, 3, 30, 50, 70, 95, 98, 99, 100])] * 2)
def test_operands_are_drawn_one_after_the_other(
    m: int, n: int, k: int, zeros_a: int, zeros_b: int
) -> None:
    draws = PLAIN.copy()
    a, b = rand.sparse_operands(m, n, k, zeros_a, zeros_b)
    assert (a.shape, b.shape) == ((1, m, k), (1, k, n))
    assert a.ravel().tolist() == plain_values(draws, m * k, zeros_a)
    assert b.ravel().tolist() == plain_values(draws, k * n, zeros_b)


def test_a_per_cent_more_than_asked_for_is_zero() -> None:
    assert not rand.sparse_operands(20, 20, 20, 99, 0)[0].any()
    a, b = rand.sparse_operands(200, 200, 200, 0, 19)
    assert np.mean(a == 0) == pytest.approx(0.01, abs=0.003)
    assert np.mean(b == 0) == pytest.approx(0.20, abs=0.01)


@pytest.mark.parametrize("chunk", [1, 7])
def test_operands_longer_than_a_chunk_go_on(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = rand.sparse_operands(9, 8, 7, 20, 60)
    monkeypatch.setattr(rand, "_CHUNK", chunk)
    for piecewise, at_once in zip(rand.sparse_operands(9, 8, 7, 20, 60), whole, strict=True):
        assert np.array_equal(piecewise, at_once)


def test_operands_too_large_for_memory_are_refused() -> None:
    with pytest.raises(cairn.CairnError, match="U203"):
        rand.sparse_operands(1 << 20, 1 << 20, 1 << 20, 0, 0)
