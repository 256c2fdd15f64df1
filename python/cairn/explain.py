"""What a mapping document shows: a line a layer, and all about the tile of a single operation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cairn import tables, tiles
from cairn.tables import Column

Layer = Mapping[str, Any]

_LEAST_NAME = 20


def mapping(document: Mapping[str, Any], width: int = tables.LOG_WIDTH) -> RenderableType:
    """Build the machine, the table of layers, the totals, and what there is to know of one tile."""
    machine, layers = document["context"]["machine"], document["layers"]
    parts: list[RenderableType] = [
        Text(f"{machine['name']}: {machine['summary']}"),
        layer_table(document, width),
        Text(totals_text(document), style="bold"),
    ]
    if not document["totals"]["candidates"]["complete"]:
        key = "*: the search ended at its limit, before all the other tiles were ruled out"
        parts.append(Text(key, style="dim"))
    if len(layers) == 1:
        parts += ["", *explanation(document, layers[0])]
    parts += [Text(f"note: {note}", style="dim") for note in document.get("notes", ())]
    return Group(*parts)


def tile_text(tile: Mapping[str, int]) -> str:
    """Write a tile as ``--tile`` takes it, in the order of its letters and without ones."""
    if not tile:
        return "its own"
    sizes = tiles.ordered(tile).items()
    return ",".join(f"{letter}={size}" for letter, size in sizes if size > 1) or "all 1"


def layer_table(document: Mapping[str, Any], width: int = tables.LOG_WIDTH) -> Table:
    """Build the table of layers; to fit ``width`` names give way, then what matters least."""
    layers, totals = document["layers"], document["totals"]
    objective, all_of_them = _objective(document), document["context"]["multipliers"]
    every = [*layers, totals]
    used = [f"{layer['multipliers_used']:,}/{all_of_them:,}" for layer in layers]
    number = Column("#", [*(str(index) for index, _ in enumerate(layers, 1)), ""], right=True)
    names = Column("layer", [*(layer["name"] for layer in layers), "total"])
    asides = [
        Column("tile", [*(tile_text(layer["tile"]) for layer in layers), ""]),
        Column("cycles", [f"{each['cycles']:,}" for each in every], right=True),
        Column("bound by", [*(layer["bound"]["by"] for layer in layers), ""]),
        Column("sizes", [*(tables.sizes_text(layer) for layer in layers), ""]),
        Column("multi-\npliers", [*used, ""], right=True),
        Column("tried", [_tried(each) for each in every], right=True),
    ]
    if objective != "cycles":
        figures = [_figure(each, objective) for each in every]
        asides.insert(2, Column(objective, figures, right=True))
    shown = [*asides]
    least = min(names.width, _LEAST_NAME)
    while tables.room_beside([number, *shown], width) - 1 < least and len(shown) > 3:
        shown.pop()
    room = max(least, tables.room_beside([number, *shown], width) - 1)
    short = Column("layer", [tables.shorten(name, room) for name in names.cells])
    order = ("sizes", "tile", "multi-\npliers", "cycles", objective, "bound by", "tried")
    shown.sort(key=lambda column: order.index(column.title))
    return tables.assembled([number, short, *shown])


def _objective(document: Mapping[str, Any]) -> str:
    return str(document["context"]["objective"])


def _figure(counts: Layer, objective: str) -> str:
    """Write what a tile costs by an objective."""
    if objective == "cycles":
        return f"{counts['cycles']:,}"
    return f"{cost:.4g}" if (cost := _cost(counts, objective)) else "-"


def _cost(counts: Layer, objective: str) -> float:
    """Return what is minimised; of alternatives the product of energy and cycles is not told."""
    if objective == "edp":
        return float(counts["energy"]) * float(counts["cycles"])
    return float(counts[objective])


def _tried(counts: Layer) -> str:
    """Say how many of the legal tiles were evaluated; a star: it ended before the others lost."""
    tried = counts["candidates"]
    mark = "" if tried["complete"] else "*"
    return f"{mark}{tried['evaluated']:,} of {tried['legal']:,}"


def totals_text(document: Mapping[str, Any]) -> str:
    """Return the totals with their units."""
    totals, count = document["totals"], len(document["layers"])
    tried = totals["candidates"]
    rest = (
        ", a bound rules out the others" if tried["complete"] else ", an untried one may be better"
    )
    return (
        f"{count} layer{'' if count == 1 else 's'}: {totals['cycles']:,} cycles, "
        f"{100 * totals['utilisation']:.1f} % utilisation, mapped for {_objective(document)}; "
        f"{tried['evaluated']:,} of {tried['legal']:,} legal tiles tried"
        f"{rest if tried['evaluated'] < tried['legal'] else ''}"
    )


def explanation(document: Mapping[str, Any], layer: Layer) -> Iterator[RenderableType]:
    """Yield the tile, what bounds it and by how much, and the best of the other tiles."""
    bound, all_of_them = layer["bound"], document["context"]["multipliers"]
    used = f"{layer['multipliers_used']:,} of {all_of_them:,} multipliers"
    more = 100 * (layer["cycles"] / bound["cycles"] - 1)
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="cyan", no_wrap=True)
    grid.add_column()
    grid.add_row("tile", Text(f"{tile_text(layer['tile'])}: {used}"))
    grid.add_row("bound by", Text(f"{bound['by']}: {bound['text']}"))
    within = (
        f"at least {bound['cycles']:,} cycles; it takes {layer['cycles']:,}, {more:,.2f} % more"
    )
    grid.add_row("bound", Text(within))
    yield grid
    if layer["alternatives"]:
        yield Text("\nThe best of the other tiles:")
        yield _alternatives(layer, _objective(document))


def _alternatives(layer: Layer, objective: str) -> Table:
    """Build the table of tiles that lost, with what they would cost and why it is more."""
    shown = [*dict.fromkeys(("cycles", objective))]
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("tile", no_wrap=True)
    for title in (*shown, "times"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("bound by", no_wrap=True)
    table.add_column("why it loses")
    best = _cost(layer, objective)
    for other in layer["alternatives"]:
        figures = (_figure(other, each) for each in shown)
        times = f"{_cost(other, objective) / best:.2f}x" if best else "-"
        cells = (tile_text(other["tile"]), *figures, times, other["bound_by"], other["why"])
        table.add_row(*map(Text, cells))
    return table
