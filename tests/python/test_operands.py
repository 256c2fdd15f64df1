"""Seeded operands and the reference executors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cairn
from cairn import operands

_MASK = (1 << 64) - 1


def plain_splitmix64(seed: int, count: int) -> list[int]:
    """The generator as its definition reads, one draw at a time."""
    draws = []
    for _ in range(count):
        seed = (seed + 0x9E3779B97F4A7C15) & _MASK
        z = seed
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        draws.append(z ^ (z >> 31))
    return draws


def test_known_draws_of_splitmix64() -> None:
    known = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]
    assert operands.splitmix64(0, 3).tolist() == known


@given(st.integers(0, _MASK), st.integers(0, 50), st.integers(0, 50))
def test_vectorised_draws_equal_the_definition(seed: int, start: int, count: int) -> None:
    expected = plain_splitmix64(seed, start + count)[start:]
    assert operands.splitmix64(seed, count, start).tolist() == expected


def test_density_decides_from_the_upper_bits() -> None:
    draws = plain_splitmix64(5, 1000)
    dense = [1 + (draw & 7) for draw in draws]
    sparse = [
        value if (draw >> 11) * 2.0**-53 < 0.3 else 0
        for draw, value in zip(draws, dense, strict=True)
    ]
    assert operands.seeded(5, (1000,)).tolist() == dense
    assert operands.seeded(5, (10, 100), 0.3).ravel().tolist() == sparse


def test_arrays_longer_than_a_chunk_continue_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = operands.seeded(9, (1000,), 0.5)
    monkeypatch.setattr(operands, "_CHUNK", 7)
    assert np.array_equal(operands.seeded(9, (1000,), 0.5), whole)


def test_operands_too_large_for_memory_are_refused() -> None:
    with pytest.raises(cairn.CairnError, match="U203"):
        operands.seeded(1, (1 << 20, 1 << 20))


def test_reference_convolution_equals_the_definition() -> None:
    operation = cairn.Conv(
        2, 4, 6, (5, 4), (3, 2), 2, stride=(2, 1), pad_begin=(1, 0), pad_end=(0, 2), dilation=(1, 2)
    )
    x, w = operands.for_conv(operation, 3)
    padded = np.pad(x, [(0, 0), (0, 0), (1, 0), (0, 2)]).astype(np.float64)
    expected = np.zeros((2, 6, *operation.output))
    for n, f, i, j in np.ndindex(*expected.shape):
        for c, r, s in np.ndindex(2, 3, 2):
            channel = c + 2 * (f // 3)
            expected[n, f, i, j] += padded[n, channel, 2 * i + r, j + 2 * s] * w[f, c, r, s]
    assert np.array_equal(operands.reference_conv(operation, x, w), expected)


def test_agreement_is_exact_for_short_sums() -> None:
    reference = np.array([4096.0])
    assert operands.values_agree(reference.astype(np.float32), reference, 64)
    assert not operands.values_agree((reference + 1).astype(np.float32), reference, 64)
