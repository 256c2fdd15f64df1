"""``cairn map``: the best tile of every layer, and why it is the best."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import typer
from rich.console import RenderableType

import cairn
from cairn import explain, tiles
from cairn.cli import options
from cairn.cli.run import Targets, offer
from cairn.mapping import Mapper

Save = Annotated[
    str | None,
    typer.Option(
        "--save",
        metavar="TILES",
        help="Write the tile of every layer to a file that `cairn run --tile TILES` reads.",
    ),
]


@dataclass(frozen=True)
class _Options(options.Common):
    """The options of one mapping."""

    save: str | None = None
    says_values: ClassVar[bool] = False

    def session(self, machine: cairn.Machine) -> Mapper:
        """Make a session that explains its mappings."""
        return Mapper(machine, self.energy)

    def others(self) -> list[tuple[str | None, Callable[[dict[str, Any]], str]]]:
        """Write the tiles beside the document."""
        return [(self.save, tiles.text)]

    def view(self, document: dict[str, Any], width: int) -> RenderableType:
        """Build the table of layers; for a single operation say why its tile is the best."""
        return explain.mapping(document, width)


def mapping(
    *,
    arch: options.Arch,
    overrides: options.Set = [],  # noqa: B006 - Typer reads the default and never changes it
    objective: options.Aim = None,
    tile: options.Tile = None,
    json: options.Json = None,
    save: Save = None,
    table: options.EnergyTable = None,
    offload: options.Extra = None,
    quiet: options.Quiet = False,
) -> _Options:
    """Gather the options of a mapping; the signature declares them to Typer."""
    if save is not None and save == json:
        raise typer.BadParameter(f"--json and --save both name {save}: give each its own file")
    given, aim = options.tiling_of(tile, objective)
    return _Options(
        arch,
        options.changes(overrides),
        objective=aim,
        tiles=given,
        json=json,
        quiet=quiet,
        energy=options.energy_table(table, None),
        offload=offload,
        save=save,
    )


map_app = typer.Typer(
    name="map",
    cls=Targets,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    options_metavar="",
    subcommand_metavar="TARGET --arch MACHINE [OPTIONS]...",
    help="""Find the best tile of every layer on a machine, and say what bounds it.

**TARGET** is what `cairn run` takes: *MODEL.onnx*, *FILE.py:FUNCTION*, *TABLE.csv*,
*FILE.safetensors*, *gemm*, *conv* or *maxpool*.

For each layer: its tile (sizes of 1 are left out), how many multipliers the tile uses, its cycles,
the part of the machine that bounds them, and how many of the legal tiles were tried: of the others
a bound says that they are no better. For a single operation: how far the tile is from its own
bound, and why the next best tiles lose.

A systolic array has one tile, its own.

Examples:

- `cairn map gemm --M 128 --N 768 --K 768 --arch maeri-128`
- `cairn map topology.csv --arch maeri-64 --objective energy`
- `cairn map resnet50.onnx --shape x=1x3x224x224 --arch maeri-256 --save tiles.toml`, then
  `cairn run resnet50.onnx --shape x=1x3x224x224 --arch maeri-256 --tile tiles.toml`
- `cairn map gemm --M 64 --N 64 --K 8 --arch maeri-64 --tile M=8,N=2,K=4` explains a tile""",
)

_TARGETS = {
    "gemm": (
        "Find the best tile of C = A x B: M rows, N columns, K summed in the array at once.",
        "gemm --M 64 --N 64 --K 256",
    ),
    "conv": (
        "Find the best tile of a convolution: R x S of the kernel, C channels and K filters of a"
        " group, G groups, N images and X x Y outputs in the array at once.",
        "conv --channels 64 --filters 64 --input 56x56 --kernel 3x3 --pad 1",
    ),
    "maxpool": (
        "Find the best tile of max-pooling: R x S of the window, C channels, N images and X x Y"
        " outputs in the array at once.",
        "maxpool --channels 64 --input 56x56 --kernel 3x3 --stride 2",
    ),
    "csv": ("Find the best tiles of the layers of a SCALE-Sim topology table.", "topology.csv"),
    "onnx": (
        "Find the best tiles of every Conv, Gemm and MatMul of an ONNX model. It is run with its"
        " values, as `cairn run` does, so that all sizes are known.",
        "model.onnx --shape x=1x3x224x224 --save tiles.toml",
    ),
    "pytorch": (
        "Find the best tiles of the products of a PyTorch model; it is run with its values.",
        "mine.py:example",
    ),
    "safetensors": (
        "Find the best tiles of the layers of a captured workload; it is run with its values.",
        "work.safetensors",
    ),
}

offer(map_app, mapping, _TARGETS, "maeri-128")
