"""Pruning and sparse formats against formulas in NumPy."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import cairn
from cairn import sparse

VALUES = st.sampled_from([0.0, -0.0, 1.0, -1.0, 2.0, -3.5, 1e-45, np.inf, -np.inf, np.nan])
MATRICES = arrays(np.float32, st.tuples(st.integers(1, 6), st.integers(1, 140)), elements=VALUES)
TENSORS = arrays(np.float32, st.lists(st.integers(1, 5), min_size=1, max_size=4), elements=VALUES)
RATIOS = st.floats(0, 1)

Convert = Callable[[sparse.Floats], Any]
FORMATS: list[Convert] = [
    sparse.to_csr,
    sparse.to_csc,
    sparse.to_coo,
    sparse.to_bitmap,
    lambda array: sparse.to_n_of_m(array, 4, 4),
]


def smallest(weights: sparse.Floats, count: int) -> sparse.Floats:
    """Zero the smallest of a flat array by sorting: NaNs last, of equal ones the first."""
    key = np.where(np.isnan(weights), np.inf, np.abs(weights))
    order = np.lexsort((np.arange(weights.size), np.isnan(weights), key))
    pruned = weights.copy()
    pruned[order[:count]] = 0
    return pruned


@given(TENSORS, RATIOS)
def test_pruning_the_tensor_zeroes_the_smallest_exactly(w: sparse.Floats, ratio: float) -> None:
    before = w.copy()
    pruned = sparse.prune(w, ratio)
    count = math.floor(ratio * w.size)
    assert np.array_equal(pruned.ravel(), smallest(w.ravel(), count), equal_nan=True)
    assert np.count_nonzero(pruned == 0) == max(count, np.count_nonzero(w == 0))
    assert pruned.shape == w.shape and pruned.dtype == np.float32
    assert np.array_equal(w, before, equal_nan=True), "the weights themselves stay"


@given(TENSORS, RATIOS)
def test_pruning_per_filter_prunes_each_filter_to_the_ratio(w: sparse.Floats, ratio: float) -> None:
    pruned = sparse.prune(w, ratio, per="filter")
    for row, expected in zip(pruned, w, strict=True):
        wanted = smallest(expected.ravel(), math.floor(ratio * expected.size))
        assert np.array_equal(row.ravel(), wanted, equal_nan=True)


@given(MATRICES, st.integers(1, 8), st.data())
def test_structured_pruning_keeps_the_largest_of_each_group(
    w: sparse.Floats, m: int, data: st.DataObject
) -> None:
    n = data.draw(st.integers(1, m))
    pruned = sparse.prune(w, per=f"{n}:{m}")
    for begin in range(0, w.shape[1], m):
        for row, group in zip(pruned[:, begin : begin + m], w[:, begin : begin + m], strict=True):
            assert np.array_equal(row, smallest(group, max(0, group.size - n)), equal_nan=True)
    assert np.array_equal(sparse.to_n_of_m(pruned, n, m).to_dense(), pruned, equal_nan=True)


def test_structured_pruning_runs_along_the_reduction_of_a_convolution() -> None:
    w = np.random.default_rng(1).normal(size=(8, 6, 3, 3)).astype(np.float32)
    flat = w.reshape(8, 54)
    assert np.array_equal(sparse.prune(w, per="2:4").reshape(8, 54), sparse.prune(flat, per="2:4"))
    assert np.array_equal(sparse.prune(w, 0.5, per="2:4"), sparse.prune(w, per="2:4"))
    assert sparse.sparsity(sparse.prune(w, 0.8)) == math.floor(0.8 * w.size) / w.size


@given(MATRICES)
def test_sparsity_is_the_fraction_of_zeros(array: sparse.Floats) -> None:
    assert sparse.sparsity(array) == np.count_nonzero(array == 0) / array.size


@pytest.mark.parametrize("convert", FORMATS)
@given(array=MATRICES)
def test_a_format_gives_the_dense_matrix_back(convert: Convert, array: sparse.Floats) -> None:
    for view in (array, array.T, array[::-1, ::2]):
        dense = convert(view).to_dense()
        assert np.array_equal(dense, view, equal_nan=True)
        assert not np.signbit(dense[dense == 0]).any()


@given(MATRICES)
def test_formats_hold_what_numpy_finds(array: sparse.Floats) -> None:
    rows, columns = np.nonzero(array)
    csr, csc, coo = sparse.to_csr(array), sparse.to_csc(array), sparse.to_coo(array)
    assert np.array_equal(csr.begin, np.searchsorted(rows, np.arange(len(array) + 1)))
    assert np.array_equal(csr.column, columns)
    assert np.array_equal(csr.value, array[rows, columns], equal_nan=True)
    assert np.array_equal(coo.row, rows) and np.array_equal(coo.column, columns)
    by_column, of_row = np.nonzero(array.T)
    assert np.array_equal(csc.begin, np.searchsorted(by_column, np.arange(array.shape[1] + 1)))
    assert np.array_equal(csc.row, of_row)
    bitmap = sparse.to_bitmap(array)
    bits = np.unpackbits(bitmap.words.view(np.uint8), axis=1, bitorder="little")
    assert np.array_equal(bits[:, : array.shape[1]], array != 0)
    assert np.array_equal(bitmap.value, array[array != 0], equal_nan=True)


def test_structured_values_and_places_lie_in_the_slots_of_their_group() -> None:
    array = np.array([[0, 5, 0, 6, 7, 0]], np.float32)
    structured = sparse.to_n_of_m(array, 2, 4)
    assert structured.value.tolist() == [[[5, 6], [7, 0]]]
    assert structured.index.tolist() == [[[1, 3], [0, 0]]]


def refusal(call: Callable[[], Any]) -> tuple[str, str]:
    """Return code and place of the one fault that ``call`` raises, which has a remedy."""
    with pytest.raises(cairn.CairnError) as caught:
        call()
    (fault,) = caught.value.diagnostics
    assert fault.remedy
    return fault.code, fault.place


def test_what_cannot_be_pruned_is_refused() -> None:
    w = np.ones((4, 6), np.float32)
    assert refusal(lambda: sparse.prune(w, 1.5)) == ("E105", "ratio")
    assert refusal(lambda: sparse.prune(w, math.nan)) == ("E105", "ratio")
    assert refusal(lambda: sparse.prune(w)) == ("E105", "ratio")
    assert refusal(lambda: sparse.prune(w, 0.8, per="2:4")) == ("E105", "ratio")
    assert refusal(lambda: sparse.prune(w, 0.5, per="filters")) == ("E107", "per")
    assert refusal(lambda: sparse.prune(w, per="5:4")) == ("E301", "N:M")
    assert refusal(lambda: sparse.prune(w.astype(np.float64), 0.5)) == ("U202", "weights")
    assert refusal(lambda: sparse.prune(w[:0], 0.5)) == ("E301", "weights")
    assert refusal(lambda: sparse.sparsity(w[:0])) == ("E301", "array")


@pytest.mark.parametrize("convert", FORMATS)
def test_what_is_no_float32_matrix_is_refused(convert: Convert) -> None:
    assert refusal(lambda: convert(np.ones(3, np.float32))) == ("E302", "matrix")
    assert refusal(lambda: convert(np.ones((3, 3), np.int32))) == ("U202", "matrix")
    assert refusal(lambda: convert(np.ones((3, 0), np.float32))) == ("E301", "matrix")


def test_a_matrix_that_breaks_the_structure_is_refused_with_the_place() -> None:
    w = np.zeros((3, 12), np.float32)
    w[1, 4:7] = 1
    assert refusal(lambda: sparse.to_n_of_m(w, 2, 4)) == ("E302", "row 1, group 1")


def test_formats_whose_arrays_contradict_each_other_are_refused() -> None:
    array = np.eye(3, 5, dtype=np.float32)
    csr, csc, coo = sparse.to_csr(array), sparse.to_csc(array), sparse.to_coo(array)
    bitmap, structured = sparse.to_bitmap(array), sparse.to_n_of_m(array, 1, 4)
    assert refusal(replace(csr, column=csr.column + 4).to_dense) == ("E302", "CSR row 1")
    assert refusal(replace(csr, begin=csr.begin[1:]).to_dense) == ("E302", "CSR")
    assert refusal(replace(csr, begin=csr.column).to_dense) == ("U202", "CSR begin")
    assert refusal(replace(csc, row=csc.row - 1).to_dense) == ("E302", "CSC column 0")
    assert refusal(replace(coo, row=coo.row[::-1]).to_dense) == ("E302", "COO value 1")
    assert refusal(replace(bitmap, value=bitmap.value[1:]).to_dense) == ("E302", "bitmap")
    assert refusal(replace(bitmap, words=bitmap.words[1:]).to_dense) == ("E302", "bitmap words")
    assert refusal(replace(structured, m=2).to_dense) == ("E302", "N:M")
