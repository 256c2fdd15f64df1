"""What the growth page measures: operations, tiles and machines that grow in one quantity."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache

import cairn

REFERENCE_RATE = 8_000  # cycles a second of the public reference with 256 multipliers
RUNS, ENOUGH, TOO_LONG = 7, 0.1, 0.5  # runs of a point; seconds after which no more; a curve's end
DIVIDES, OVER, OVER_TWICE, FORWARDS, FORWARDS_MANY, CLOCKED = range(6)  # styles
Sizes = dict[str, int]


@cache
def machine(multipliers: int, words: int) -> cairn.Machine:
    """Return a flexible dense machine with as many result lines as words a cycle."""
    sizes = {
        "multiplier.multipliers": multipliers,
        "distribution.bandwidth": words,
        "collection.lines": words,
    }
    return cairn.load_machine("maeri-256", [(key, str(size)) for key, size in sizes.items()])


@dataclass(frozen=True)
class Point:
    """A run: a convolution of 3x3 or a matrix product. Without a tile, the search for one."""

    sizes: Sizes
    tile: Sizes | None
    multipliers: int = 256
    words: int = 64
    evaluator: str = "flow"

    def operation(self) -> cairn.Gemm | cairn.Conv:
        """Return the layer."""
        size = self.sizes
        if "M" in size:
            return cairn.Gemm(size["M"], size["N"], size["K"])
        side, groups = size["side"] + 2, size.get("groups", 1)
        images, channels, filters = size.get("images", 1), size["channels"], size["filters"]
        return cairn.Conv(images, channels, filters, (side, side), (3, 3), groups)

    def command(self) -> str:
        """Return what to type to run it."""
        size = self.sizes
        if "M" in size:
            words = "gemm " + " ".join(f"--{letter} {size[letter]}" for letter in "MNK")
        else:
            side = size["side"] + 2
            words = f"conv --channels {size['channels']} --filters {size['filters']} "
            words += f"--input {side}x{side} --kernel 3x3"
            for name, option in (("images", "batch"), ("groups", "groups")):
                words += f" --{option} {size[name]}" if name in size else ""
        tile = ",".join(f"{letter}={size}" for letter, size in (self.tile or {}).items())
        overrides = {
            "multiplier.multipliers": (self.multipliers, 256),
            "distribution.bandwidth": (self.words, 128),
            "collection.lines": (self.words, 128),
        }
        changed = [f" --set {key}={own}" for key, (own, usual) in overrides.items() if own != usual]
        run = f" --timing-only --tile {tile}" if tile else ""
        return f"cairn {'run' if tile else 'map'} {words} --arch maeri-256{run}{''.join(changed)}"


@dataclass(frozen=True)
class Measured:
    """A point and what it took; of `considered` rounds, or tiles, so many were `evaluated`."""

    x: int
    point: Point
    seconds: float
    cycles: int
    evaluated: int
    considered: int

    @property
    def rate(self) -> float:
        """Return simulated cycles a second over those of the reference."""
        return self.cycles / self.seconds / REFERENCE_RATE


def measure(x: int, point: Point) -> Measured:
    """Take the shortest of several runs; of one or two if they are long."""
    operation, fabric = point.operation(), machine(point.multipliers, point.words)
    durations: list[float] = []
    while len(durations) < RUNS and sum(durations) < ENOUGH:
        session = cairn.Session(fabric, point.evaluator)  # it remembers what it has mapped
        start = time.perf_counter()
        if point.tile is None:
            found = session.map(operation)
        else:
            session.run("layer", operation, tile=point.tile)
        durations.append(time.perf_counter() - start)
    if point.tile is None:
        tried = found["candidates"]
        return Measured(x, point, min(durations), 0, tried["evaluated"], tried["legal"])
    layer = session.layers[0]
    rounds = layer["mapping"]["rounds"], layer["mapping"]["evaluated_rounds"]
    return Measured(x, point, min(durations), layer["cycles"], rounds[1], rounds[0])


@dataclass(frozen=True)
class Curve:
    """Points by the quantity that grows."""

    name: str
    style: int
    points: Sequence[tuple[int, Point]]

    def measured(self) -> list[Measured]:
        """Measure point after point, up to the first that takes long."""
        found: list[Measured] = []
        for x, point in self.points:
            found.append(measure(x, point))
            if found[-1].seconds > TOO_LONG:
                break
        return found


@dataclass(frozen=True)
class Family:
    """Curves over one quantity; ``note`` says why they run as they do."""

    title: str
    x: str
    curves: Sequence[Curve]
    note: str = ""


def curve(name: str, style: int, xs: Iterable[int], point: Callable[[int], Point]) -> Curve:
    return Curve(name, style, [(x, point(x)) for x in xs])


def powers(base: int, first: int, last: int) -> list[int]:
    """Return first, first * base, ... up to last."""
    found = [first]
    while found[-1] * base <= last:
        found.append(found[-1] * base)
    return found


# Tiles of a 3x3 convolution on 256 multipliers. Sides are multiples of 7, channels of 16.
TILES = (
    ("divides", DIVIDES, {"R": 3, "S": 3, "C": 4, "Y": 7}),
    ("hangs over", OVER, {"R": 3, "S": 3, "C": 4, "Y": 5}),
    ("hangs over twice", OVER_TWICE, {"R": 3, "S": 3, "X": 3, "Y": 5}),
    ("forwards", FORWARDS, {"R": 3, "S": 3, "C": 16}),
    ("forwards, 4 filters", FORWARDS_MANY, {"R": 3, "S": 3, "C": 4, "K": 4}),
)


def convolutions(xs: Iterable[int], sizes: Callable[[int], Sizes]) -> list[Curve]:
    """Return a curve for each tile."""
    grown = list(xs)
    return [
        curve(name, style, grown, lambda x, tile=tile: Point(sizes(x), tile))
        for name, style, tile in TILES
    ]


def square(side: int, channels: int = 64, **more: int) -> Sizes:
    return {"side": side, "channels": channels, "filters": channels, **more}


def product(m: int, n: int, k: int) -> Sizes:
    return {"M": m, "N": n, "K": k}


def sides() -> Family:
    note = (
        "A tile of several columns makes one kind of window: time does not depend on their number. "
        "Forwarding (T_Y = 1, T_S = 3) begins anew in each row of outputs, which costs a piece of "
        "a stream for each multiplier: linear in rows, not in outputs."
    )
    curves = convolutions(powers(2, 7, 448), square)
    return Family("3x3 convolution, 64 to 64: side", "output side", curves, note)


def channels() -> Family:
    note = (
        "More filters are more rounds, more channels more folds: both repeat. Where a tile hangs "
        "over rows and columns the rounds overlap and never settle: all of them are evaluated."
    )
    curves = convolutions(powers(2, 16, 1024), lambda size: square(14, size))
    return Family("3x3 convolution, 14x14: channels", "channels = filters", curves, note)


def batches() -> Family:
    note = (
        "Images after the first follow each other without waiting, so rounds overlap. They are "
        "evaluated in order until one leaves the machine as the one before did; where no round "
        "does, the time is linear in images, or worse."
    )
    curves = convolutions(powers(2, 1, 64), lambda images: square(28, images=images))
    return Family("3x3 convolution, 28x28, 64 to 64: batch", "images", curves, note)


def groups() -> Family:
    def sizes(count: int) -> Sizes:
        return {"side": 28, "channels": count, "filters": 4 * count, "groups": count}

    tiles = (
        ("divides", DIVIDES, {"R": 3, "S": 3, "X": 4, "Y": 7}),
        ("hangs over filters", OVER, {"R": 3, "S": 3, "K": 3, "Y": 7}),
        ("forwards", FORWARDS, {"R": 3, "S": 3, "K": 4}),
        ("forwards, hangs over", FORWARDS_MANY, {"R": 3, "S": 3, "K": 3}),
    )
    grown = powers(2, 16, 1024)
    curves = [
        curve(name, style, grown, lambda x, tile=tile: Point(sizes(x), tile))
        for name, style, tile in tiles
    ]
    note = "A tile that hangs over the filters of a group lets rounds overlap, as a batch does."
    return Family("3x3 convolution, 28x28: groups of 4", "groups", curves, note)


GEMM_TILES = (
    ("divides", DIVIDES, {"K": 64, "M": 4}),
    ("hangs over", OVER, {"K": 50, "M": 5}),
    ("128 filters at once", FORWARDS_MANY, {"K": 2, "N": 128}),
)


def products() -> Family:
    curves = [
        curve(
            name,
            style,
            powers(4, 64, 1 << (16 if style == FORWARDS_MANY else 20)),
            lambda x, tile=tile: Point(product(x, x, x), tile),
        )
        for name, style, tile in GEMM_TILES
    ]
    note = (
        "The rounds are gone through, if only to count those that are alike: linear in rounds once "
        "there are many thousands. Why 128 filters at once are not measured beyond 65,536 is next."
    )
    return Family("GEMM, M = N = K", "M = N = K", curves, note)


def sums() -> Family:
    tiles = (("divides", DIVIDES, {"K": 64, "N": 4}), GEMM_TILES[2])
    curves = [
        curve(
            name, style, powers(2, 1024, 1 << 20), lambda x, t=tile: Point(product(500, 128, x), t)
        )
        for name, style, tile in tiles
    ]
    note = (
        "The longest pattern in which several results that share a line are recognised is 65,536 "
        "cycles. Where an output takes longer, results are walked one by one: the time jumps and "
        "is linear in outputs from there on."
    )
    return Family("GEMM, 500 x 128: the summed dimension", "K", curves, note)


def multipliers() -> Family:
    def tiles(count: int) -> list[tuple[str, int, Sizes]]:
        return [
            ("divides", DIVIDES, {"R": 3, "S": 3, "K": count // 64, "Y": 7}),
            ("hangs over", OVER, {"R": 3, "S": 3, "K": count // 45, "Y": 5}),
            ("forwards", FORWARDS, {"R": 3, "S": 3, "C": count // 9}),
            ("forwards, all filters", FORWARDS_MANY, {"R": 3, "S": 3, "K": count // 9}),
        ]

    grown = powers(2, 64, 4096)
    curves = [
        Curve(
            name,
            style,
            [
                (count, Point(square(56, 512), tiles(count)[index][2], count, count // 4))
                for count in grown
            ],
        )
        for index, (name, style, _) in enumerate(tiles(64))
    ]
    note = (
        "Each multiplier has a stream of its own: about linear. Where tiles hang over, larger ones "
        "have fewer rounds to evaluate. Tiles that forward have a piece a row in each stream and "
        "grow more than linearly, most of all with many filters at once."
    )
    title = "3x3 convolution, 56x56, 512: multipliers"
    return Family(title, "multipliers (a word a cycle for four)", curves, note)


def bandwidths() -> Family:
    tiles = (
        ("divides", DIVIDES, {"R": 3, "S": 3, "K": 4, "Y": 7}),
        ("hangs over", OVER, {"R": 3, "S": 3, "K": 5, "Y": 5}),
        ("forwards", FORWARDS, {"R": 3, "S": 3, "C": 28}),
        ("forwards, all filters", FORWARDS_MANY, {"R": 3, "S": 3, "K": 28}),
    )
    grown = powers(2, 4, 256)[::-1]
    curves = [
        curve(name, style, grown, lambda x, t=tile: Point(square(56, 512), t, 256, x))
        for name, style, tile in tiles
    ]
    note = (
        "From many words to few. Where a tile hangs over, rounds that soon settle with 256 words "
        "do not with fewer, and are all evaluated."
    )
    title = "3x3 convolution, 56x56, 512: bandwidth"
    return Family(title, "words a cycle (256 multipliers)", curves, note)


def clocked_sides() -> Curve:
    return curve(
        "step, divides",
        CLOCKED,
        powers(2, 7, 28),
        lambda side: Point(square(side, 16), {"R": 3, "S": 3, "K": 4, "Y": 7}, evaluator="step"),
    )


def clocked_multipliers() -> Curve:
    def point(count: int) -> Point:
        tile = {"R": 3, "S": 3, "K": count // 64, "Y": 7}
        sizes = {"side": 14, "channels": 16, "filters": 64}
        return Point(sizes, tile, count, count // 4, "step")

    return curve("step, divides", CLOCKED, powers(4, 64, 4096), point)


def searches() -> list[Family]:
    shapes = (
        ("56x56, 64 to 64", DIVIDES, square(56)),
        ("14x14, 16 to 16", OVER, square(14, 16)),
        ("GEMM 128x768x768", FORWARDS, product(128, 768, 768)),
    )
    by_multipliers = [
        curve(name, style, powers(2, 64, 4096), lambda x, s=sizes: Point(s, None, x, x // 4))
        for name, style, sizes in shapes
    ]
    by_size = [
        curve("side, 64 to 64", DIVIDES, powers(2, 7, 448), lambda x: Point(square(x), None)),
        curve("channels, 14x14", OVER, powers(2, 8, 1024), lambda x: Point(square(14, x), None)),
        curve(
            "M = N = K", FORWARDS, powers(4, 8, 1 << 15), lambda x: Point(product(x, x, x), None)
        ),
    ]
    return [
        Family(
            "Mapping search: multipliers",
            "multipliers (a word a cycle for four)",
            by_multipliers,
            "Legal tiles grow with the multipliers, and so does the work of bounding one of them: "
            "more than linear. Few tiles are evaluated.",
        ),
        Family(
            "Mapping search: layer size",
            "size",
            by_size,
            "Larger layers have more legal tiles, up to what fits the multipliers. Products beyond "
            "32,768 are left out: tiles tried there take more than 65,536 cycles an output.",
        ),
    ]


def families() -> list[Family]:
    flow = [sides(), channels(), batches(), groups(), products(), sums()]
    return [*flow, multipliers(), bandwidths(), *searches()]
