"""``cairn compare``: one workload on several machines, side by side."""

from __future__ import annotations

from dataclasses import replace
from inspect import cleandoc
from typing import Annotated, Any

import typer
from rich.console import RenderableType

import cairn
from cairn import compare, tables
from cairn.cli import options
from cairn.cli.run import Targets, run_app
from cairn.cli.suite import HELP as SUITE_HELP
from cairn.cli.suite import suite
from cairn.errors import CairnError

Archs = Annotated[
    str,
    typer.Option(
        "--arch",
        "-a",
        metavar="A,B[,C...]",
        help="The machines: presets or files. The others are held against the first.",
    ),
]


class Comparison(options.Common):
    """The options of one comparison; ``arch`` names several machines."""

    def machines(self) -> list[cairn.Machine]:
        """Load every machine; the faults of all of them are told at once."""
        names = [name.strip() for name in self.arch.split(",") if name.strip()]
        if len(names) < 2:
            raise typer.BadParameter(
                f"a comparison needs two machines or more, not '{self.arch}': "
                "for example --arch tpu-16x16,tpu-32x32"
            )
        loaded, faults = [], []
        for name in names:
            try:
                loaded.append(replace(self, arch=name).machine())
            except CairnError as error:
                faults += error.diagnostics
        if faults:
            raise CairnError(faults)
        called = [machine.name for machine in loaded]
        for name in called:
            if called.count(name) > 1:
                raise typer.BadParameter(
                    f"--arch has two machines called '{name}': name a machine once, "
                    "and give every machine file a name of its own"
                )
        return loaded

    def document(self, results: list[dict[str, Any]]) -> dict[str, Any]:
        """Make the comparison document."""
        return compare.document(results)

    def view(self, document: dict[str, Any], width: int) -> RenderableType:
        """Build the machines, the table of layers and the verdict."""
        return tables.comparison(document, width)


def comparison(
    *,
    arch: Archs,
    evaluator: options.Eval = options.Evaluator.FLOW,
    objective: options.Aim = None,
    json: options.Json = None,
    seed: options.Seed = 1,
    sparsity: options.Sparsity = None,
    prune: options.Prune = None,
    schedule: options.Order = options.Schedule.NONE,
    table: options.EnergyTable = None,
    clock: options.Clock = None,
    offload: options.Extra = None,
    quiet: options.Quiet = False,
) -> Comparison:
    """Gather the options of a comparison; the signature declares them to Typer."""
    _, aim = options.tiling_of(None, objective)
    ratio, per = options.pruning_of(sparsity, prune)
    return Comparison(
        arch,
        evaluator=evaluator.value,
        objective=aim,
        json=json,
        seed=seed,
        quiet=quiet,
        sparsity=ratio,
        prune=per,
        schedule=schedule.value,
        energy=options.energy_table(table, clock),
        offload=offload,
    )


class Comparisons(Targets):
    """The targets of a comparison; a suite takes the place of one."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Let `--suite NAME` stand for the command that runs it."""
        named = any(word.partition("=")[0] == "--suite" for word in args)
        return super().parse_args(ctx, ["suite", *args] if named else args)


compare_app = typer.Typer(
    cls=Comparisons,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    options_metavar="",
    subcommand_metavar="(TARGET --arch A,B[,C...] | --suite NAME) [OPTIONS]...",
    help="""Simulate the same work on several machines and show them side by side.

**TARGET** is what `cairn run` takes: *MODEL.onnx*, *FILE.py:FUNCTION*, *TABLE.csv*,
*FILE.safetensors*, *gemm*, *conv* or *maxpool*.
**--arch** names the machines, presets or files; the others are held against the first.
**--suite** paper runs the seven models of the STONNE paper instead, beside its figures: see
`cairn compare --suite paper --help`.

For each layer and in total: cycles, utilisation, and the **ratio** of the cycles to the first
machine's: 0.50x takes half of them. A star marks the fastest machine of a layer.

A model runs with real values on every machine; exit code 1 if any outputs differ from ONNX
Runtime's.

Examples:

- `cairn compare resnet50.onnx --shape x=1x3x224x224 --arch tpu-16x16,tpu-32x32`
- `cairn compare topology.csv --arch tpu-16x16,tpu-128x128,mine.toml --json comparison.json`
- `cairn compare gemm --M 128 --N 768 --K 768 --arch tpu-16x16,axis-sa-rtl --evaluator step`
- `cairn compare resnet50.onnx --shape x=1x3x224x224 --sparsity 0.8 --arch tpu-16x16,sigma-256`""",
)

_EXAMPLES = {
    "gemm": "gemm --M 64 --N 64 --K 256",
    "conv": "conv --channels 3 --filters 64 --input 224x224 --kernel 7x7 --stride 2 --pad 3",
    "maxpool": "maxpool --channels 64 --input 112x112 --kernel 3x3 --stride 2 --pad 1",
    "csv": "topology.csv",
    "onnx": "model.onnx --input x=photo.npy",
    "pytorch": "mine.py:example",
    "safetensors": "work.safetensors",
}

for _each in run_app.registered_commands:
    _run = _each.callback.__wrapped__
    _on = "maeri-128,maeri-256" if _each.name == "maxpool" else "tpu-16x16,tpu-32x32"
    compare_app.command(
        _each.name,
        hidden=_each.hidden,
        help=f"{cleandoc(_run.__doc__).partition('Example:')[0].strip()}\n\nExample: "
        f"`cairn compare {_EXAMPLES[_each.name]} --arch {_on}`",
    )(options.with_common(_run, comparison))

compare_app.command("suite", hidden=True, help=SUITE_HELP)(suite)
