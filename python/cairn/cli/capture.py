"""``cairn capture``: what a model computes, once, in a file that runs without its framework."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import cairn
from cairn import files, tables
from cairn.cli import boundary, options, pytorch
from cairn.cli.progress import Progress
from cairn.cli.run import Inputs, Shapes, parsed_inputs
from cairn.cli.verdicts import verdict
from cairn.errors import refusal

if TYPE_CHECKING:
    from cairn.capture import Recording

# Gives the values, not the cycles: its flow evaluator is the fastest.
_MACHINE = "tpu-16x16"
_ENDING = ".safetensors"
_ACCEPTED = "MODEL.onnx, FILE.py:FUNCTION or package.module:FUNCTION"
# Of a run's context, what is about the model and not about the machine of the recording.
_ABOUT = ("seed", "inputs", "pruning", "outputs_agree", "max_abs_difference")

# Runs a model on the session: the run, how many outputs were compared, and with whose.
Prepared = Callable[["Recording", Progress], tuple[Any, int, str]]


HELP = """Write the products of a model, with their values, to a file that needs no framework.

The model runs once, with real values, and its outputs are compared with its framework's own: exit
code 1 if they differ. `cairn run`, `cairn compare` and `cairn map` take the file, on any computer,
without ONNX Runtime and PyTorch.

**MODEL.onnx** runs as in `cairn run`. A **FUNCTION** returns `(model, inputs)`: a PyTorch module,
and a tensor, a tuple of arguments or a dict of them. It may look like this:

    def example():
        return torch.nn.Linear(768, 64), torch.rand(128, 768)

Examples:

- `cairn capture model.onnx --input x=photo.npy -o work.safetensors`, then
  `cairn run work.safetensors --arch maeri-256`
- `cairn capture resnet50.onnx --shape x=1x3x224x224 --sparsity 0.8 -o pruned.safetensors`
- `cairn capture mine.py:example -o mine.safetensors`
"""


def capture(
    target: Annotated[str, typer.Argument(metavar="MODEL.onnx|FILE.py:FUNCTION", help=_ACCEPTED)],
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="FILE.safetensors", help="The file to write.")
    ],
    inputs: Inputs = [],  # noqa: B006 - Typer reads the default and never changes it
    shapes: Shapes = [],  # noqa: B006
    seed: options.Seed = 1,
    sparsity: options.Sparsity = None,
    prune: options.Prune = None,
    quiet: options.Quiet = False,
) -> None:
    """Write the products of a model, with their values, to a file."""
    from cairn.capture import Recording  # late: other commands do without safetensors

    pruning = options.pruning_of(sparsity, prune)
    if Path(output).suffix.lower() != _ENDING:
        raise typer.BadParameter(
            f"--output {files.readable(output)} must end in {_ENDING}: `cairn run` knows it by that"
        )
    model = {"seed": seed, "sparsity": pruning[0], "prune": pruning[1]}
    if Path(target).suffix.lower() == ".onnx":
        prepared = _onnx(target, *parsed_inputs(inputs, shapes), model)
    elif pytorch.is_function(target) and (inputs or shapes):
        option = "--input" if inputs else "--shape"
        raise typer.BadParameter(f"{option} is for ONNX models: the FUNCTION returns the inputs")
    elif pytorch.is_function(target):
        prepared = _torch(target, **model)
    else:
        given, ending = files.readable(target), Path(target.rstrip(":")).suffix.lower()
        remedies = {
            ".py": f"name the function that returns (model, inputs): {given.rstrip(':')}:FUNCTION",
            _ENDING: f"it is captured already: `cairn run {given}`",
        }
        remedy = remedies.get(ending, "export the model to ONNX, or write a function that makes it")
        raise refusal("E107", given, f"cannot capture this: expected {_ACCEPTED}", remedy)
    source = files.readable(target)
    recording = Recording(cairn.Session(cairn.load_machine(_MACHINE)), {"source": source})
    with files.Output(output) as file, Progress(quiet) as progress:
        run, outputs, framework = prepared(recording, progress)
        context = run.result["context"]
        recording.about |= {key: context[key] for key in _ABOUT if key in context}
        if not math.isfinite(run.max_abs_difference):
            recording.about["max_abs_difference"] = None
        recording.notes += run.notes
        if not run.agrees:
            recording.notes.append("the outputs did not agree with the framework's own")
        file.fill(recording.write)
    if not quiet:
        out, count = tables.console(), len(recording.layers)
        size = f"{recording.tensors:,} tensors, {os.path.getsize(output) / 1e6:,.3g} MB"
        products = f"{count:,} product{'' if count == 1 else 's'} of {source}"
        for line in (
            f"captured {products} in {files.readable(output)}: {size}",
            *(f"note: {note}" for note in recording.notes),
            verdict(run, outputs, framework),
        ):
            out.print(line, soft_wrap=True)
    if not run.agrees:
        raise typer.Exit(boundary.DIFFERENT)


def _onnx(
    target: str,
    inputs: list[tuple[str, str]],
    shapes: dict[str, tuple[int, ...]],
    model: dict[str, Any],
) -> Prepared:
    """Prepare an ONNX model, which ONNX Runtime runs around the products."""
    files.existing(target)
    import onnxruntime  # late: loading it takes a while

    import cairn.onnx as onnx_runner

    arrays = onnx_runner.read_inputs(inputs)

    def run(recording: Recording, progress: Progress) -> tuple[Any, int, str]:
        recording.about["framework"] = f"onnxruntime {onnxruntime.__version__}"
        workload = onnx_runner.Workload(target, arrays, shapes=shapes, **model)
        ran = workload.run(recording.machine, progress=progress.layer, session=recording)
        return ran, len(ran.outputs), "ONNX Runtime"

    return run


def _torch(target: str, seed: int, sparsity: float | None, prune: str | None) -> Prepared:
    """Prepare a PyTorch model, which a function of the user makes together with its inputs."""
    make = pytorch.workload(target, seed, sparsity, prune)

    def run(recording: Recording, progress: Progress) -> tuple[Any, int, str]:
        ran = make().run(
            recording.machine,
            progress=lambda index, name: progress.layer(index, None, name),
            session=recording,
        )
        recording.about |= {"framework": ran.result["context"]["framework"], "seed": seed}
        return ran, ran.count, "PyTorch"

    return run
