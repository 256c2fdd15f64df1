"""Whether two computations of the same values agree, and how far they are apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

# |difference| <= absolute x largest value + relative x value + floor. Sums are taken in another
# order, half-precision values are rounded to 2 or 3 digits, layer after layer, and what a sigmoid
# or softmax leaves of an order-of-summation error is not scaled by its small output.
_RELATIVE, _ABSOLUTE, _FLOOR = 1e-3, 1e-4, 1e-6
_HALF_RELATIVE, _HALF_ABSOLUTE = 20, 2  # times the rounding of the type


@dataclass(frozen=True)
class Difference:
    """Whether values agree, and the largest absolute difference of two finite ones."""

    agrees: bool
    largest: float


def of(ours: NDArray[Any], expected: NDArray[Any], rounding: float | None = None) -> Difference:
    """Compare arrays of one shape and type: floats within the tolerance, the rest exactly.

    ``rounding`` is the relative distance of neighbouring values of the type that they have been
    computed in, if it is not theirs. Arrays of different shapes or types do not agree, and are
    infinitely far apart.
    """
    if ours.shape != expected.shape or ours.dtype != expected.dtype:
        return Difference(False, float("inf"))
    if expected.dtype.kind in "OUSb" or expected.size == 0:
        return Difference(bool(np.array_equal(ours, expected)), 0.0)
    if expected.dtype.kind in "iu":
        gap = np.abs(ours.astype(np.float64) - expected.astype(np.float64))
        return Difference(bool(np.array_equal(ours, expected)), float(gap.max()))
    a, b = ours.astype(np.float64), expected.astype(np.float64)
    finite = np.isfinite(a) & np.isfinite(b)
    gap = np.abs(a - b, out=np.zeros_like(a), where=finite)
    if rounding is None and expected.dtype.itemsize < 4:
        rounding = float(np.finfo(expected.dtype).eps)
    relative = _HALF_RELATIVE * rounding if rounding else _RELATIVE
    absolute = _HALF_ABSOLUTE * rounding if rounding else _ABSOLUTE
    scale = float(np.abs(b[finite]).max(initial=0.0))
    agrees = np.allclose(a, b, rtol=relative, atol=absolute * scale + _FLOOR, equal_nan=True)
    return Difference(bool(agrees), float(gap.max()))
