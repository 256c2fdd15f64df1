"""``cairn stonne``: the command lines of STONNE, with the same meaning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.text import Text
from typer.core import TyperCommand

import cairn
from cairn import stonne as reference
from cairn.cli import boundary, jobs, options
from cairn.stonne.command import OPERATIONS
from cairn.tiles import Tiles


class ReferenceCommand(TyperCommand):
    """A command whose options end where the operation of the reference begins."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Hand on everything from the first word with a single dash as it stands."""
        starts = (at for at, word in enumerate(args) if word[:1] == "-" and word[1:2].isalpha())
        at = next(starts, len(args))
        if args[at : at + 1] == ["-h"]:
            return list(super().parse_args(ctx, ["--help"]))
        return list(super().parse_args(ctx, [*args[:at], "--", *args[at:]]))


# Without the short form, which would be taken for a flag of STONNE.
Eval = Annotated[
    options.Evaluator,
    typer.Option("--evaluator", help="flow: arrival times, fast. step: one cycle at a time."),
]


@dataclass(frozen=True)
class _Options(options.Common):
    """The options of a command line whose flags describe the machine."""

    described: cairn.Machine | None = None

    def machines(self) -> list[cairn.Machine]:
        """Return the machine that the flags describe."""
        return [self.described]

    def view(self, document: dict[str, Any], width: int) -> RenderableType:
        """Put the line that scripts of the reference look for above the result."""
        cycles = document["totals"]["cycles"]
        return Group(Text(f"Number of cycles running: {cycles}"), super().view(document, width))


def _flags(operation: str) -> str:
    return " ".join(f"`-{name}={default}`" for name, default in OPERATIONS[operation].items())


HELP = f"""Run a command line of STONNE: the same flags, defaults and meaning, the same cycles.

**OPERATION** is one of

- `-CONV`: a convolution; X and Y are the input, T_X_ and T_Y_ tile the output
- `-FC` or `-DenseGEMM`: the product of M x K by K x N

Options of Cairn come before it, flags of STONNE after it, with whole numbers. What STONNE aborts
on, hangs on or computes wrongly is computed right or refused with a reason; what it ignores is told
as a warning. Operands are drawn, and the values are checked against NumPy.

Flags of `-CONV` with their defaults: {_flags("-CONV")}

Flags of `-DenseGEMM` with their defaults: {_flags("-DenseGEMM")}

Examples:

- `cairn stonne -CONV -R=3 -S=3 -C=6 -K=6 -X=20 -Y=20 -T_R=3 -T_S=3 -T_K=6`
- `cairn stonne --evaluator step -DenseGEMM -M=20 -N=20 -K=256 -generate_tile=performance`
"""


def stonne(
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="OPERATION [-NAME=VALUE]...", show_default=False),
    ] = None,
    evaluator: Eval = options.Evaluator.FLOW,
    json: options.Json = None,
    timing_only: options.TimingOnly = False,
) -> None:
    """Run a command line of STONNE; ``HELP`` is what users read."""
    with boundary.telling():
        command = reference.parse(words or [])
    shared = _Options(
        arch="",
        evaluator=evaluator.value,
        objective=command.objective or "cycles",
        tiles=Tiles(command.tile),
        json=json,
        described=command.machine,
    )
    jobs.single(shared, command.name, lambda: command.operation, timing_only)
