"""Tables of a result document, for terminals and logs."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any

from rich.console import Console, Group, JustifyMethod, RenderableType
from rich.table import Table
from rich.text import Text

from cairn import compare, effective, energy, summary

# Logs and pipes have no width of their own; a terminal's is kept if the table fits.
LOG_WIDTH = 140
_LEAST_NAME, _LEAST_NAME_BESIDE = 12, 20
_LEAST_ROWS = 5
_LINES_OF_TABLE_AND_PROMPT = 7  # heads, the total, where the others are; verdict, next prompt

EFFECTIVE_KEY = (
    "dense utilisation: all multiplications / (multipliers x cycles), above 100 % where zeros are "
    "left out; effective: those of two non-zeros"
)


def console(file: IO[str] | None = None) -> Console:
    """Return a console for ``file`` (standard output); it is 140 wide when that is no terminal."""
    stream = file or sys.stdout
    width = None if stream.isatty() else LOG_WIDTH
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False)


def screen(out: Console) -> int | None:
    """Return how many lines a screen has; None if ``out`` is no screen and all layers are shown."""
    return out.height if out.file.isatty() else None


def shorten(name: str, width: int) -> str:
    """Shorten a layer name to ``width``, keeping its numbers and its end.

    Layers of a repeated block differ only in a number in the middle of their names, so path parts
    without a digit are given up first, the longest first; only then is the middle cut out.
    """
    mark = "/" if "/" in name else "."
    gap = f"…{mark}"
    parts = re.split(rf"(?<=[{mark}])", name)
    while len("".join(parts)) > width:
        spare = [
            index
            for index, part in enumerate(parts[:-1])
            if len(part) > 2 and not any(map(str.isdigit, part))
        ]
        if not spare:
            break
        parts[max(spare, key=lambda index: len(parts[index]))] = gap
    short = re.sub(f"({re.escape(gap)})+", gap, "".join(parts))
    if len(short) <= width:
        return short
    head = (width - 1) // 2
    return f"{short[:head]}…{short[len(short) - (width - 1 - head) :]}"


def sizes_text(layer: Mapping[str, Any]) -> str:
    """Describe the sizes of a layer in one short phrase, e.g. ``64x56x56 *64 k3x3 s2``."""
    sizes = {key.lower(): value for key, value in layer["sizes"].items()}
    if layer["operation"] == "gemm" and {"m", "n", "k"} <= sizes.keys():
        batch = f"{sizes['batch']} x " if sizes.get("batch", 1) > 1 else ""
        return f"{batch}M{sizes['m']} N{sizes['n']} K{sizes['k']}"
    if {"channels", "input", "kernel"} <= sizes.keys():
        return _windows_text(sizes)
    return " ".join(f"{key}{_by(value)}" for key, value in sizes.items())


def _windows_text(sizes: Mapping[str, Any]) -> str:
    """Describe a convolution or max-pooling."""
    words = [f"{sizes['channels']}x{_by(sizes['input'])}"]
    if "filters" in sizes:
        words.append(f"*{sizes['filters']}")
    words.append(f"k{_by(sizes['kernel'])}")
    for key, letter in (("stride", "s"), ("dilation", "d")):
        if any(step != 1 for step in sizes.get(key, ())):
            steps = sizes[key]
            words.append(f"{letter}{_by(steps[:1] if len(set(steps)) == 1 else steps)}")
    if sizes.get("groups", 1) > 1:
        words.append(f"g{sizes['groups']}")
    if sizes.get("batch", 1) > 1:
        words.insert(0, f"{sizes['batch']}x")
    return " ".join(words)


def _by(value: Any) -> str:
    """Write ``[3, 3]`` as ``3x3``."""
    return "x".join(map(str, value)) if isinstance(value, Sequence) else str(value)


def _count(value: int) -> str:
    return f"{value:,}"


def _percent(value: float) -> str:
    return f"{100.0 * value:.1f}"


@dataclass(frozen=True)
class Column:
    """A column of a table of layers; the last cell is the total's."""

    title: str
    cells: list[str | Text]
    right: bool = False

    @property
    def width(self) -> int:
        """How wide the widest cell is."""
        titles = self.title.split("\n")
        return max(map(len, [*titles, *self.cells]))


def assembled(columns: Sequence[Column]) -> Table:
    """Build a table of columns that have as many cells each."""
    table = Table(box=None, pad_edge=False, show_footer=True, padding=(0, 1, 0, 0))
    for column in columns:
        justify: JustifyMethod = "right" if column.right else "left"
        table.add_column(column.title, column.cells[-1], justify=justify, no_wrap=True)
    for cells in zip(*(column.cells[:-1] for column in columns), strict=True):
        table.add_row(*cells)
    return table


def room_beside(columns: Sequence[Column], width: int) -> int:
    """Return how much of ``width`` the columns leave for another."""
    return width - sum(column.width + 1 for column in columns)


def layer_table(
    document: Mapping[str, Any], width: int = LOG_WIDTH, most: int | None = None
) -> Table:
    """Build the table of layers: one row a layer, totals below.

    To fit ``width``, names give way, and where zeros are counted their shares, then the sizes. To
    fit ``most`` rows, the layers that take the fewest cycles become one.
    """
    numbers, layers = summary.folded(document["layers"], most)
    totals = document["totals"]
    number = Column("#", [*numbers, ""], right=True)
    names = [*(layer["name"] for layer in layers), "total"]
    plain = {
        "op": [layer["operation"] for layer in layers],
        "sizes": [sizes_text(layer) for layer in layers],
    }
    evaluators = Column("eval", [*(layer["evaluator"] for layer in layers), ""])
    words = [Column(title, [*cells, ""]) for title, cells in plain.items()]
    figures = [*_figure_columns([*layers, totals]), evaluators]
    shares = _share_columns(layers)
    least = min(max(map(len, names)), _LEAST_NAME)
    spare = [*([words[1]] if shares else []), *shares]

    def room() -> int:
        return room_beside([number, *words, *figures, *shares], width)

    while spare and room() < least:
        gone = spare.pop()
        words, shares = ([each for each in some if each is not gone] for some in (words, shares))
    space = max(room(), _LEAST_NAME)
    short = Column("layer", [shorten(name, space) for name in names])
    return assembled([number, short, *words, *figures[:-1], *shares, figures[-1]])


def _figure_columns(rows: Sequence[Mapping[str, Any]]) -> list[Column]:
    """Build the columns of what layers and totals share; the last row holds the totals."""
    counted = any(row.get(effective.COUNT) is not None for row in rows)
    columns = [
        ("cycles", "cycles", _count),
        ("dense\nutil %" if counted else "util %", "utilisation", _percent),
        ("effective\nutil %", effective.UTILISATION, _percent),
        ("multipl.", "multiplications", _count),
        ("effective\nmultipl.", effective.COUNT, _count),
        ("reads\n(words)", "buffer_reads", _count),
        ("writes\n(words)", "buffer_writes", _count),
    ]
    return [
        Column(title, [_known(row.get(key), write) for row in rows], right=True)
        for title, key, write in columns
        if counted or not title.startswith("effective")
    ]


def _share_columns(layers: Sequence[Mapping[str, Any]]) -> list[Column]:
    """Build the columns of the shares of zeros, if any layer tells them."""
    if not any(layer.get("sparsity") for layer in layers):
        return []
    shares = [layer.get("sparsity") or {} for layer in layers]
    return [
        Column(
            f"zeros %\n({name})", [*(_known(each.get(name), _percent) for each in shares), ""], True
        )
        for name in ("weights", "inputs")
    ]


def _known(value: Any, write: Callable[[Any], str]) -> str:
    """Write a figure, or that there is none."""
    return "-" if value is None else write(value)


def totals_text(document: Mapping[str, Any]) -> str:
    """Return the totals with their units."""
    totals, layers = document["totals"], len(document["layers"])
    percent, count = f"{_percent(totals['utilisation'])} %", _count(totals["multiplications"])
    shown = f"{percent} utilisation, {count} multiplications"
    if totals.get("comparisons"):
        shown += f", {_count(totals['comparisons'])} comparisons"
    if totals.get(effective.COUNT) is not None:
        percent = f"{percent} dense, {_percent(totals[effective.UTILISATION])} % effective"
        of = f", {_count(totals[effective.COUNT])} of them of two non-zeros"
        shown = f"{percent} utilisation, {count} multiplications{of}"
    return (
        f"{layers} layer{'' if layers == 1 else 's'}: {_count(totals['cycles'])} cycles, "
        f"{shown}; global buffer: "
        f"{_count(totals['buffer_reads'])} words read, {_count(totals['buffer_writes'])} written"
    )


def result(
    document: Mapping[str, Any], width: int = LOG_WIDTH, height: int | None = None
) -> RenderableType:
    """Build everything that a run shows: the machine, the table, the summary and the notes.

    In a ``height`` the costliest layers have lines of their own, so many that all the rest fits.
    """
    machine = document["context"].get("machine")
    above: list[RenderableType] = []
    if isinstance(machine, Mapping):
        above.append(Text(f"{machine.get('name', '')}: {machine.get('summary', '')}"))
    below: list[RenderableType] = []
    if any(layer.get(effective.COUNT) is not None for layer in document["layers"]):
        below.append(Text(EFFECTIVE_KEY, style="dim"))
    below.append(Text(totals_text(document), style="bold"))
    below += [Text(line) for line in summary.lines(document)]
    below += [Text(f"note: {_note(note)}", style="dim") for note in document.get("notes", ())]
    most = None
    if height is not None:
        beside = Console(width=width).render_lines(Group(*above, *below), pad=False)
        most = max(_LEAST_ROWS, height - _LINES_OF_TABLE_AND_PROMPT - len(beside))
        if most < len(document["layers"]):
            below.insert(0, Text("others: --all shows every layer", style="dim"))
    return Group(*above, layer_table(document, width, most), *below)


def comparison(document: Mapping[str, Any], width: int = LOG_WIDTH) -> RenderableType:
    """Build everything that a comparison shows: machines, layers side by side, verdict, notes."""
    names = compare.machines(document)
    machines = [result["context"]["machine"] for result in document["results"]]
    key = (
        f"ratio: cycles / cycles of {names[0]}, so 0.50x takes half of its cycles; "
        "*: the fewest cycles of all"
    )
    notes = {
        f"note: {_note(note)}": None
        for result in document["results"]
        for note in result.get("notes", ())
    }
    return Group(
        *(Text(f"{machine['name']}: {machine['summary']}") for machine in machines),
        *comparison_tables(document, width),
        *([Text(EFFECTIVE_KEY, style="dim")] if _counted(document) else []),
        Text(key, style="dim"),
        Text(compare.verdict(document), style="bold"),
        *(
            Text(f"{name}: {energy.totals_text(result)}")
            for name, result in zip(names, document["results"], strict=True)
            if "energy" in result["totals"]
        ),
        *(Text(note, style="dim") for note in notes),
    )


def comparison_tables(document: Mapping[str, Any], width: int = LOG_WIDTH) -> list[Table]:
    """Build the table of layers with the machines side by side.

    To fit ``width``, names give way, then multiplications, then sizes; machines that still find no
    room go to a further table.
    """
    rows = [*compare.rows(document), compare.totals(document)]
    layers = rows[:-1]
    number = Column("#", [*(str(index) for index, _ in enumerate(layers, 1)), ""], right=True)
    names = Column("layer", [row.name for row in rows])
    sizes = Column("sizes", [*(sizes_text(row.known) for row in layers), ""])
    products = [_count(row.known["multiplications"]) for row in rows]
    asides = [sizes, Column("multipl.", products, right=True)]
    least = min(names.width, _LEAST_NAME_BESIDE)

    def room(columns: Sequence[Column]) -> int:
        return room_beside([number, *columns], width)

    blocks: list[list[Column]] = [[]]
    for index in range(len(document["results"])):
        machine = _machine(document, rows, index, _counted(document))
        if blocks[-1] and room([*blocks[-1], machine]) < least:
            blocks.append([])
        blocks[-1].append(machine)
    while asides and min(room([*asides, *block]) for block in blocks) < least:
        asides.pop()
    tables = []
    for block in blocks:
        space = min(names.width, max(least, room([*asides, *block])))
        short = Column("layer", [shorten(name, space) for name in names.cells])
        tables.append(assembled([number, short, *asides, *block]))
    return tables


def _counted(document: Mapping[str, Any]) -> bool:
    """Whether any machine of a comparison has counted effective multiplications."""
    rows = compare.rows(document)
    return any(row.effective(row.figures.index(row.known)) is not None for row in rows)


def _machine(
    document: Mapping[str, Any], rows: Sequence[compare.Row], index: int, counted: bool
) -> Column:
    """Build the column of one machine: cycles, utilisation and, but for the first, the ratio."""
    shown = {"cycles ": True, "dense %" if counted else "util %": True}
    shown |= {"eff %": counted, "ratio": index > 0}
    titles = [title for title, wanted in shown.items() if wanted]
    figures = [
        [word for word, wanted in zip(_figures(row, index), shown.values(), strict=True) if wanted]
        for row in rows
    ]
    widths = [max(map(len, column)) for column in zip(titles, *figures, strict=True)]

    def line(words: Sequence[str]) -> str:
        return "".join(f" {word:>{width}}" for word, width in zip(words, widths, strict=True))

    inner = line(titles)
    name = shorten(compare.machines(document)[index], len(inner) - 1)
    won = [index in row.fastest() for row in rows]
    cells = [
        Text(line(words), style="green" if best else "")
        for words, best in zip(figures, won, strict=True)
    ]
    return Column(f" {name} ".ljust(len(inner), "─") + f"\n{inner}", cells)


def _figures(row: compare.Row, index: int) -> tuple[str, str, str, str]:
    """Format what the layer of a row took on one machine."""
    figures, ratio = row.figures[index], row.ratio(index)
    if figures is None:
        return ("- ", "-", "-", "-")
    mark = "*" if index in row.fastest() else " "
    times = "-" if ratio is None else f"{ratio:.2f}x" if ratio >= 0.1 else f"{ratio:#.2g}x"
    percents = (_percent(figures["utilisation"]), _known(row.effective(index), _percent))
    return (f"{_count(figures['cycles'])}{mark}", *percents, times)


def _note(note: Any) -> str:
    return str(note.get("message", note)) if isinstance(note, Mapping) else str(note)
