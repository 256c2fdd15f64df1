"""The page docs/validation/growth.md: how cost grows with layers and machines (`make growth`)."""

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from math import log
from pathlib import Path

import growth_curves as curves
from growth_curves import Measured
from line_chart import GUIDE, Line, Panel, chart, number
from pages import table

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "validation"
FIGURE = "growth.svg"
STEEP = 1.25  # exponents above are more than linear


def factor(value: float) -> str:
    """Return how many times something is what it was."""
    return f"{value:.1f}" if 1 <= value < 10 else number(value)


@dataclass(frozen=True)
class Grown:
    """A measured curve."""

    family: curves.Family
    curve: curves.Curve
    points: list[Measured]

    @property
    def time(self) -> float:
        """Return the last point's time over the first's."""
        return self.points[-1].seconds / self.points[0].seconds

    @property
    def work(self) -> float:
        """Return the last point's simulated cycles over the first's; 0 of a search."""
        return self.points[-1].cycles / self.points[0].cycles if self.points[0].cycles else 0

    @property
    def exponent(self) -> float:
        """Return p of x to the p, over the last factor of four or more in x."""
        last = self.points[-1]
        far = [each for each in self.points if abs(log(last.x / each.x)) >= log(4)]
        first = (far or self.points)[-1 if far else 0]
        return log(last.seconds / first.seconds) / abs(log(last.x / first.x))

    @property
    def stopped(self) -> bool:
        """Whether larger points would have taken too long."""
        return self.points[-1].seconds > curves.TOO_LONG

    @property
    def searched(self) -> bool:
        """Whether these are searches for a tile, not runs."""
        return self.points[0].point.tile is None

    @property
    def steep(self) -> bool:
        """Whether it grows more than it should."""
        last = self.points[-1]
        most_rounds = not self.searched and 2 * last.evaluated > last.considered
        behind = self.work > 1 and self.time > 1.5 * self.work
        return (
            self.stopped
            or behind
            or (self.exponent > STEEP and self.time > 2)
            or (most_rounds and self.time > 4)
        )

    def relative(self) -> Line:
        """Return time over the first point's."""
        first = self.points[0].seconds
        points = [(each.x, each.seconds / first) for each in self.points]
        return Line(self.curve.name, self.curve.style, points)

    def rate(self) -> Line:
        """Return multiples of the reference's rate."""
        points = [(each.x, each.rate) for each in self.points]
        return Line(self.curve.name, self.curve.style, points)

    def cells(self) -> list[str]:
        """Return the curve's row of the table."""
        first, last = self.points[0], self.points[-1]
        stopped = " (stopped)" if self.stopped else ""
        cells = [
            self.curve.name,
            f"{number(first.x)} to {number(last.x)}{stopped}",
            factor(self.time),
            f"{self.exponent:+.1f}",
            self.evaluated(),
        ]
        if not self.searched:
            cells.insert(2, factor(self.work))
            cells.append(number(min(each.rate for each in self.points)))
        return cells

    def evaluated(self) -> str:
        """Return how much of the last point was evaluated."""
        return f"{self.points[-1].evaluated:,} of {self.points[-1].considered:,}"


def grown(family: curves.Family) -> list[Grown]:
    return [Grown(family, each, each.measured()) for each in family.curves]


def relative(found: list[Grown]) -> Panel:
    """Draw times over the first point's, and the simulated cycles of the first curve beside."""
    family, lead = found[0].family, found[0]
    lines = [each.relative() for each in found]
    if lead.work > 1:
        begin = lead.points[0].cycles
        guide = [(each.x, each.cycles / begin) for each in lead.points]
        lines.append(Line("simulated cycles", GUIDE, guide))
    return Panel(family.title, family.x, "time, first = 1", lines)


def rates(found: list[Grown], clocked: Grown) -> Panel:
    family = found[0].family
    lines = [each.rate() for each in found] + [clocked.rate()]
    return Panel(
        f"Rate: {family.title.split(':')[0]}", family.x, "times the reference's rate", lines
    )


def section(found: list[Grown]) -> str:
    family = found[0].family
    if found[0].searched:
        header = ["layer", family.x, "time grows", "exponent", "tiles evaluated"]
    else:
        header = ["tile", family.x, "cycles grow", "time grows", "exponent", "rounds evaluated"]
        header.append("least rate")
    body = [each.cells() for each in found]
    return f"## {family.title}\n\n{family.note}\n\n" + table(header, body) + "\n"


def meaning(every: list[list[Grown]]) -> str:
    """Say in a few lines what the curves mean."""
    side, channel, batch, group, product, summed, size, words, search, _ = every
    flow = [each for found in every for each in found if not each.searched]
    least = min(point.rate for each in flow for point in each.points)
    growing = [each for each in flow if each.work >= 4]
    flat = sum(each.time < 2 for each in growing)
    return (
        "## In short\n\n"
        f"Of {len(growing)} curves along which the simulated cycles grow fourfold or more, {flat} "
        "are flat: less than twice the time at the end. The slowest point of all simulates "
        f"{number(least)} times as fast as the reference.\n\n"
        f"* Outputs cost nothing where windows are alike: {factor(side[0].work)} times the cycles "
        f"in {factor(side[0].time)} times the time (*divides*).\n"
        f"* Forwarding costs rows of outputs: {factor(side[3].time)} times the time for 64 times "
        f"the side, {factor(side[3].work)} times the cycles.\n"
        "* Rounds that repeat are counted, not evaluated: 64 times the channels and filters, "
        f"{factor(channel[0].work)} times the cycles, {factor(channel[0].time)} times the time. "
        "Counting shows from ten thousand rounds on: the GEMM of "
        f"{product[0].points[-1].considered:,} rounds takes "
        f"{factor(product[0].time)} times as long as the one of 64.\n"
        "* Rounds that overlap and do not settle are all evaluated: linear in rounds, or worse. "
        "That happens where tiles hang over rows and columns, and with batches and groups: "
        f"{batch[3].evaluated()} (*forwards*, batch), {batch[2].evaluated()} (*hangs over twice*, "
        f"exponent {batch[2].exponent:.1f}), {group[1].evaluated()} (groups).\n"
        "* The summed dimension costs nothing up to 65,536 cycles an output, then "
        f"{factor(summed[1].time)} times as much at 64,000 outputs.\n"
        f"* Multipliers: 64 times as many take {factor(size[0].time)} times as long (*divides*), "
        f"{factor(size[2].time)} and {factor(size[3].time)} with forwarding.\n"
        f"* Bandwidth: 64 times fewer words take {factor(words[0].time)} times as long "
        f"(*divides*), {factor(words[1].time)} where the tile hangs over.\n"
        f"* The mapping search grows with the multipliers to the {search[0].exponent:.1f} on a "
        "large convolution.\n\n"
    )


def steep(found: list[Grown]) -> str:
    """Name each curve that grows more than it should."""
    text = (
        "## Where it grows\n\n"
        "Curves that end faster than linearly, or grow faster than the simulated cycles, whose "
        "rounds are mostly evaluated, or that became too long to go on "
        f"({curves.TOO_LONG} s). The command runs the last point.\n\n"
    )
    body = []
    for each in found:
        last = each.points[-1]
        if each.steep:
            rate = number(last.rate) if last.cycles else ""
            name = f"{each.family.title}; {each.curve.name}"
            numbers = [factor(each.time), f"{each.exponent:+.1f}", each.evaluated(), rate]
            body.append([name, *numbers, f"`{last.point.command()}`"])
    header = ["curve", "time grows", "exponent", "evaluated", "rate", "last point"]
    return text + table(header, body) + "\n"


def introduction() -> str:
    return (
        "# How cost grows\n\n"
        "<!-- Made by tools/growth_page.py (`make growth`); edit that, not this. -->\n\n"
        f"![Growth of the time that an evaluation takes]({FIGURE})\n\n"
        "The flow evaluator on the flexible dense machine, timing only, the tile given; one "
        f"process, one thread, the shortest of up to {curves.RUNS} runs. Unless said otherwise: "
        "256 multipliers, 64 words and 64 result lines a cycle. Times are relative to the first "
        f"point of their curve. A rate of 1 is the public reference's {curves.REFERENCE_RATE:,} "
        "simulated cycles a second at 256 multipliers. Exponent: the power of the quantity with "
        "which the curve grows at its end. Machines differ and are shared: a factor of 1.5 is "
        "noise.\n\n"
        "Tiles: *divides* covers the layer exactly; *hangs over* does not (5 columns at once, "
        "of a multiple of 7), so that rounds begin before the last one is through; *twice*: nor "
        "does it in rows (3); *forwards* hands inputs on to the "
        "neighbour (T_Y = 1, T_S = 3).\n\n"
    )


def pages() -> Iterator[tuple[str, str]]:
    every = [grown(family) for family in curves.families()]
    clocked = [
        Grown(every[index][0].family, each, each.measured())
        for index, each in ((0, curves.clocked_sides()), (6, curves.clocked_multipliers()))
    ]
    panels = [relative(each) for each in every]
    yield FIGURE, chart([*panels, rates(every[0], clocked[0]), rates(every[6], clocked[1])])
    text = introduction() + meaning(every) + steep([each for found in every for each in found])
    text += "".join(map(section, every)) + step(clocked)
    yield "growth.md", text.rstrip() + "\n"


def step(clocked: list[Grown]) -> str:
    body = [
        [
            each.family.x,
            *(
                f"{number(point.x)}: {point.rate:.1f}"
                for point in (each.points[0], each.points[len(each.points) // 2], each.points[-1])
            ),
        ]
        for each in clocked
    ]
    return (
        "## Clocked\n\n"
        "The step evaluator pays for cycles times multipliers in use: its rate does not depend on "
        "the size of the layer, and falls with the multipliers. On layers of 16 channels, with "
        "tiles that divide. Rates at the first, the middle and the last point:\n\n"
        + table(["quantity", "first", "middle", "last"], body)
        + "\n"
    )


def main() -> int:
    begin = time.perf_counter()
    for name, text in pages():
        (FOLDER / name).write_text(text)
        print(f"wrote docs/validation/{name}")
    print(f"{time.perf_counter() - begin:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
