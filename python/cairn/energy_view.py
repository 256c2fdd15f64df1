"""What a priced result shows: its table, its components and its costliest layers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from cairn import energy, tables
from cairn.tables import Column

Document = Mapping[str, Any]

_COSTLIEST = 10


def view(document: Document, width: int = tables.LOG_WIDTH) -> RenderableType:
    """Build what is shown of a priced result: the table, its components, the costliest layers."""
    about, machine = document["context"]["energy"], document["context"]["machine"]
    node = ", ".join(filter(None, (about["node"], about["datatype"])))
    buffer = "" if about["buffer"] is None else f", buffer of {about['buffer']:g} KiB"
    at = f"{about['clock']:g} MHz"
    parts: list[RenderableType] = [
        Text(f"{machine['name']}: {machine['summary']}"),
        Text(f"{about['table']}: {node}, {at}{buffer}; energies in {about['unit']}"),
        Text(""),
        tables.assembled([*_component_columns(document)]),
        Text(""),
        tables.assembled([*_layer_columns(document, width)]),
        Text(energy.totals_text(document), style="bold"),
    ]
    if about["note"]:
        parts.append(Text(f"note: {about['note']}", style="dim"))
    return Group(*parts)


def _component_columns(document: Document) -> Iterator[Column]:
    total, area = document["totals"]["energy"], document["area"]
    names = [*area["components"]]
    rows = [total["components"].get(name, {"dynamic": 0.0, "static": 0.0}) for name in names]
    sums = [row["dynamic"] + row["static"] for row in rows]
    units = [*area["components"].values()]
    every = total["total"] or 1.0
    yield Column("component", [*names, "total"])
    yield Column("units", [*(f"{each['units']:,}" for each in units), ""], right=True)
    yield Column(
        "area\n(um2)",
        [*(f"{each['area']:,.0f}" for each in units), f"{area['total']:,.0f}"],
        right=True,
    )
    for kind in ("dynamic", "static"):
        cells = [*(f"{row[kind]:,.4g}" for row in rows), f"{total[kind]:,.4g}"]
        yield Column(kind, cells, right=True)
    yield Column(
        "total", [*(f"{each:,.4g}" for each in sums), f"{total['total']:,.4g}"], right=True
    )
    yield Column("%", [*(f"{100 * each / every:.1f}" for each in sums), ""], right=True)


def _layer_columns(document: Document, width: int) -> Iterator[Column]:
    ranked = sorted(document["layers"], key=lambda layer: -layer["energy"]["total"])
    shown, rest = ranked[:_COSTLIEST], ranked[_COSTLIEST:]
    total = document["totals"]
    every = total["energy"]["total"] or 1.0
    space = max(width // 3, 12)
    last = f"{len(rest)} more, total" if rest else "total"
    yield Column("costliest layers", [*(tables.shorten(x["name"], space) for x in shown), last])
    yield Column("cycles", [f"{each['cycles']:,}" for each in (*shown, total)], right=True)
    for kind in ("dynamic", "static", "total"):
        cells = [f"{each['energy'][kind]:,.4g}" for each in (*shown, total)]
        yield Column(kind, cells, right=True)
    shares = [f"{100 * each['energy']['total'] / every:.1f}" for each in shown]
    yield Column("%", [*shares, ""], right=True)
    yield Column("power\n(W)", [_watts(each["energy"]) for each in (*shown, total)], right=True)
    yield Column("energy x\nseconds", [f"{x['energy']['edp']:.3g}" for x in (*shown, total)], True)


def _watts(of: Document) -> str:
    return "-" if of["power"] is None else f"{of['power']:.3g}"
