"""Mappings explained: the tile of each layer, what bounds it, and the tiles that lost."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import cairn
from cairn import machines
from cairn.operands import Floats

SCHEMA = "cairn.mapping/1"

_UNITS = {
    "multipliers": "multipliers of the machine",
    "multipliers_used": "multipliers that the tile uses",
    "candidates": "tiles: legal, evaluated, pruned; complete: whether none of these is better",
    "bound": "cycles that no run of the tile can go below, and the part that is the reason",
    "energy": "in context.energy.unit",
    "edp": "energy x cycles",
}


class Mapper(cairn.Session):
    """A session that explains how it maps each layer; its document tells that."""

    def __init__(self, machine: cairn.Machine, energy: cairn.EnergyTable | None = None) -> None:
        """Begin without layers; ``energy`` is what mappings are priced by."""
        super().__init__(machine, "flow", energy)
        self._found: list[dict[str, Any]] = []

    def run(
        self,
        name: str,
        operation: cairn.Gemm | cairn.Conv,
        a: Floats | None = None,
        b: Floats | None = None,
        tile: dict[str, int] | None = None,
        progress: Callable[[int, int], None] | None = None,
        objective: str = "cycles",
        **options: Any,
    ) -> Floats | None:
        """Map a layer, then run it in the tile that was found."""
        found = self.map(operation, objective, tile)
        out = super().run(name, operation, a, b, found["tile"], progress, **options)
        self._found.append(found)
        return out

    def document(self, context: dict[str, Any]) -> str:
        """Return the mapping document, with what users gave as ``context``."""
        result = json.loads(super().document(context))
        kept = ("name", "operation", "sizes", "multiplications", "utilisation")
        layers = [
            {key: layer[key] for key in kept} | found
            for layer, found in zip(result["layers"], self._found, strict=True)
        ]
        about = {
            "schema": SCHEMA,
            "context": result["context"] | {"multipliers": machines.multipliers(self.machine)},
            "units": result["units"] | _UNITS,
            "layers": layers,
            "totals": _totals(layers, result["totals"]),
        }
        return json.dumps(about)


def _totals(layers: list[dict[str, Any]], result: Mapping[str, Any]) -> dict[str, Any]:
    cycles, energy = (sum(layer[key] for layer in layers) for key in ("cycles", "energy"))
    tried = [layer["candidates"] for layer in layers]
    candidates = {key: sum(each[key] for each in tried) for key in ("legal", "pruned", "evaluated")}
    return {
        "cycles": cycles,
        "energy": energy,
        "edp": energy * cycles,
        "multiplications": result["multiplications"],
        "utilisation": result["utilisation"],
        "candidates": candidates | {"complete": all(each["complete"] for each in tried)},
    }
