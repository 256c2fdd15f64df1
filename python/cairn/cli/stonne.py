"""``cairn stonne``: the command lines of STONNE, with the same meaning."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.text import Text
from typer.core import TyperCommand

import cairn
from cairn import effective, errors, operands
from cairn import stonne as reference
from cairn.cli import boundary, jobs, options
from cairn.cli.progress import Layer
from cairn.stonne.command import OPERATIONS
from cairn.stonne.hardware import ignored
from cairn.stonne.report import Draw, Report
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
    report: Report | None = None
    directory: str = "."

    def machines(self) -> list[cairn.Machine]:
        """Return the machine that the flags describe."""
        return [self.described]

    def others(self) -> list[tuple[str | None, Callable[[dict[str, Any]], str]]]:
        """Name the reference's files, if they are asked for."""
        report = self.report
        if report is None:
            return []
        statistics, counters = map(str, report.paths(self.directory))
        return [
            (statistics, lambda document: report.statistics(document["layers"][0])),
            (counters, lambda document: report.counters(document["layers"][0])),
        ]

    def view(self, document: dict[str, Any], width: int) -> RenderableType:
        """Put the line that scripts of the reference look for above the result."""
        cycles = document["totals"]["cycles"]
        return Group(Text(f"Number of cycles running: {cycles}"), super().view(document, width))


Files = Annotated[
    str | None,
    typer.Option(
        "--files",
        metavar="DIR",
        envvar="OUTPUT_DIR",
        help="Write STONNE's own two files there: statistics (.txt) and .counters.",
    ),
]


def _flags(operation: str) -> str:
    return " ".join(f"`-{name}={default}`" for name, default in OPERATIONS[operation].items())


HELP = f"""Run a command line of STONNE: the same flags, defaults and meaning, the same cycles.

**OPERATION** is one of

- `-CONV`: a convolution; X and Y are the input, T_X_ and T_Y_ tile the output
- `-FC` or `-DenseGEMM`: the product of M x K by K x N
- `-SparseGEMM`: the same, of two sparse matrices, on a machine that leaves out zeros (SIGMA)
- `-SparseDense`: the same, of a sparse matrix by a dense one (MAGMA)

Options of Cairn come before it, flags of STONNE after it, with whole numbers. What STONNE aborts
on, hangs on or computes wrongly is computed right or refused with a reason; what it ignores is told
as a warning. Its two files are written with `--files`, or to the current directory with
`-print_stats=1`. Operands are drawn, and the values are checked against NumPy; those of the sparse
operations are STONNE's own, since their zeros decide the cycles.

Flags of `-CONV` with their defaults: {_flags("-CONV")}

Flags of `-DenseGEMM` with their defaults: {_flags("-DenseGEMM")}

Flags of `-SparseGEMM` with their defaults: {_flags("-SparseGEMM")}

Flags of `-SparseDense` with their defaults: {_flags("-SparseDense")}

Examples:

- `cairn stonne -CONV -R=3 -S=3 -C=6 -K=6 -X=20 -Y=20 -T_R=3 -T_S=3 -T_K=6`
- `cairn stonne --evaluator step -DenseGEMM -M=20 -N=20 -K=256 -generate_tile=performance`
- `cairn stonne -SparseGEMM -M=64 -N=64 -K=256 -MK_sparsity=80 -num_ms=128 -dn_bw=64 -rn_bw=64`
"""


def stonne(
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="OPERATION [-NAME=VALUE]...", show_default=False),
    ] = None,
    evaluator: Eval = options.Evaluator.FLOW,
    json: options.Json = None,
    files: Files = None,
    timing_only: options.TimingOnly = False,
) -> None:
    """Run a command line of STONNE; ``HELP`` is what users read."""
    with boundary.telling():
        command = reference.parse(words or [])
        if command.zeros and timing_only:
            ignored("--timing-only", "no effect: the zeros of the values decide the cycles")
        draw = cache(command.operands)
        # The reference always writes, unless told not to: into the current directory by default.
        asked = command.print_stats is not False and (files or command.print_stats)
        report = Report(command, draw) if asked else None
    shared = _Options(
        arch="",
        evaluator=evaluator.value,
        objective=command.objective or "cycles",
        tiles=Tiles(command.tile),
        json=json,
        schedule=command.schedule,
        described=command.machine,
        report=report,
        directory=files or ".",
    )
    if command.zeros:
        jobs.answer(shared, lambda: _sparse(shared, command, draw))
    else:
        jobs.single(shared, command.name, lambda: command.operation, timing_only)


def _sparse(shared: _Options, command: reference.Command, draw: Draw) -> jobs.Simulate:
    """Draw the operands that the reference draws, and return what simulates them."""
    name, operation = command.name, command.operation
    with errors.at(f"layer {name}"):
        a, b = draw()

    def on(machine: cairn.Machine, progress: Layer) -> jobs.Answer:
        session, rounds = shared.session(machine), progress(0, 1, name)
        with errors.at(f"layer {name}"):
            out = session.run(
                *(name, operation, a, b, command.tile, rounds, shared.objective),
                schedule=shared.schedule,
            )
        agrees = operands.values_agree(out, operands.reference_gemm(a, b), operation.k)
        context = {
            "target": name,
            "evaluator": shared.evaluator,
            "objective": shared.objective,
            "schedule": shared.schedule,
            "zeros_percent": list(command.zeros),
            "values_agree": agrees,
        }
        verdict = f"values {'equal' if agrees else 'DIFFER from'} NumPy's"
        return jobs.Answer(effective.completed(session.document(context)), agrees, verdict)

    return on
