"""Layers of seven networks, pruned weights for them, and what a sparse machine takes for them."""

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
class Timed:
    """What a layer takes, all of its parts and repetitions together."""

    cycles: int
    folds: int
    products: int  # of a weight that is left


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
        """Return the number of weights of one of them."""
        return self.groups * self.filters * self.terms

    @property
    def multiplications(self) -> int:
        """Return the multiplications of all of them."""
        return self.times * self.positions * self.weights

    @property
    def parts(self) -> int:
        """Return how many equal parts of its filters make up a layer; one of them is run."""
        parts = 1
        while self.weights > parts * MOST_WEIGHTS and self.filters % (2 * parts) == 0:
            parts *= 2
        return parts

    def pruned(self, sparsity: float, spread: float, seed: int) -> Floats:
        """Draw the weights of a part (groups, filters, terms), pruned by magnitude as a whole.

        They are bell-shaped, and scaled by a log-normal factor of their filter, whose logarithm has
        the standard deviation ``spread``: so filters differ in what is left of them.
        """
        filters = self.groups * self.filters // self.parts
        drawn = bells(seed, filters * (self.terms + 1))
        scale = np.exp(spread * drawn[:filters]).reshape(-1, 1)
        weights = (scale * drawn[filters:].reshape(filters, self.terms)).astype(np.float32)
        return sparse.prune(weights, sparsity).reshape(self.groups, -1, self.terms)

    def timed(self, machine: cairn.Machine, weights: Floats, schedule: str = "none") -> Timed:
        """Simulate the layer with the weights of a part, on inputs without zeros."""
        inputs = np.ones((self.groups, self.positions, self.terms), np.float32)
        product = cairn.Gemm(self.positions, weights.shape[1], self.terms, self.groups)
        session = cairn.Session(machine)
        session.run(self.name, product, inputs, weights.transpose(0, 2, 1), schedule=schedule)
        layer, copies = session.layers[0], self.times * self.parts
        return Timed(
            layer["cycles"] * copies,
            layer["mapping"]["rounds"] * copies,
            layer["effective_multiplications"] * copies,
        )


def bells(seed: int, count: int) -> np.ndarray:
    """Draw sums of four uniform numbers, of mean 0 and variance 1: nearly a normal distribution."""
    parts = splitmix64(seed, count).view(np.uint16).reshape(-1, 4)
    return (parts.sum(axis=1, dtype=np.int64) - 2 * 65535) * (math.sqrt(3) / 65536)


def layers(network: str) -> Iterator[Layer]:
    """Yield the layers of a network; layers of the same sizes are one."""
    with TABLE.open() as file:
        for row in csv.DictReader(file):
            name, layer, *sizes = row.values()
            if name == network:
                yield Layer(name, layer, *map(int, sizes))
