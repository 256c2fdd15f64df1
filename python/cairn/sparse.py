"""Sparse operands: pruning of weights, and the formats in which accelerators keep them.

    >>> weights = cairn.sparse.prune(weights, 0.8, per="filter")
    >>> cairn.sparse.sparsity(weights)
    >>> cairn.sparse.to_csr(weights.reshape(len(weights), -1)).value

Everything is float32. Zeros of both signs are zeros, NaNs are values. What is refused raises
``cairn.CairnError``: U202 for another type, E301 for an array without elements, E302 for an array
of another shape or a format whose arrays contradict each other.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from cairn import _core
from cairn.errors import nearest, refusal

Floats = NDArray[np.float32]


def _expect(place: str, array: NDArray[Any], dtype: DTypeLike) -> None:
    wanted = np.dtype(dtype)
    if array.dtype != wanted:
        raise refusal(
            "U202",
            place,
            f"the values are of type {array.dtype}",
            f"array.astype(numpy.{wanted}), if that is what you mean",
        )


def _expect_matrix(array: Floats) -> None:
    _expect("matrix", array, np.float32)
    if array.ndim != 2:
        raise refusal(
            "E302",
            "matrix",
            f"an array of {array.ndim} dimensions is no matrix",
            "rows x columns, for instance weights.reshape(len(weights), -1)",
        )


def _flat(place: str, array: NDArray[Any], dtype: DTypeLike) -> NDArray[Any]:
    _expect(place, array, dtype)
    return np.ascontiguousarray(array).reshape(-1)


@dataclass(frozen=True, slots=True, eq=False)
class Csr:
    """Compressed rows: row r has ``value[begin[r]:begin[r + 1]]``, their columns ascend."""

    shape: tuple[int, int]
    begin: NDArray[np.int64]  # rows + 1
    column: NDArray[np.int32]
    value: Floats

    def to_dense(self) -> Floats:
        """Return the matrix, rows x columns. Raises E302 if the arrays contradict each other."""
        return _core.csr_to_dense(
            *self.shape,
            _flat("CSR begin", self.begin, np.int64),
            _flat("CSR column", self.column, np.int32),
            _flat("CSR value", self.value, np.float32),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Csc:
    """Compressed columns: column c has ``value[begin[c]:begin[c + 1]]``, their rows ascend."""

    shape: tuple[int, int]
    begin: NDArray[np.int64]  # columns + 1
    row: NDArray[np.int32]
    value: Floats

    def to_dense(self) -> Floats:
        """Return the matrix, rows x columns. Raises E302 if the arrays contradict each other."""
        return _core.csc_to_dense(
            *self.shape,
            _flat("CSC begin", self.begin, np.int64),
            _flat("CSC row", self.row, np.int32),
            _flat("CSC value", self.value, np.float32),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Coo:
    """Coordinates of the values, sorted by row, then column; none twice."""

    shape: tuple[int, int]
    row: NDArray[np.int32]
    column: NDArray[np.int32]
    value: Floats

    def to_dense(self) -> Floats:
        """Return the matrix, rows x columns. Raises E302 if the arrays contradict each other."""
        return _core.coo_to_dense(
            *self.shape,
            _flat("COO row", self.row, np.int32),
            _flat("COO column", self.column, np.int32),
            _flat("COO value", self.value, np.float32),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Bitmap:
    """One bit an element, and the values of the set bits row after row.

    Column c of row r is bit c % 64 (from the lowest) of ``words[r, c // 64]``.
    """

    shape: tuple[int, int]
    words: NDArray[np.uint64]  # rows x words of a row
    value: Floats

    def to_dense(self) -> Floats:
        """Return the matrix, rows x columns. Raises E302 unless there is one value a set bit."""
        words = -(-self.shape[1] // 64)
        if self.words.shape != (self.shape[0], words):
            raise refusal(
                "E302",
                "bitmap words",
                f"the shape is {' x '.join(map(str, self.words.shape))}",
                f"{self.shape[0]} x {words}",
            )
        return _core.bitmap_to_dense(
            *self.shape,
            _flat("bitmap words", self.words, np.uint64),
            _flat("bitmap value", self.value, np.float32),
        )


@dataclass(frozen=True, slots=True, eq=False)
class NofM:
    """N:M structure: at most n values in each group of m neighbouring columns, in n slots.

    The values of a group come first, ``index`` is their column in the group; slots left over are 0.
    """

    shape: tuple[int, int]
    n: int
    m: int
    index: NDArray[np.uint8]  # rows x groups x n
    value: Floats  # rows x groups x n

    def to_dense(self) -> Floats:
        """Return the matrix, rows x columns. Raises E302 if the arrays contradict each other."""
        return _core.n_of_m_to_dense(
            *self.shape,
            self.n,
            self.m,
            _flat("N:M index", self.index, np.uint8),
            _flat("N:M value", self.value, np.float32),
        )


def _shape(array: Floats) -> tuple[int, int]:
    return array.shape[0], array.shape[1]


def to_csr(array: Floats) -> Csr:
    """Compress a matrix (rows x columns, float32, any strides) by rows, without its zeros."""
    _expect_matrix(array)
    return Csr(_shape(array), *_core.dense_to_csr(array))


def to_csc(array: Floats) -> Csc:
    """Compress a matrix (rows x columns, float32, any strides) by columns, without its zeros."""
    _expect_matrix(array)
    return Csc(_shape(array), *_core.dense_to_csc(array))


def to_coo(array: Floats) -> Coo:
    """List the values of a matrix (rows x columns, float32, any strides) with their places."""
    _expect_matrix(array)
    return Coo(_shape(array), *_core.dense_to_coo(array))


def to_bitmap(array: Floats) -> Bitmap:
    """Mark and pack the values of a matrix (rows x columns, float32, any strides)."""
    _expect_matrix(array)
    return Bitmap(_shape(array), *_core.dense_to_bitmap(array))


def to_n_of_m(array: Floats, n: int, m: int) -> NofM:
    """Pack a matrix (rows x columns, float32, any strides) of N:M structure, 1 <= n <= m <= 256.

    Raises E302 with row and group if a group of m columns holds more than n values, E301 for an n
    or m that is no structure.
    """
    _expect_matrix(array)
    return NofM(_shape(array), n, m, *_core.dense_to_n_of_m(array, n, m))


def _structure(per: str) -> tuple[int, int]:
    """Read "2:4"."""
    found = re.fullmatch(r"(\d{1,9}):(\d{1,9})", per, re.ASCII)
    if found is None:
        one_of = "'tensor', 'filter' or a structure such as '2:4'"
        raise refusal("E107", "per", f"unknown '{per}'", nearest(per, ("tensor", "filter"), one_of))
    return int(found[1]), int(found[2])


def prune(weights: Floats, ratio: float | None = None, per: str = "tensor") -> Floats:
    """Return a copy of ``weights`` (float32, any shape) with the smallest magnitudes set to 0.

    ``per`` says among which weights ``ratio`` (a fraction, 0 to 1) become 0:

    - ``"tensor"``: among all of them;
    - ``"filter"``: in each filter, an entry of the first axis, separately;
    - ``"N:M"``, for instance ``"2:4"``: of each M neighbours of a filter, in memory order, the N
      largest stay. The structure is the ratio: leave it out, or give 1 - N / M.

    Exactly ``floor(ratio * count)`` weights become 0, those that are 0 already among them; of equal
    ones the first. Infinities and NaNs are the largest.

    Raises E105 for a ratio outside 0 to 1, none, or one that is not the structure's; E107 for
    another ``per``; E301 for no weights or an N:M that is no structure; U202 for another type.
    """
    _expect("weights", weights, np.float32)
    pruned = np.array(weights, order="C")
    filters = pruned.shape[0] if pruned.ndim > 0 else 1
    if per in ("tensor", "filter"):
        if ratio is None:
            raise refusal("E105", "ratio", f"pruning per {per} needs one", "0 to 1")
        _core.prune(pruned.reshape(-1), filters if per == "filter" else 1, ratio)
        return pruned
    n, m = _structure(per)
    if ratio is not None and not math.isclose(ratio * m, m - n):
        message = f"ratio = {ratio} is not that of {per}"
        raise refusal("E105", "ratio", message, "leave it out: the structure says how many stay")
    _core.prune_n_of_m(pruned.reshape(-1), filters, n, m)
    return pruned


def sparsity(array: NDArray[Any]) -> float:
    """Return the fraction of zeros in ``array``, of any shape and type. Raises E301 for none."""
    if array.size == 0:
        raise refusal("E301", "array", "there are no elements", "at least one")
    return (array.size - int(np.count_nonzero(array))) / array.size
