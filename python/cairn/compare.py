"""Machines side by side: results of the same work, aligned layer by layer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cairn import effective

SCHEMA = "cairn.comparison/1"

Document = Mapping[str, Any]


def document(results: Sequence[Document]) -> dict[str, Any]:
    """Make one document of result documents, one a machine; its context is what they share."""
    contexts = [result["context"] for result in results]
    shared = {
        key: value
        for key, value in contexts[0].items()
        if all(key in other and other[key] == value for other in contexts[1:])
    }
    return {"schema": SCHEMA, "context": shared, "results": list(results)}


def machines(comparison: Document) -> list[str]:
    """Return the names of the machines, in order."""
    return [result["context"]["machine"]["name"] for result in comparison["results"]]


@dataclass(frozen=True)
class Row:
    """A layer, or the totals, on each machine; None where a machine has no such layer."""

    name: str
    figures: list[Document | None]

    @property
    def known(self) -> Document:
        """The figures of the first machine that has them."""
        return next(each for each in self.figures if each is not None)

    def ratio(self, machine: int) -> float | None:
        """Return the cycles on ``machine`` divided by those on the first machine."""
        first, own = self.figures[0], self.figures[machine]
        return own["cycles"] / first["cycles"] if first and own and first["cycles"] else None

    def effective(self, machine: int) -> float | None:
        """Return the effective utilisation on ``machine``; None if no machine has counted.

        The work is the same for all, so one that counts does it for the others.
        """
        own = self.figures[machine]
        counts = [each.get(effective.COUNT) for each in self.figures if each is not None]
        count = next((each for each in counts if each is not None), None)
        return None if own is None else effective.utilisation(own, count)

    def fastest(self) -> list[int]:
        """Return the machines with the fewest cycles; none unless all of them can be compared."""
        if None in self.figures:
            return []
        cycles = [each["cycles"] for each in self.figures if each is not None]
        return [index for index, count in enumerate(cycles) if count == min(cycles)]


def rows(comparison: Document) -> list[Row]:
    """Align the layers by name; the n-th of a name on one machine meets the n-th on another."""
    results = comparison["results"]
    found: dict[tuple[str, int], Row] = {}
    for index, result in enumerate(results):
        seen: Counter[str] = Counter()
        for layer in result["layers"]:
            name = layer["name"]
            seen[name] += 1
            row = found.setdefault((name, seen[name]), Row(name, [None] * len(results)))
            row.figures[index] = layer
    return list(found.values())


def totals(comparison: Document) -> Row:
    """Return the totals of each machine."""
    return Row("total", [result["totals"] for result in comparison["results"]])


def verdict(comparison: Document) -> str:
    """Say which machine wins and by how much, and on how many layers each is the fastest."""
    names = machines(comparison)
    cycles = [result["totals"]["cycles"] for result in comparison["results"]]
    order = sorted(range(len(names)), key=cycles.__getitem__)
    best, second = order[:2]
    if cycles[best] == cycles[second]:
        tied = [names[index] for index in order if cycles[index] == cycles[best]]
        won = f"{' and '.join(tied)} tie: {cycles[best]:,} cycles"
    else:
        times = cycles[second] / cycles[best]
        than = f"{'the next, ' if len(names) > 2 else ''}{names[second]}"
        won = f"{names[best]} wins: {cycles[best]:,} cycles, {times:.2f} times as fast as {than}"
    return f"{won}{_shares(comparison, order)}"


def _shares(comparison: Document, order: Sequence[int]) -> str:
    """Say on how many layers each machine is the fastest, in ``order``, if there are several."""
    fastest = [row.fastest() for row in rows(comparison)]
    if len(fastest) < 2:
        return ""
    names = machines(comparison)
    alone = Counter(each[0] for each in fastest if len(each) == 1)
    words = [f"{names[index]} on {alone[index]}" for index in order]
    words[0] = words[0].replace(" on ", " is fastest on ")
    kinds = Counter(len(each) > 1 for each in fastest if len(each) != 1)
    words += [f"{kinds[True]} tied"] if kinds[True] else []
    words += [f"{kinds[False]} not on every machine"] if kinds[False] else []
    return f"; of {len(fastest)} layers {', '.join(words)}"
