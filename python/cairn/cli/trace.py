"""``cairn trace``: what every part of a machine does in every cycle."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

import typer
from rich.console import RenderableType
from rich.text import Text

import cairn
from cairn import files
from cairn.cli import options
from cairn.cli.run import Targets, offer
from cairn.tracing import Tracer

_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9}
_LAST = 1 << 62
_CYCLES_OF_TEXT = 20_480  # of a layer, unless told otherwise: four lines of 80 columns, 64 in each

Out = Annotated[
    str | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="Write a trace for ui.perfetto.dev there; its usual ending is .pftrace.",
    ),
]
AsText = Annotated[
    bool,
    typer.Option("--text", help="Draw the timeline in text; without -o it is drawn anyhow."),
]
Layer = Annotated[
    str,
    typer.Option(
        "--layer",
        metavar="NAME|NUMBER",
        help="The layer to trace, by its name or its number from 1; all layers by default.",
    ),
]
From = Annotated[
    int,
    typer.Option(
        "--from", metavar="CYCLE", min=1, max=_LAST, help="The first cycle of a layer to trace."
    ),
]
To = Annotated[
    int | None,
    typer.Option(
        "--to",
        metavar="CYCLE",
        min=1,
        max=_LAST,
        help=f"The last one; by default the layer's last, in text alone {_CYCLES_OF_TEXT:,} cycles"
        " after the first.",
    ),
]
Limit = Annotated[
    str,
    typer.Option("--limit", metavar="SIZE", help="How large the file may get: 500kB, 64MB, 2GB."),
]
Clock = Annotated[
    float,
    typer.Option(
        "--clock",
        metavar="MHZ",
        help="Clock of the machine, which tells how long a cycle lasts in the file: 1 ns at 1000"
        " MHz, the fastest.",
    ),
]


def size(text: str) -> int:
    """Parse a size in bytes such as 64MB."""
    found = re.fullmatch(r"(\d{1,12}(?:\.\d{1,6})?) ?([kKMG]?B?)", text.strip(), re.ASCII)
    factor = found and _UNITS.get(found[2].upper())
    if not found or factor is None:
        told = f"--limit must be a size such as 500kB, 64MB or 2GB, not '{files.readable(text)}'"
        raise typer.BadParameter(told)
    return min(round(float(found[1]) * factor), _LAST)


@dataclass
class _Recording:
    """What becomes of the options while the command runs."""

    place: str = ""  # where the file is written
    trace: Any = None


@dataclass(frozen=True)
class _Options(options.Common):
    """The options of one trace."""

    output: str | None = None
    text: bool = False
    layer: str = ""
    first: int = 1
    last: int | None = None
    limit: int = 0
    clock: float = 1000.0
    recording: _Recording = field(default_factory=_Recording)
    says_values: ClassVar[bool] = False

    def reserve(self, stack: ExitStack) -> None:
        """Prove that the trace can be written."""
        if self.output is not None:
            self.recording.place = str(stack.enter_context(files.Output(self.output)).stream())

    def session(self, machine: cairn.Machine) -> Tracer:
        """Make a session that records the layers."""
        self.recording.trace = cairn.Trace(
            machine,
            self.recording.place,
            text=self.text,
            limit=self.limit,
            clock=self.clock,
            first=self.first,
            last=self.last,
            layer=self.layer,
        )
        return Tracer(machine, self.recording.trace, self.layer)

    def view(self, document: dict[str, Any], width: int) -> RenderableType:
        """Return the timeline, and what was written where."""
        lines = [self.recording.trace.text] if self.text else []
        return Text("\n".join([*lines, *self._told(document)]), no_wrap=True, overflow="ignore")

    def _told(self, document: dict[str, Any]) -> Iterator[str]:
        recorded = [layer for layer in self.recording.trace.layers if layer["last"]]
        cycles = sum(layer["last"] - layer["first"] + 1 for layer in recorded)
        if self.output is not None:
            count = f"{len(recorded)} of {len(document['layers'])} layers"
            yield (
                f"{self.output}: {cycles:,} cycles of {count} in {self.recording.trace.bytes:,}"
                " bytes; open it at https://ui.perfetto.dev"
            )
        if recorded and recorded[-1]["cut"]:
            layer = recorded[-1]
            yield (
                f"cut after cycle {layer['last']:,} of the {layer['cycles']:,} of layer"
                f" {layer['name']}: the file is full. A higher --limit keeps more;"
                f" --from {layer['last'] + 1} begins where it ends"
            )


def tracing(
    *,
    arch: options.Arch = "tpu-16x16",
    overrides: options.Set = [],  # noqa: B006 - Typer reads the default and never changes it
    output: Out = None,
    text: AsText = False,
    layer: Layer = "",
    first: From = 1,
    last: To = None,
    limit: Limit = "64MB",
    clock: Clock = 1000.0,
    objective: options.Aim = None,
    tile: options.Tile = None,
    json: options.Json = None,
    seed: options.Seed = 1,
    sparsity: options.Sparsity = None,
    prune: options.Prune = None,
    schedule: options.Order = options.Schedule.NONE,
    offload: options.Extra = None,
    quiet: options.Quiet = False,
) -> _Options:
    """Gather the options of a trace; the signature declares them to Typer."""
    if output == "-":
        raise typer.BadParameter("--output -: a trace is no text, give it a file")
    if output is not None and output == json:
        raise typer.BadParameter(f"--json and --output both name {json}: give each its own file")
    given, aim = options.tiling_of(tile, objective)
    ratio, per = options.pruning_of(sparsity, prune)
    drawn = text or output is None
    if last is None and output is None:
        last = first + _CYCLES_OF_TEXT - 1
    return _Options(
        arch,
        options.changes(overrides),
        objective=aim,
        tiles=given,
        json=json,
        seed=seed,
        quiet=quiet,
        sparsity=ratio,
        prune=per,
        schedule=schedule.value,
        offload=offload,
        output=output,
        text=drawn,
        layer=layer,
        first=first,
        last=last,
        limit=size(limit),
        clock=clock,
    )


trace_app = typer.Typer(
    name="trace",
    cls=Targets,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    options_metavar="",
    subcommand_metavar="TARGET --arch MACHINE [-o FILE] [OPTIONS]...",
    help="""Show what every part of a machine does in every cycle.

**TARGET** is what `cairn run` takes: *MODEL.onnx*, *FILE.py:FUNCTION*, *TABLE.csv*,
*FILE.safetensors*, *gemm*, *conv* or *maxpool*.

With **-o** a trace for <https://ui.perfetto.dev>: the layers and their rounds, each part at work or
waiting, and for what, its counters cycle by cycle, and how full the channels are. It is written as
the run goes on and gets no larger than **--limit**. Otherwise a timeline in text: a row a part, a
column a cycle.

What is traced is clocked, whatever the cycles are; layers that are not, and what comes after the
last cycle that is, are evaluated as `cairn run` does.

Examples:

- `cairn trace gemm --M 8 --N 8 --K 8 --arch maeri-64`
- `cairn trace gemm --M 128 --N 128 --K 128 --arch tpu-16x16 -o gemm.pftrace`
- `cairn trace topology.csv --layer conv2 --from 1000 --to 1200 --arch maeri-256`
- `cairn trace resnet50.onnx --shape x=1x3x224x224 --layer 5 --limit 1GB -o layer5.pftrace`""",
)

_TARGETS = {
    "gemm": ("Show the cycles of C = A x B.", "gemm --M 8 --N 8 --K 8"),
    "conv": (
        "Show the cycles of a convolution.",
        "conv --channels 4 --filters 4 --input 8x8 --kernel 3x3",
    ),
    "maxpool": (
        "Show the cycles of max-pooling.",
        "maxpool --channels 8 --input 8x8 --kernel 2x2 --stride 2",
    ),
    "csv": ("Show the cycles of the layers of a SCALE-Sim topology table.", "topology.csv"),
    "onnx": (
        "Show the cycles of a Conv, Gemm or MatMul of an ONNX model, which runs with its values.",
        "model.onnx --layer conv1 -o conv1.pftrace",
    ),
    "pytorch": (
        "Show the cycles of a product of a PyTorch model, which runs with its values.",
        "mine.py:example --layer 1",
    ),
    "safetensors": (
        "Show the cycles of a layer of a captured workload, on its values.",
        "work.safetensors --layer 1",
    ),
}

offer(trace_app, tracing, _TARGETS, "maeri-64")
