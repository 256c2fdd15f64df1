"""Layers of seven networks, and pruned weights for them whose filters differ in density."""

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import cairn
from cairn import sparse
from cairn.operands import Floats, splitmix64

TABLE = Path(__file__).with_suffix(".csv")
MOST_WEIGHTS = 1 << 21


@dataclass(frozen=True)
class Layer:
    """A layer as a product: a row of inputs for each position of the output, a column a filter."""

    network: str
    name: str
    groups: int
    positions: int
    filters: int  # of a group
    terms: int  # of a filter
    times: int  # layers of these sizes

    @property
    def weights(self) -> int:
        """Return the number of weights."""
        return self.groups * self.filters * self.terms

    @property
    def multiplications(self) -> int:
        """Return the multiplications of all layers of these sizes."""
        return self.times * self.positions * self.weights

    @property
    def parts(self) -> int:
        """Return in how many equal parts, of some filters each, a large layer is run."""
        parts = 1
        while self.weights > parts * MOST_WEIGHTS and self.filters % (2 * parts) == 0:
            parts *= 2
        return parts

    @property
    def operation(self) -> cairn.Gemm:
        """Return a part of the layer as an operation."""
        return cairn.Gemm(self.positions, self.filters // self.parts, self.terms, self.groups)

    def operands(self, sparsity: float, spread: float, seed: int) -> tuple[Floats, Floats]:
        """Draw inputs without zeros and the weights of a part, pruned by magnitude as a whole.

        Weights are bell-shaped, and scaled by a log-normal factor of their filter, whose logarithm
        has the standard deviation ``spread``: so filters differ in what is left of them.
        """
        filters = self.groups * self.filters // self.parts
        drawn = bells(seed, filters * self.terms + filters)
        scale = np.exp(spread * drawn[:filters]).reshape(-1, 1)
        weights = (scale * drawn[filters:].reshape(filters, self.terms)).astype(np.float32)
        kept = sparse.prune(weights, sparsity).reshape(self.groups, -1, self.terms)
        return np.ones((self.groups, self.positions, self.terms), np.float32), kept.transpose(0, 2, 1)


def bells(seed: int, count: int) -> np.ndarray:
    """Draw sums of four uniform numbers, of mean 0 and variance 1: nearly a normal distribution."""
    parts = splitmix64(seed, count).view(np.uint16).reshape(-1, 4)
    return (parts.sum(axis=1, dtype=np.int64) - 131070) * (math.sqrt(3) / 65536)


def layers(network: str | None = None) -> Iterator[Layer]:
    """Yield the layers of one network, or of all."""
    with TABLE.open() as file:
        for row in csv.DictReader(file):
            name, layer, *sizes = row.values()
            if network in (None, name):
                yield Layer(name, layer, *map(int, sizes))
