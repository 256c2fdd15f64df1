"""Sessions that record what every part of the machine does in every cycle of a layer."""

from __future__ import annotations

from typing import Any

import cairn
from cairn.errors import nearest, refusal
from cairn.operands import Floats


class Tracer(cairn.Session):
    """A session that records layers in a trace; the other layers cost no more than they always do.

    ``layer`` is what the trace asks for: a name, a number from 1, or "" for all.
    """

    def __init__(self, machine: cairn.Machine, trace: cairn.Trace, layer: str = "") -> None:
        """Begin without layers."""
        super().__init__(machine)
        self._trace, self._layer = trace, layer
        self._names: list[str] = []

    def run(self, name: str, *given: Any, **options: Any) -> Floats | None:
        """Run a layer as ``cairn.Session`` does."""
        self._names.append(name)
        return super().run(name, *given, **options, trace=self._trace)

    def document(self, context: dict[str, Any]) -> str:
        """Return the result document, unless nothing was recorded (E107, E105)."""
        recorded = self._trace.layers
        if not recorded and self._layer and self._layer not in self._possible():
            count = len(self._names)
            otherwise = "it has 1 layer" if count == 1 else f"a number from 1 to {count}, or a name"
            hint = nearest(self._layer, self._names, otherwise)
            raise refusal("E107", "--layer", f"there is no layer '{self._layer}'", hint)
        if recorded and not any(layer["last"] for layer in recorded):
            longest = max(recorded, key=lambda layer: layer["cycles"])
            told = f"layer {longest['name']} is over after cycle {longest['cycles']:,}"
            raise refusal("E105", "--from", told, f"--from {longest['cycles']} at most")
        return super().document(context)

    def _possible(self) -> set[str]:
        return {*self._names, *map(str, range(1, len(self._names) + 1))}
