"""What a page shows, read from the page in the browser."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from browser import Browser

from cairn import report
from cairn.report import Source


def page_of(folder: Path, *documents: dict[str, Any]) -> Path:
    place = folder / f"page{len(list(folder.iterdir()))}.html"
    sources = [Source(f"file{at}", each) for at, each in enumerate(documents)]
    place.write_text(report.page(sources), encoding="utf-8")
    return place


def shown(browser: Browser, script: str) -> Any:
    return json.loads(browser.evaluate(f"JSON.stringify({script})"))


def trace(browser: Browser, place: str, at: int = 0) -> dict[str, Any]:
    """What a figure was drawn from."""
    keys = "({x, y, name, meta, customdata})"
    picked = f"(({keys[1:-1]}) => {keys})"
    return dict(shown(browser, f"{picked}(document.getElementById('{place}').data[{at}])"))


def traces(browser: Browser, place: str) -> dict[str, dict[str, Any]]:
    count = browser.evaluate(f"document.getElementById('{place}').data.length")
    found = [trace(browser, place, at) for at in range(count)]
    return {str(each["meta"]): each for each in found}


def rows(browser: Browser) -> list[list[str]]:
    cells = "[...row.cells].map(cell => cell.textContent)"
    body = "[...document.querySelectorAll('#table tbody tr')]"
    return list(shown(browser, f"{body}.map(row => {cells})"))


def column(browser: Browser, title: str) -> list[str]:
    titles = shown(
        browser, "[...document.querySelectorAll('#table thead button')].map(b => b.dataset.title)"
    )
    at = titles.index(title)
    return [row[at] for row in rows(browser)]


def choose(browser: Browser, label: str, at: int) -> None:
    """Choose the entry ``at`` of a menu at the head of the page."""
    menus = "[...document.querySelectorAll('#choice label')]"
    menu = f"{menus}.find(each => each.textContent.startsWith({label!r})).querySelector('select')"
    browser.evaluate(f"{menu}.value = {at}; {menu}.dispatchEvent(new Event('change'))")
