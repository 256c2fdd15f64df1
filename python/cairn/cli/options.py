"""Options that several commands share, and the parsers of their values."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, ClassVar

import typer
from rich.console import RenderableType

import cairn
from cairn import files, tables, tiles
from cairn.cli import boundary
from cairn.cli.progress import Progress
from cairn.tiles import Tiles


class Evaluator(StrEnum):
    """How time is evaluated; both give the same cycles."""

    FLOW = "flow"
    STEP = "step"


class Objective(StrEnum):
    """What the mapper makes as small as it can."""

    CYCLES = "cycles"
    ENERGY = "energy"
    EDP = "edp"


class Offload(StrEnum):
    """What of a model goes to the machine besides its products."""

    MAXPOOL = "maxpool"


class Schedule(StrEnum):
    """In which order a sparse machine takes the filters."""

    NONE = "none"
    RANDOM = "random"
    LARGEST = "largest"
    FULLEST = "fullest"


def integer(text: str, low: int, what: str) -> int:
    """Parse an integer of at least ``low``; a usage error names ``what`` it was for."""
    if not re.fullmatch(r"[+-]?\d{1,18}", text.strip()) or int(text) < low:
        raise typer.BadParameter(f"{what} must be an integer of at least {low}, not '{text}'")
    return int(text)


def sizes(text: str, low: int = -(10**18)) -> tuple[int, ...]:
    """Parse sizes written ``56x56`` (or with commas) to a tuple, each at least ``low``."""
    return tuple(integer(part, low, "each size") for part in re.split(r"[x,X]", text))


def pairs(values: list[str], example: str) -> list[tuple[str, str]]:
    """Split each ``name=value``; a usage error shows ``example``."""
    split = [value.partition("=") for value in values]
    for whole, (name, equals, value) in zip(values, split, strict=True):
        if not (name.strip() and equals and value.strip()):
            raise typer.BadParameter(f"'{whole}' is not of the form NAME=VALUE, e.g. {example}")
    return [(name.strip(), value.strip()) for name, _, value in split]


def changes(values: list[str]) -> list[tuple[str, str]]:
    """Split the values of --set."""
    return pairs([*map(files.readable, values)], "--set multiplier.rows=8")


def tiling_of(text: str | None, objective: Objective | None) -> tuple[Tiles, str]:
    """Parse ``M=4,N=16``, or read a file of tiles: the tiles, and the objective of the mapper."""
    given, asked = Tiles(), None
    if text and "=" not in text and (Path(text).suffix or Path(text).exists()):
        with boundary.telling():
            given, asked = tiles.read(text)
    elif text is not None:
        named = pairs(files.readable(text).split(","), "--tile M=4,N=16")
        tile = {name: integer(value, 1, f"tile {name}") for name, value in named}
        if len(tile) < len(named):
            raise typer.BadParameter(f"--tile {text} gives a size twice")
        given = Tiles(tile)
    if objective and asked and asked != objective:
        raise typer.BadParameter(f"--objective {objective.value}, but {text} asks for {asked}")
    return given, objective.value if objective else asked or "cycles"


def pruning_of(sparsity: float | None, prune: str | None) -> tuple[float | None, str | None]:
    """Check how sparse the weights are to be, and among which of them the smallest are zero."""
    if sparsity is not None and not 0 <= sparsity <= 1:
        raise typer.BadParameter(f"--sparsity must be 0 to 1, not {sparsity}")
    if structure := re.fullmatch(r"(\d{1,9}):(\d{1,9})", prune or "", re.ASCII):
        kept, of = map(int, structure.groups())
        if sparsity is not None and not math.isclose(sparsity * of, of - kept):
            raise typer.BadParameter(f"--sparsity {sparsity} is not that of --prune {prune}")
    elif prune not in (None, "tensor", "filter"):
        raise typer.BadParameter(
            f"--prune must be tensor, filter or N:M such as 2:4, not '{files.readable(prune)}'"
        )
    elif prune is not None and sparsity is None:
        raise typer.BadParameter(f"--prune {prune} needs a share of zeros, e.g. --sparsity 0.8")
    return sparsity, prune


def energy_table(
    name: str | None,
    clock: float | None,
    datatype: str | None = None,
    buffer: float | None = None,
) -> cairn.EnergyTable:
    """Load a table of energy, the default one without a name."""
    chosen = {} if name is None else {"name_or_path": name}
    return cairn.load_energy_table(**chosen, clock_mhz=clock, datatype=datatype, buffer_kib=buffer)


Arch = Annotated[
    str,
    typer.Option(
        "--arch",
        "-a",
        metavar="PRESET|FILE",
        help="The machine: a preset, a .toml file, or a .cfg of STONNE.",
    ),
]
Set = Annotated[
    list[str],
    typer.Option(
        "--set", metavar="SLOT.PARAM=VALUE", help="Change a parameter, e.g. multiplier.rows=8."
    ),
]
Eval = Annotated[
    Evaluator,
    typer.Option("--evaluator", "-e", help="flow: arrival times, fast. step: one cycle at a time."),
]
Json = Annotated[
    str | None,
    typer.Option(
        "--json", metavar="FILE", help="Write the versioned result there ('-': standard output)."
    ),
]
Tile = Annotated[
    str | None,
    typer.Option(
        "--tile",
        metavar="M=..,N=..|FILE",
        help="A tile instead of the mapper's. Sizes in M, N, K go to matrix products, in R, S, C,"
        " K, G, N, X, Y to convolutions, on a systolic array two of M, N, K to all layers; other"
        " layers are mapped. Or a file of tiles: of `cairn map --save`, or of STONNE.",
    ),
]
Aim = Annotated[
    Objective | None,
    typer.Option(
        "--objective",
        help="What the mapper is to minimise, cycles by default; edp is energy x cycles.",
        show_default=False,
    ),
]
Sparsity = Annotated[
    float | None,
    typer.Option(
        "--sparsity",
        metavar="RATIO",
        help="Share of zeros among the weights, 0 to 1. Of a model the smallest weights are pruned,"
        " and the pruned model is what it is checked against; otherwise zeros are drawn.",
    ),
]
Prune = Annotated[
    str | None,
    typer.Option(
        "--prune",
        metavar="tensor|filter|N:M",
        help="Among which weights of a model the smallest are pruned: those of a tensor (default),"
        " of a filter, or of each M neighbours all but N, e.g. 2:4, which needs no --sparsity.",
    ),
]
Order = Annotated[
    Schedule,
    typer.Option(
        "--schedule",
        help="The order of filters on a sparse machine: as they are, random, the largest that"
        " still fits next, or those next that fill the multipliers best.",
    ),
]
Extra = Annotated[
    Offload | None,
    typer.Option(
        "--offload",
        help="Of a model send max-pooling to the machine as well, if its adders can compare.",
        show_default=False,
    ),
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of the operands that are drawn.")]
EnergyTable = Annotated[
    str | None,
    typer.Option(
        "--energy-table",
        metavar="NAME|FILE",
        help="What energy and area are priced by: cmos-45nm (default), stonne, or a .toml file.",
        show_default=False,
    ),
]
Clock = Annotated[
    float | None,
    typer.Option("--clock", metavar="MHZ", help="Of power and energy x delay; the table has one."),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no table.")]
AllLayers = Annotated[
    bool,
    typer.Option("--all", help="Show every layer, even where they do not fit the screen."),
]
TimingOnly = Annotated[
    bool, typer.Option("--timing-only", help="Do not compute values; any size fits in memory.")
]


@dataclass(frozen=True)
class Common:
    """The options that every ``cairn run`` takes, parsed."""

    arch: str
    overrides: list[tuple[str, str]] = field(default_factory=list)
    evaluator: str = "flow"
    objective: str = "cycles"
    tiles: Tiles = field(default_factory=Tiles)
    json: str | None = None
    seed: int = 1
    quiet: bool = False
    sparsity: float | None = None
    prune: str | None = None
    schedule: str = "none"
    all_layers: bool = False
    energy: cairn.EnergyTable | None = None
    offload: str | None = None
    says_values: ClassVar[bool] = True  # whether it is told that values are right, or only if wrong

    def session(self, machine: cairn.Machine) -> cairn.Session:
        """Make the accelerator that the workload runs on."""
        return cairn.Session(machine, self.evaluator, self.energy)

    def progress(self) -> Progress:
        """Make the progress display that fits the options."""
        return Progress(self.quiet)

    def machine(self) -> cairn.Machine:
        """Load the machine with the overrides applied."""
        with boundary.telling():
            return cairn.load_machine(self.arch, self.overrides)

    def machines(self) -> list[cairn.Machine]:
        """Load all machines to run on."""
        return [self.machine()]

    def document(self, results: list[dict[str, Any]]) -> dict[str, Any]:
        """Make the document to write of the results, one a machine."""
        return results[0]

    def others(self) -> list[tuple[str | None, Callable[[dict[str, Any]], str]]]:
        """Name the files to write beside the document, each with what makes its text of that."""
        return []

    def reserve(self, stack: ExitStack) -> None:
        """Open what is written while the machines run."""

    def view(self, document: dict[str, Any], width: int) -> RenderableType:
        """Build what is shown of the document."""
        height = None if self.all_layers else tables.screen(tables.console())
        return tables.result(document, width, height)


def common(
    *,
    arch: Arch = "tpu-16x16",
    overrides: Set = [],  # noqa: B006 - Typer reads the default and never changes it
    evaluator: Eval = Evaluator.FLOW,
    objective: Aim = None,
    tile: Tile = None,
    json: Json = None,
    seed: Seed = 1,
    sparsity: Sparsity = None,
    prune: Prune = None,
    schedule: Order = Schedule.NONE,
    every_layer: AllLayers = False,
    table: EnergyTable = None,
    clock: Clock = None,
    offload: Extra = None,
    quiet: Quiet = False,
) -> Common:
    """Gather the common options of one command line; the signature declares them to Typer."""
    given, aim = tiling_of(tile, objective)
    zeros = pruning_of(sparsity, prune)
    rest = (*zeros, schedule.value, every_layer, energy_table(table, clock), offload)
    return Common(arch, changes(overrides), evaluator.value, aim, given, json, seed, quiet, *rest)


def with_common(
    command: Callable[..., None],
    gather: Callable[..., Common] = common,
    fixed: Mapping[str, Any] = MappingProxyType({}),
) -> Callable[..., None]:
    """Give a command the options of ``gather``; they reach it as one ``shared`` argument.

    Those of its own options that are ``fixed`` are not offered.
    """
    own = inspect.signature(command, eval_str=True).parameters
    added = inspect.signature(gather, eval_str=True).parameters
    settled = {name: value for name, value in fixed.items() if name in own}

    def run(**given: Any) -> None:
        mine = {name: value for name, value in given.items() if name not in added}
        shared = gather(**{name: value for name, value in given.items() if name in added})
        command(shared=shared, **mine, **settled)

    kept = [
        each.replace(kind=each.KEYWORD_ONLY)
        for name, each in own.items()
        if name not in ("shared", *settled)
    ]
    run.__signature__ = inspect.Signature([*kept, *added.values()])  # type: ignore[attr-defined]
    run.__name__, run.__doc__ = command.__name__, command.__doc__
    run.__wrapped__ = command  # type: ignore[attr-defined]
    return run
