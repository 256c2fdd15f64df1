"""Tables of a result document, for terminals and logs."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from typing import IO, Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

# Logs and pipes have no width of their own; a terminal's is kept if the table fits.
LOG_WIDTH = 140
_NAME, _LEAST_NAME = 1, 12


def console(file: IO[str] | None = None) -> Console:
    """Return a console for ``file`` (standard output); it is 140 wide when that is no terminal."""
    stream = file or sys.stdout
    width = None if stream.isatty() else LOG_WIDTH
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False)


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
    if layer["operation"] == "conv" and {"channels", "filters", "input", "kernel"} <= sizes.keys():
        return _conv_text(sizes)
    return " ".join(f"{key}{_by(value)}" for key, value in sizes.items())


def _conv_text(sizes: Mapping[str, Any]) -> str:
    words = [f"{sizes['channels']}x{_by(sizes['input'])}", f"*{sizes['filters']}"]
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


def layer_table(document: Mapping[str, Any], width: int = LOG_WIDTH) -> Table:
    """Build the table of layers: one row a layer, totals below; names give way to fit ``width``."""
    totals = document["totals"]
    foot = ("", "total", "", "", *_numbers(totals), "")
    figures = ("cycles", "util %", "multipl.", "reads\n(words)", "writes\n(words)")
    head = ("#", "layer", "op", "sizes", *figures, "eval")
    rows = [
        (
            str(number),
            layer["name"],
            layer["operation"],
            sizes_text(layer),
            *_numbers(layer),
            layer["evaluator"],
        )
        for number, layer in enumerate(document["layers"], 1)
    ]
    titles = [max(title.split("\n"), key=len) for title in head]
    widths = [max(map(len, column)) for column in zip(titles, foot, *rows, strict=True)]
    room = width - sum(widths) + widths[_NAME] - len(widths)
    names = min(widths[_NAME], max(room, _LEAST_NAME))
    table = Table(box=None, pad_edge=False, show_footer=True, padding=(0, 1, 0, 0))
    for index, (title, total) in enumerate(zip(head, foot, strict=True)):
        right = index == 0 or 4 <= index <= 8
        table.add_column(
            title, total, justify="right" if right else "left", no_wrap=True, overflow="ellipsis"
        )
    for row in rows:
        table.add_row(row[0], shorten(row[_NAME], names), *row[2:])
    return table


def _numbers(counts: Mapping[str, Any]) -> tuple[str, ...]:
    """Format the figures that a layer and the totals share, in the order of the columns."""
    keys = ("multiplications", "buffer_reads", "buffer_writes")
    percent = _percent(counts["utilisation"])
    return (_count(counts["cycles"]), percent, *(_count(counts[key]) for key in keys))


def totals_text(document: Mapping[str, Any]) -> str:
    """Return the totals with their units."""
    totals, layers = document["totals"], len(document["layers"])
    return (
        f"{layers} layer{'' if layers == 1 else 's'}: {_count(totals['cycles'])} cycles, "
        f"{_percent(totals['utilisation'])} % utilisation, "
        f"{_count(totals['multiplications'])} multiplications; global buffer: "
        f"{_count(totals['buffer_reads'])} words read, {_count(totals['buffer_writes'])} written"
    )


def result(document: Mapping[str, Any], width: int = LOG_WIDTH) -> RenderableType:
    """Build everything that a run shows: the machine, the table, the totals and the notes."""
    machine = document["context"].get("machine")
    parts: list[RenderableType] = []
    if isinstance(machine, Mapping):
        parts.append(Text(f"{machine.get('name', '')}: {machine.get('summary', '')}"))
    parts += [layer_table(document, width), Text(totals_text(document), style="bold")]
    parts += [Text(f"note: {_note(note)}", style="dim") for note in document.get("notes", ())]
    return Group(*parts)


def _note(note: Any) -> str:
    return str(note.get("message", note)) if isinstance(note, Mapping) else str(note)
