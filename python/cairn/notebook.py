"""Results as tables in a notebook: the tables of the terminal, in HTML."""

from __future__ import annotations

import html as markup
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from cairn import effective, tables

if TYPE_CHECKING:
    import cairn

_WIDE = 10_000  # a page scrolls: nothing is shortened
_FRAME = "max-height: 40em; overflow: auto"
_CELL = "padding: 0 0.6em; white-space: pre; font-variant-numeric: tabular-nums"


def html(document: Mapping[str, Any]) -> str:
    """Render a result or comparison document: what the terminal shows, with whole names."""
    view = tables.comparison if "results" in document else tables.result
    shown = view(document, _WIDE)
    assert isinstance(shown, Group)
    parts = (
        f'<div style="{_FRAME}">{_table(each)}</div>'
        if isinstance(each, Table)
        else f"<div>{_text(each)}</div>"
        for each in shown.renderables
    )
    return f"<div>{''.join(parts)}</div>"


def session(session: cairn.Session) -> str:
    """Render the layers of a session so far."""
    return html(effective.completed(session.document({})))


def _table(table: Table) -> str:
    columns = table.columns
    rows = zip(*(column.cells for column in columns), strict=True)

    def line(cells: Any, tag: str) -> str:
        styled = (
            f'<{tag} style="text-align: {column.justify}; {_CELL}">{_text(cell)}</{tag}>'
            for column, cell in zip(columns, cells, strict=True)
        )
        return f"<tr>{''.join(styled)}</tr>"

    return (
        f"<table><thead>{line([column.header for column in columns], 'th')}</thead>"
        f"<tbody>{''.join(line(cells, 'td') for cells in rows)}</tbody>"
        f"<tfoot>{line([column.footer for column in columns], 'th')}</tfoot></table>"
    )


def _text(cell: Any) -> str:
    plain = cell.plain if isinstance(cell, Text) else str(cell)
    return markup.escape(plain)
