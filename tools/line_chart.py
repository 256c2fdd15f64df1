"""Lines on two logarithmic axes as SVG text: panels in two columns, readable in grey."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, floor, log10

from bar_chart import BOLD, picture, sideways, text

COLUMN, LEFT, TOP, WIDE, HIGH, ROW = 450, 54, 30, 232, 132, 210
GUIDE = -1  # the style of a line without marks


@dataclass(frozen=True)
class Line:
    """A curve; ``style`` makes curves of several panels look the same."""

    name: str
    style: int
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Panel:
    """Curves over one quantity; a guide is cut off where the others end."""

    title: str
    x: str
    y: str
    lines: Sequence[Line]


@dataclass(frozen=True)
class _Style:
    stroke: str
    dash: str
    mark: str  # a path around (0, 0)
    fill: str


_CIRCLE = "m-3.2 0a3.2 3.2 0 1 0 6.4 0a3.2 3.2 0 1 0 -6.4 0z"
_SQUARE = "m-3 -3h6v6h-6z"
_UP, _DIAMOND = "m0 -4l4 7h-8z", "m0 -4.4l4.4 4.4l-4.4 4.4l-4.4 -4.4z"
_STYLES = (
    _Style("#111111", "", _CIRCLE, "#111111"),
    _Style("#111111", "6 3", _UP, "#ffffff"),
    _Style("#777777", "3 2", _SQUARE, "#777777"),
    _Style("#444444", "", _SQUARE, "#ffffff"),
    _Style("#8a8a8a", "", _DIAMOND, "#8a8a8a"),
    _Style("#777777", "8 3 2 3", _CIRCLE, "#ffffff"),
)
_GUIDE = _Style("#999999", "1 3", "", "none")


class _Axis:
    """A logarithmic axis from ``low`` to ``high``, drawn from pixel ``begin`` to ``end``."""

    def __init__(self, low: float, high: float, begin: float, end: float) -> None:
        self.low, self.high = low, high
        self._begin, self._scale = begin, (end - begin) / log10(high / low)

    def __call__(self, value: float) -> float:
        return self._begin + log10(value / self.low) * self._scale

    def ticks(self) -> Iterator[float]:
        """Yield round numbers, at most seven of them."""
        decades = log10(self.high / self.low)
        steps = (1, 2, 5) if decades < 2 else (1,)
        stride = max(1, ceil(decades / 6))
        for power in range(floor(log10(self.low)), ceil(log10(self.high)) + 1, stride):
            for step in steps:
                if self.low <= step * 10.0**power <= self.high:
                    yield step * 10.0**power


def number(value: float) -> str:
    """Return a number in few characters: 0.5, 64, 16,384, 131k, 10M."""
    for unit, name in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e5, "k")):
        if value >= unit:
            return f"{value / (1e3 if name == 'k' else unit):.3g}{name}"
    return f"{value:,.0f}" if value >= 1 else f"{value:.2g}"


def _style(line: Line) -> _Style:
    return _GUIDE if line.style == GUIDE else _STYLES[line.style]


def _stroke(style: _Style, path: str) -> str:
    dash = f' stroke-dasharray="{style.dash}"' if style.dash else ""
    return f'<path d="{path}" fill="none" stroke="{style.stroke}" stroke-width="1.5"{dash}/>\n'


def _mark(style: _Style, x: float, y: float) -> str:
    path = f"M{x:.1f} {y:.1f}{style.mark}"
    return f'<path d="{path}" fill="{style.fill}" stroke="{style.stroke}"/>\n'


def _within(points: Sequence[tuple[float, float]], low: float, high: float) -> list:
    """Cut a rising guide off at the edges of the axis."""
    kept: list[tuple[float, float]] = []
    for (x0, y0), (x1, y1) in pairwise(points):
        begin, end = max(min(y0, high), low), max(min(y1, high), low)
        if begin == end:
            continue
        slope = log10(x1 / x0) / log10(y1 / y0)
        kept += [(x0 * (y / y0) ** slope, y) for y in (begin, end)]
    return kept


def _curve(line: Line, x: _Axis, y: _Axis) -> str:
    style = _style(line)
    points = line.points if line.style != GUIDE else _within(line.points, y.low, y.high)
    if not points:
        return ""
    places = [(x(across), y(up)) for across, up in points]
    parts = _stroke(style, "M" + "L".join(f"{across:.1f} {up:.1f}" for across, up in places))
    if style.mark:
        parts += "".join(_mark(style, *place) for place in places)
    return parts


def _legend(left: float, top: float, lines: Sequence[Line]) -> str:
    """Name the curves, in the order in which they end on the right."""
    parts = ""
    curves = sorted(lines, key=lambda line: (line.style == GUIDE, -max(line.points)[1]))
    for index, line in enumerate(curves):
        style, up = _style(line), top + 8 + index * 18
        parts += _stroke(style, f"M{left:.1f} {up:.1f}h24")
        if style.mark:
            parts += _mark(style, left + 12, up)
        parts += text(left + 30, up + 4, line.name, "start", ' font-size="11"')
    return parts


def _panel(left: float, top: float, panel: Panel) -> str:
    curves = [line for line in panel.lines if line.style != GUIDE]
    across = sorted({x for line in curves for x, _ in line.points})
    ups = [y for line in curves for _, y in line.points]
    bottom, right = top + HIGH, left + WIDE
    x = _Axis(across[0], across[-1], left + 8, right - 8)
    y = _Axis(min(*ups, 1) / 1.3, max(*ups, 4) * 1.3, bottom, top)
    parts = text(left, top - 8, panel.title, "start", BOLD)
    for value in y.ticks():
        up = y(value)
        parts += f'<path d="M{left} {up:.1f}H{right}" stroke="#d8d8d8"/>\n'
        parts += text(left - 5, up + 4, number(value), "end", ' font-size="11"')
    parts += f'<path d="M{left} {top}V{bottom}H{right}" stroke="#555555" fill="none"/>\n'
    end = float("-inf")
    for value in across:
        place, half = x(value), 3.4 * len(number(value))
        if place - half < end:
            continue
        end = place + half + 4
        parts += f'<path d="M{place:.1f} {bottom}v4" stroke="#555555"/>\n'
        parts += text(place, bottom + 16, number(value), more=' font-size="11"')
    parts += text(left + WIDE / 2, bottom + 32, panel.x)
    parts += sideways(left - 42, top + HIGH / 2, panel.y)
    order = sorted(panel.lines, key=lambda line: line.style != GUIDE)
    return (
        parts
        + "".join(_curve(each, x, y) for each in order)
        + _legend(right + 8, top, curves + [line for line in panel.lines if line.style == GUIDE])
    )


def chart(panels: Sequence[Panel]) -> str:
    """Draw the panels, two in a row."""
    parts = "".join(
        _panel(LEFT + index % 2 * COLUMN, TOP + index // 2 * ROW, panel)
        for index, panel in enumerate(panels)
    )
    return picture(2 * COLUMN, TOP - 14 + -(-len(panels) // 2) * ROW, parts)
