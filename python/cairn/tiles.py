"""Tiles that are given: one for all layers that have its letters, or a file with those of each."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from typing import Any

import cairn
from cairn import machines
from cairn.errors import CairnError, Diagnostic, diagnostic, nearest
from cairn.files import readable
from cairn.stonne import toml
from cairn.stonne.hardware import integer_fault
from cairn.stonne.tile import tiling

Tile = Mapping[str, int]

# The letters of a layer on a flexible machine; on a systolic one all layers are products.
PRODUCT, CONVOLUTION, POOLING = "MNK", "RSCKGNXY", "RSCNXY"


def letters(operation: Any) -> str:
    """Return the letters of an operation's tile: a convolution over a volume runs as a product."""
    if isinstance(operation, cairn.MaxPool):
        return POOLING
    product = isinstance(operation, cairn.Gemm) or len(operation.input) == 3
    return PRODUCT if product else CONVOLUTION


def ordered(tile: Tile) -> Tile:
    """Put the sizes of a tile in the order of its letters."""
    order = PRODUCT if "M" in tile else CONVOLUTION
    return {letter: tile[letter] for letter in sorted(tile, key=order.index)}


@dataclass(frozen=True)
class Tiles:
    """A tile for every layer that has its letters, or tiles of layers by name.

    By name there is one tile for all layers of that name, or a list with the tile of each.
    """

    every: Tile | None = None
    named: Mapping[str, Tile | Sequence[Tile]] = field(default_factory=dict)
    source: str = ""

    def over(
        self, machine: cairn.Machine, layers: Sequence[tuple[str, str]] | None = None
    ) -> Choice:
        """Begin with the layers of a workload: the name and the letters of each, where known.

        Raises E107 for names that no layer has, and E401 for more tiles than layers.
        """
        systolic = self.every is not None and machines.family(machine) == "systolic"
        if layers is None:
            return Choice(self, systolic, [PRODUCT, CONVOLUTION, POOLING])
        faults = list(self._unknown(Counter(name for name, _ in layers)))
        if faults:
            raise CairnError(faults)
        return Choice(self, systolic, [each for _, each in layers])

    def _unknown(self, layers: Mapping[str, int]) -> Iterator[Diagnostic]:
        for name, tile in self.named.items():
            place, count = f"{self.source}: tiles.{name}", layers.get(name, 0)
            if not count:
                hint = nearest(name, layers, "`cairn map` names the layers")
                yield diagnostic("E107", place, "there is no such layer", hint)
            elif not isinstance(tile, Mapping) and len(tile) > count:
                message = f"{len(tile)} tiles, but {count} of the layers are called so"
                yield diagnostic("E401", place, message, "a tile for each of them")


class Choice:
    """Hands a workload's layers their tiles, one after the other."""

    def __init__(self, tiles: Tiles, systolic: bool, layers: Sequence[str]) -> None:
        """Decide whether anybody has the letters; if nobody has, the core says what is wrong."""
        self._tiles, self._systolic = tiles, systolic
        self._seen: Counter[str] = Counter()
        self._all = not any(map(self._has, layers))

    def __call__(self, name: str, operation: Any) -> dict[str, int] | None:
        """Return the tile that is given to a layer; None: the mapper chooses."""
        every, named = self._tiles.every, self._tiles.named.get(name)
        index = self._seen[name]
        self._seen[name] += 1
        if isinstance(named, Mapping):
            return dict(named)
        if named is not None:
            return dict(named[index]) if index < len(named) else None
        return dict(every) if every and (self._all or self._has(letters(operation))) else None

    def _has(self, known: str) -> bool:
        """Whether a layer with these letters has those of the tile."""
        return set(self._tiles.every or ()) <= set(PRODUCT if self._systolic else known)


def read(path: str | PathLike[str]) -> tuple[Tiles, str | None]:
    """Read a file of tiles, or a tile file of the reference; also the mapper's objective there.

    Raises E101 to E107, all faults at once.
    """
    document = toml.read(path)
    if "tiles" not in document.tables:
        tile, objective = tiling(document)
        return Tiles(tile), objective
    named = document.tables["tiles"]
    faults = [
        diagnostic("E103", f"{document.path}: {key}", "unknown key", "[tiles]")
        for key in document.tables.keys() - {"tiles"}
    ]
    if isinstance(named, dict):
        faults += [each for name in named for each in _faults(document.path, name, named[name])]
    else:
        faults.append(diagnostic("E104", document.place("tiles"), "not a table", "[tiles]"))
    if faults:
        raise CairnError(faults)
    return Tiles(named=named, source=document.path), None


def _faults(source: str, name: str, given: Any) -> Iterator[Diagnostic]:
    """Yield what is wrong with the tiles that are given for a name."""
    place = f"{source}: tiles.{name}"
    for tile in given if isinstance(given, list) else [given]:
        if not (isinstance(tile, dict) and tile):
            yield diagnostic(
                "E104", place, f"{tile!r} is not a tile", "for example { M = 4, N = 8 }"
            )
            continue
        for letter, size in tile.items():
            if type(size) is not int:
                message = f"{size!r} is not an integer"
                yield diagnostic("E104", f"{place}.{letter}", message, f"{letter} = 1 or more")
            elif fault := integer_fault(size, 1):
                yield diagnostic(fault[0], f"{place}.{letter}", *fault[1:])


def text(mapping: Mapping[str, Any]) -> str:
    """Write the tiles of a mapping document as a file that ``--tile`` reads."""
    tiles: dict[str, list[str]] = {}
    for layer in mapping["layers"]:
        sizes = (f"{letter} = {size}" for letter, size in ordered(layer["tile"]).items())
        tiles.setdefault(layer["name"], []).append(f"{{ {', '.join(sizes)} }}")
    context = mapping["context"]
    about = f"{context['target']} on {context['machine']['name']}, for {context['objective']}"
    lines = [f"# Tiles for {readable(about)}; `cairn run --tile` takes this file.\n[tiles]\n"]
    for name, each in tiles.items():
        value = each[0] if len(set(each)) == 1 else f"[{', '.join(each)}]"
        lines.append(f"{_quoted(name)} = {value}\n")
    return "".join(lines)


def _quoted(name: str) -> str:
    """Write a text as TOML does, which is as JSON does but for one control character."""
    return json.dumps(name, ensure_ascii=False).replace("\x7f", "\\u007f")
