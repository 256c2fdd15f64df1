"""What is known of a product whose sums only a ReLU sees, as max(0, scale x sum + shift)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

import cairn

# Scale and shift, an entry a filter each.
Rectified = tuple[NDArray[np.float32], NDArray[np.float32]]


def filters(operation: Any) -> int:
    """Return how many filters an operation has: those of a matrix product are its columns."""
    return int(operation.n if isinstance(operation, cairn.Gemm) else operation.filters)


def seen(out: Any, operation: Any, by: Rectified) -> NDArray[np.float32]:
    """Return what a ReLU makes of an output: max(0, scale x output + shift)."""
    behind = 0 if isinstance(operation, cairn.Gemm) else out.ndim - 2
    scale, shift = (each.reshape(-1, *(1,) * behind) for each in by)
    return np.maximum(scale * out + shift, np.float32(0))


class Sums:
    """The sums of a product on their way to a ReLU: scale x sum + shift, filter by filter."""

    def __init__(self, filters: int, rank: int, axis: int) -> None:
        """Begin with the sums themselves, in a tensor of ``rank`` with the filters on ``axis``."""
        self._filters, self._rank, self._axis = filters, rank, axis
        self._scale, self._shift = np.ones(filters), np.zeros(filters)
        self._fits = True

    def ranked(self, rank: int) -> None:
        """Look at them as a tensor of another rank; filters on the last axis stay there."""
        if self._axis == self._rank - 1:
            self._axis = rank - 1
        self._rank = rank

    def times(self, factor: Any) -> None:
        """Multiply by a constant that broadcasts to the tensor."""
        values = self._by_filter(np.asarray(factor))
        self._scale, self._shift = self._scale * values, self._shift * values

    def plus(self, term: Any) -> None:
        """Add a constant that broadcasts to the tensor."""
        self._shift = self._shift + self._by_filter(np.asarray(term))

    def normalised(self, gamma: Any, beta: Any, mean: Any, variance: Any, epsilon: float) -> None:
        """Normalise with the statistics of a trained batch normalisation, an entry a channel."""
        if self._axis != 1:  # it normalises the second dimension, whatever the filters are
            self._fits = False
            return
        aligned = (-1, *(1,) * (self._rank - 2))
        gamma, beta, mean, variance = (
            np.asarray(each, np.float64).reshape(aligned) for each in (gamma, beta, mean, variance)
        )
        factor = gamma / np.sqrt(variance + epsilon)
        self.times(factor)
        self.plus(beta - mean * factor)

    def _by_filter(self, constant: NDArray[Any]) -> NDArray[np.float64]:
        """Return a value for each filter; a constant that has others along another axis: no fit."""
        shape = (1,) * (self._rank - constant.ndim) + constant.shape
        along = shape[self._axis] if self._axis < len(shape) else 0
        others = constant.size != along
        if constant.ndim > self._rank or others or along not in (1, self._filters):
            self._fits = False
            return np.zeros(self._filters)
        return np.broadcast_to(constant.reshape(-1).astype(np.float64), self._filters)

    def rectified(self) -> Rectified | None:
        """Return scale and shift, or None if they are not finite constants of the filters."""
        scale, shift = self._scale.astype(np.float32), self._shift.astype(np.float32)
        if not self._fits or not np.all(np.isfinite(scale)) or not np.all(np.isfinite(shift)):
            return None
        return scale, shift
