"""``cairn run``: a single operation, a layer table or a whole model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from cairn.cli import jobs, operations, options
from cairn.cli.pytorch import is_function
from cairn.errors import nearest, refusal

_FILES = {".onnx": "onnx", ".csv": "csv", ".safetensors": "safetensors"}
_ACCEPTED = (
    "an operation (gemm, conv or maxpool), a file that ends in .onnx, .safetensors or .csv, "
    "or FILE.py:FUNCTION"
)


def _kind(target: str) -> str | None:
    """Return the command of a target that is no operation."""
    return "pytorch" if is_function(target) else _FILES.get(Path(target).suffix.lower())


Inputs = Annotated[
    list[str],
    typer.Option("--input", metavar="NAME=FILE.npy", help="The value of an input (.npy or .npz)."),
]
Shapes = Annotated[
    list[str],
    typer.Option("--shape", metavar="NAME=1x3x48x320", help="The shape of an input that is drawn."),
]


def parsed_inputs(
    inputs: list[str], shapes: list[str]
) -> tuple[list[tuple[str, str]], dict[str, tuple[int, ...]]]:
    """Parse the values of --input and --shape: names with files, and names with sizes."""
    drawn = options.pairs(shapes, "--shape x=1x3x48x320")
    return (
        options.pairs(inputs, "--input x=photo.npy"),
        {name: options.sizes(text, 0) for name, text in drawn},
    )


class Targets(TyperGroup):
    """A group whose first argument is an operation or a file; its ending chooses the command."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Let options come before the target, as in `cairn run --arch tpu-32x32 model.onnx`."""
        if args and args[0].startswith("-") and not {"--help"} & set(args):
            for at, word in enumerate(args):
                if word in self.commands or _kind(word):
                    return list(super().parse_args(ctx, [word, *args[:at], *args[at + 1 :]]))
        return list(super().parse_args(ctx, args))

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[Any, Any, list[str]]:
        """Find the command of the target, or refuse it with what is accepted (E107)."""
        target = args[0]
        if self.get_command(ctx, target) is not None or target.startswith("-"):
            return super().resolve_command(ctx, args)
        kind = _kind(target)
        if kind is None:
            hint = nearest(target, ("gemm", "conv", "maxpool"), f"give {_ACCEPTED}")
            if target.endswith(".py"):
                hint = f"name the function that returns (model, inputs): {target}:FUNCTION"
            raise refusal("E107", target, f"cannot run this: expected {_ACCEPTED}", hint)
        return kind, self.get_command(ctx, kind), args


run_app = typer.Typer(
    cls=Targets,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    options_metavar="",
    subcommand_metavar="TARGET [OPTIONS]...",
    help="""Simulate a model file, a table of layers or a single operation on a machine.

**TARGET** is one of

- *MODEL.onnx*: every Conv, Gemm and MatMul is simulated with its real operands,
  the rest runs on the host, and the outputs are compared with ONNX Runtime's own
- *FILE.py:FUNCTION*: a PyTorch model, which the function returns with its inputs; the outputs
  are compared with the model's own on the CPU
- *TABLE.csv*: the layers of a SCALE-Sim topology file
- *FILE.safetensors*: what `cairn capture` has written of a model, with its values
- *gemm*, *conv* or *maxpool*: one operation, see `cairn run gemm --help`

Examples:

- `cairn run gemm --M 128 --N 768 --K 768 --arch tpu-32x32`
- `cairn run conv --channels 64 --filters 64 --input 56x56 --kernel 3x3 --pad 1`
- `cairn run resnet50.onnx --shape x=1x3x224x224 --json result.json`
- `cairn run resnet50.onnx --shape x=1x3x224x224 --arch sigma-256 --sparsity 0.8`: its weights are
  pruned first
- `cairn run mine.py:example --arch sigma-256 --prune 2:4`: see `cairn run pytorch --help`
- `cairn run topology.csv --set multiplier.rows=8 --evaluator step`""",
)


@run_app.command("gemm")
@options.with_common
def gemm(
    shared: options.Common,
    m: Annotated[int, typer.Option("--M", help="Rows of A and of the result.")],
    n: Annotated[int, typer.Option("--N", help="Columns of B and of the result.")],
    k: Annotated[int, typer.Option("--K", help="Columns of A, rows of B: the summed dimension.")],
    batch: Annotated[int, typer.Option("--batch", help="Number of independent products.")] = 1,
    timing_only: options.TimingOnly = False,
) -> None:
    """Simulate C = A x B with seeded operands, and check the values against NumPy.

    Example: `cairn run gemm --M 64 --N 64 --K 256 --arch tpu-16x16 --tile M=8,N=16`
    """
    jobs.single(shared, "gemm", lambda: operations.gemm_of(m, n, k, batch), timing_only)


@run_app.command("conv")
@options.with_common
def conv(
    shared: options.Common,
    channels: Annotated[int, typer.Option("--channels", help="Input channels, over all groups.")],
    filters: Annotated[int, typer.Option("--filters", help="Output channels, over all groups.")],
    size: Annotated[
        str, typer.Option("--input", metavar="HxW", help="Input size: 1 to 3 numbers.")
    ],
    kernel: Annotated[str, typer.Option("--kernel", metavar="HxW", help="Kernel size.")],
    stride: Annotated[str, typer.Option("--stride", metavar="HxW", help="Stride.")] = "1",
    pad: Annotated[
        str, typer.Option("--pad", metavar="HxW[:HxW]", help="Zeros before (and after) the input.")
    ] = "0",
    dilation: Annotated[str, typer.Option("--dilation", metavar="HxW", help="Dilation.")] = "1",
    groups: Annotated[int, typer.Option("--groups", help="Groups of channels.")] = 1,
    batch: Annotated[int, typer.Option("--batch", help="Number of images.")] = 1,
    timing_only: options.TimingOnly = False,
) -> None:
    """Simulate a convolution with seeded operands, and check the values against NumPy.

    A single number counts for every dimension; `--pad 0x0:1x1` pads the end only.

    Example: `cairn run conv --channels 3 --filters 64 --input 224x224 --kernel 7x7 --stride 2 --pad
    3`
    """
    counts = {"batch": batch, "channels": channels, "filters": filters, "groups": groups}
    spatial = {"kernel": kernel, "stride": stride, "pad": pad, "dilation": dilation}
    jobs.single(shared, "conv", lambda: operations.conv_of(size, counts, spatial), timing_only)


@run_app.command("maxpool")
@options.with_common
def maxpool(
    shared: options.Common,
    channels: Annotated[int, typer.Option("--channels", help="Channels, pooled one by one.")],
    size: Annotated[
        str, typer.Option("--input", metavar="HxW", help="Input size: 1 to 3 numbers.")
    ],
    kernel: Annotated[str, typer.Option("--kernel", metavar="HxW", help="Window size.")],
    stride: Annotated[str, typer.Option("--stride", metavar="HxW", help="Stride.")] = "1",
    pad: Annotated[
        str,
        typer.Option("--pad", metavar="HxW[:HxW]", help="Padding before (and after) the input."),
    ] = "0",
    dilation: Annotated[str, typer.Option("--dilation", metavar="HxW", help="Dilation.")] = "1",
    ceil_mode: Annotated[
        bool, typer.Option("--ceil-mode", help="Round output sizes up, not down.")
    ] = False,
    batch: Annotated[int, typer.Option("--batch", help="Number of images.")] = 1,
    timing_only: options.TimingOnly = False,
) -> None:
    """Simulate max-pooling with seeded operands, and check the values against NumPy.

    It runs on flexible dense machines, whose adders can compare. A single number counts for every
    dimension; padding never wins.

    Example: `cairn run maxpool --channels 64 --input 112x112 --kernel 3x3 --stride 2 --pad 1
    --arch maeri-256`
    """
    counts = {"batch": batch, "channels": channels}
    spatial = {"kernel": kernel, "stride": stride, "pad": pad, "dilation": dilation}
    jobs.single(
        shared,
        "maxpool",
        lambda: operations.maxpool_of(size, counts, spatial, ceil_mode),
        timing_only,
    )


@run_app.command("csv", hidden=True)
@options.with_common
def csv(
    shared: options.Common,
    target: str,
    values: Annotated[
        bool,
        typer.Option("--values", help="Compute values too, on seeded operands, and check them."),
    ] = False,
) -> None:
    """Simulate the layers of a SCALE-Sim topology table (its convolution or its GEMM form)."""
    jobs.table(shared, target, values)


@run_app.command("onnx", hidden=True)
@options.with_common
def onnx(
    shared: options.Common,
    target: str,
    inputs: Inputs = [],  # noqa: B006 - Typer reads the default and never changes it
    shapes: Shapes = [],  # noqa: B006
) -> None:
    """Simulate every Conv, Gemm and MatMul of an ONNX model with its real operands.

    All other nodes run on the host through ONNX Runtime, and the outputs are compared with its own.
    Inputs that are not given are drawn from the seed; dynamic ones need `--shape`.

    Example: `cairn run model.onnx --input x=photo.npy --arch tpu-32x32 --json result.json`
    """
    jobs.model(shared, target, *parsed_inputs(inputs, shapes))


@run_app.command("pytorch", hidden=True)
@options.with_common
def pytorch(
    shared: options.Common,
    target: Annotated[str, typer.Argument(metavar="FILE.py:FUNCTION")],
) -> None:
    """Simulate the products of a PyTorch model with their real operands.

    All else runs on the host, and the outputs are compared with the model's own on the CPU. The
    FUNCTION, of a file or of a module (package.module:FUNCTION), returns `(model, inputs)`: a
    module, and a tensor, a tuple of arguments or a dict of them. It may look like this:

        def example():
            return torch.nn.Linear(768, 64), torch.rand(128, 768)

    Example: `cairn run mine.py:example --arch maeri-256`
    """
    jobs.pytorch_model(shared, target)


@run_app.command("safetensors", hidden=True)
@options.with_common
def safetensors(shared: options.Common, target: str) -> None:
    """Simulate a captured workload on the values that it holds, without the model's framework.

    The values that the machine computes are compared with the captured ones. `cairn capture` writes
    such files.

    Example: `cairn run work.safetensors --arch maeri-256 --json result.json`
    """
    jobs.captured(shared, target)


def offer(
    app: typer.Typer,
    gather: Callable[..., options.Common],
    told: Mapping[str, tuple[str, str]],
    machine: str,
) -> None:
    """Give another command the targets of this one; it never computes values of its own.

    ``told`` says of each target what the command does with it, and an example, run on ``machine``.
    """
    for each in run_app.registered_commands:
        about, example = told[each.name]
        shown = f"{about}\n\nExample: `cairn {app.info.name} {example} --arch {machine}`"
        fixed = {"timing_only": True, "values": False}
        app.command(each.name, hidden=each.hidden, help=shown)(
            options.with_common(each.callback.__wrapped__, gather, fixed)
        )
