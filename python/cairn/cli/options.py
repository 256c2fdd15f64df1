"""Options that several commands share, and the parsers of their values."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

import typer

import cairn
from cairn.cli.progress import Progress


class Evaluator(StrEnum):
    """How time is evaluated; both give the same cycles."""

    FLOW = "flow"
    STEP = "step"


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


def tile_of(text: str | None) -> dict[str, int] | None:
    """Parse ``M=4,N=16`` to a tile."""
    if text is None:
        return None
    named = pairs(text.split(","), "--tile M=4,N=16")
    return {name: integer(value, 1, f"tile {name}") for name, value in named}


Arch = Annotated[
    str,
    typer.Option(
        "--arch", "-a", metavar="PRESET|FILE", help="The machine: a preset or a .toml file."
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
        "--tile", metavar="M=..,N=..", help="The tile of every layer, instead of the largest."
    ),
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of the operands that are drawn.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no table.")]
TimingOnly = Annotated[
    bool, typer.Option("--timing-only", help="Do not compute values; any size fits in memory.")
]


@dataclass(frozen=True)
class Common:
    """The options that every ``cairn run`` takes, parsed."""

    arch: str
    overrides: list[tuple[str, str]]
    evaluator: str
    json: str | None
    tile: dict[str, int] | None
    seed: int
    quiet: bool

    def progress(self) -> Progress:
        """Make the progress display that fits the options."""
        return Progress(self.quiet)

    def machine(self) -> cairn.Machine:
        """Load the machine with the overrides applied."""
        return cairn.load_machine(self.arch, self.overrides)


def common(
    *,
    arch: Arch = "tpu-16x16",
    overrides: Set = [],  # noqa: B006 - Typer reads the default and never changes it
    evaluator: Eval = Evaluator.FLOW,
    json: Json = None,
    tile: Tile = None,
    seed: Seed = 1,
    quiet: Quiet = False,
) -> Common:
    """Gather the common options of one command line; the signature declares them to Typer."""
    changes = pairs(overrides, "--set multiplier.rows=8")
    return Common(arch, changes, evaluator.value, json, tile_of(tile), seed, quiet)


def with_common(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the common options; they reach it as one ``shared`` argument."""
    own = inspect.signature(command, eval_str=True).parameters.values()
    added = inspect.signature(common, eval_str=True).parameters.values()
    names = {parameter.name for parameter in added}

    def run(**given: Any) -> None:
        mine = {name: value for name, value in given.items() if name not in names}
        shared = common(**{name: value for name, value in given.items() if name in names})
        command(shared=shared, **mine)

    kept = [each.replace(kind=each.KEYWORD_ONLY) for each in own if each.name != "shared"]
    run.__signature__ = inspect.Signature([*kept, *added])  # type: ignore[attr-defined]
    run.__name__, run.__doc__ = command.__name__, command.__doc__
    return run
