"""Grouped bars as SVG text: panels below one another, readable in grey."""

from collections.abc import Mapping, Sequence

WIDTH, LEFT, TOP, HEIGHT, GAP = 760, 60, 44, 120, 46
BOLD = ' font-weight="bold"'
FILLS = ("#222222", "#9a9a9a", "#ffffff")


def text(x: float, y: float, words: str, anchor: str = "middle", more: str = "") -> str:
    """Return a line of text; ``anchor`` says which part of it stands at x."""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>{words}</text>\n'


def sideways(x: float, y: float, words: str) -> str:
    """Return a line of text that runs upwards, its middle at (x, y)."""
    return text(x, y, words, more=f' transform="rotate(-90 {x} {y:.1f})"')


def picture(width: int, height: int, parts: str) -> str:
    """Return a whole SVG file on white ground."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">\n'
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>\n{parts}</svg>\n'
    )


def _bar(x: float, bottom: float, width: float, height: float, fill: str) -> str:
    place = f'x="{x:.1f}" y="{bottom - height:.1f}" width="{width:.1f}" height="{height:.1f}"'
    return f'<rect {place} fill="{fill}" stroke="#222222"/>\n'


def _legend(series: Sequence[str]) -> str:
    parts = ""
    for index, (name, fill) in enumerate(zip(series, FILLS, strict=True)):
        x = LEFT + index * 170
        parts += _bar(x, 22, 12, 12, fill) + text(x + 18, 21, name, "start")
    return parts


def _panel(
    top: float, title: str, groups: Mapping[str, Sequence[float]], highest: int, axis: str
) -> str:
    bottom, scale = top + HEIGHT, HEIGHT / highest
    parts = text(LEFT + 4, top - 5, title, "start", BOLD)
    for tick in range(highest + 1):
        y = bottom - tick * scale
        parts += f'<path d="M{LEFT} {y:.1f}H{WIDTH - 10}" stroke="#d8d8d8"/>\n'
        parts += text(LEFT - 6, y + 4, str(tick), "end")
    parts += sideways(20, top + HEIGHT / 2, axis)
    step = (WIDTH - 10 - LEFT) / len(groups)
    for index, (name, values) in enumerate(groups.items()):
        left, width = LEFT + (index + 0.14) * step, 0.24 * step
        for place, (value, fill) in enumerate(zip(values, FILLS, strict=True)):
            parts += _bar(left + place * width, bottom, width, value * scale, fill)
        parts += text(LEFT + (index + 0.5) * step, bottom + 15, name)
    return parts


def chart(
    series: Sequence[str],
    axis: str,
    panels: Mapping[str, Mapping[str, Sequence[float]]],
    highest: int,
) -> str:
    """Draw panels[title][group] = one value a series, on an axis from 0 to ``highest``."""
    height = TOP + len(panels) * (HEIGHT + GAP)
    parts = _legend(series)
    for index, (title, groups) in enumerate(panels.items()):
        parts += _panel(TOP + 12 + index * (HEIGHT + GAP), title, groups, highest, axis)
    return picture(WIDTH, height, parts)
