"""Tiles of the reference: how much of each dimension is mapped at once, and its tile files."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike

from cairn.errors import CairnError, Diagnostic, diagnostic
from cairn.stonne import toml
from cairn.stonne.hardware import Fault, choice_fault, ignored, integer_fault

# Cairn's letter for each dimension of a tile file; X' and Y' are those of the output. A fully
# connected layer of T_N rows, T_S inputs and T_K outputs is a GEMM of M rows, K terms, N columns.
KINDS = {
    "CONV": {f"T_{name}": name[0] for name in ("R", "S", "C", "K", "G", "N", "X'", "Y'")},
    "FC": {"T_N": "M", "T_K": "N", "T_S": "K"},
}
# What generate_tile can ask for, in the order of the reference's numbers, and the objective that
# Cairn's mapper then has.
OBJECTIVES = {
    "none": None,
    "performance": "cycles",
    "energy": "energy",
    "energy_efficiency": "edp",
}
GENERATORS = ("auto", "mrna", "stonnemapper")

Tiling = tuple[dict[str, int] | None, str | None]


def named(value: str, choices: Sequence[str]) -> str:
    """Return the name of a choice, which may be given by number and in any case."""
    by_number = dict(zip("0123", choices, strict=False))
    return by_number.get(value, value.lower())


def read_tile(path: str | PathLike[str]) -> Tiling:
    """Read a tile file: the tile (None: the mapper chooses) and the objective of the mapper."""
    return tiling(toml.read(path))


def tiling(document: toml.Document) -> Tiling:
    """Return the tile and the objective of a tile file that has been read."""
    return _Reader(document).tiling()


class _Reader:
    """Reads one tile file and gathers everything that is wrong with it."""

    def __init__(self, document: toml.Document) -> None:
        self._document = document
        self._faults: list[Diagnostic] = []

    def tiling(self) -> Tiling:
        kind = self._word("tile_type", tuple(KINDS))
        objective = OBJECTIVES.get(self._word("generate_tile", tuple(OBJECTIVES), "none"))
        generator = self._word("generator", GENERATORS, "auto")
        sizes = {} if objective else KINDS.get(kind, {})
        tile = {letter: self._size(key) for key, letter in sizes.items()}
        if self._faults:
            raise CairnError(self._faults)
        if kind == "FC" and tile.get("K") == 1:
            del tile["K"]  # one term at a time is the only way on a mesh, which does not tile K
        if generator != "auto":
            ignored(self._document.place("generator"), "no effect: Cairn has one mapper")
        for key in self._document.values.keys() - {"tile_type", "generate_tile", "generator"}:
            if key not in sizes:
                reason = "the mapper chooses the tile" if objective else f"{kind} has no such size"
                ignored(self._document.place(key), f"'{key}' has no effect: {reason}")
        return (None, objective) if objective else (tile, None)

    def _word(self, key: str, choices: Sequence[str], default: str | None = None) -> str:
        value = self._document.values.get(key, default)
        if isinstance(value, str):
            name = value if key == "tile_type" else named(value, choices)
            self._refuse(key, choice_fault(name, choices))
            return name
        self._refuse(key, self._no_value(key, "a text", f"one of: {', '.join(choices)}"))
        return ""

    def _size(self, key: str) -> int:
        value = self._document.values.get(key)
        if isinstance(value, int) and not isinstance(value, bool):
            self._refuse(key, integer_fault(value, 1))
            return value
        self._refuse(key, self._no_value(key, "an integer", f"{key} = 1, or generate_tile"))
        return 0

    def _no_value(self, key: str, kind: str, remedy: str) -> Fault:
        if key in self._document.values:
            return "E104", f"{self._document.values[key]!r} is not {kind}", remedy
        return "E106", "missing", remedy

    def _refuse(self, key: str, fault: Fault | None) -> None:
        if fault:
            code, message, remedy = fault
            place = f"{self._document.place(key)}: {key}"
            self._faults.append(diagnostic(code, place, message, remedy))
