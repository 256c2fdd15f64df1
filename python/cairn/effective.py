"""Effective work: the multiplications of two non-zeros, which a sparse machine counts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

COUNT, UTILISATION = "effective_multiplications", "effective_utilisation"

UNITS = {
    COUNT: "multiplications of two non-zeros; null where they were not counted",
    UTILISATION: "effective_multiplications / (multipliers x cycles), 0 to 1",
    "utilisation": (
        "multiplications / (multipliers x cycles); above 1 where a machine leaves zeros out"
    ),
    "sparsity": "share of zeros in an operand, 0 to 1",
}


def utilisation(counts: Mapping[str, Any], count: int | None = None) -> float | None:
    """Return the effective utilisation of a layer or of totals; None if nobody has counted.

    ``count``: effective multiplications that another machine has counted for the same work.
    """
    found = counts.get(COUNT)
    found = count if found is None else found
    if found is None:
        return None
    # Of all multipliers over all cycles, the dense utilisation tells how many there are.
    dense = counts["multiplications"]
    return float(counts["utilisation"] * (found / dense)) if dense else 0.0


def completed(text: str) -> dict[str, Any]:
    """Parse a result document; where a machine counts effective work, add what follows from it."""
    result: dict[str, Any] = json.loads(text)
    layers, totals = result["layers"], result["totals"]
    counts = [layer.get(COUNT) for layer in layers]
    if all(count is None for count in counts):
        return result
    totals[COUNT] = None if None in counts else sum(counts)
    for each in (*layers, totals):
        each[UTILISATION] = utilisation(each)
    result["units"] |= UNITS
    return result
