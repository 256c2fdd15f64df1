"""What the ``cairn run`` commands do once their options are parsed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import typer

import cairn
from cairn import files, operands, tables
from cairn.cli import boundary, options
from cairn.errors import refusal

if TYPE_CHECKING:
    from cairn.onnx import Run

Operation = Any  # cairn.Gemm | cairn.Conv: the compiled classes are loaded lazily


def _countable(named: Mapping[str, int]) -> None:
    """Refuse sizes that do not even fit the core's 64-bit integers (U203), all at once."""
    faults = [
        refusal("U203", name, f"{value} is too large to count", "use smaller sizes").diagnostics[0]
        for name, value in named.items()
        if abs(value) >= 1 << 63
    ]
    if faults:
        raise cairn.CairnError(faults)


def gemm_of(m: int, n: int, k: int, batch: int) -> cairn.Gemm:
    """Make a GEMM from the numbers of the command line."""
    _countable({"--M": m, "--N": n, "--K": k, "--batch": batch})
    return cairn.Gemm(m, n, k, batch)


def conv_of(size: str, counts: Mapping[str, int], spatial: Mapping[str, str]) -> cairn.Conv:
    """Make a convolution; a single number in ``spatial`` counts for every dimension of ``size``."""
    _countable({f"--{name}": value for name, value in counts.items()})
    image = options.sizes(size)

    def each(name: str, text: str) -> tuple[int, ...]:
        given = options.sizes(text)
        if len(given) not in (1, len(image)):
            dimensions = f"{len(image)} dimensions like --input {size}"
            raise typer.BadParameter(f"--{name} {text} must have 1 number, or {dimensions}")
        return given * len(image) if len(given) == 1 else given

    begin, _, end = spatial["pad"].partition(":")
    return cairn.Conv(
        **counts,
        input=image,
        kernel=each("kernel", spatial["kernel"]),
        stride=each("stride", spatial["stride"]),
        dilation=each("dilation", spatial["dilation"]),
        pad_begin=each("pad", begin),
        pad_end=each("pad", end or begin),
    )


def single(
    shared: options.Common, name: str, make: Callable[[], Operation], timing_only: bool
) -> None:
    """Simulate one operation."""
    _layers(shared, name, [(name, make())], not timing_only)


def table(shared: options.Common, target: str, values: bool) -> None:
    """Simulate the layers of a topology table."""
    layers = cairn.parse_topology(files.read_text(target), target)
    _layers(shared, target, layers, values)


def _layers(
    shared: options.Common, target: str, layers: list[tuple[str, Operation]], values: bool
) -> None:
    """Simulate layers one by one, with seeded operands if ``values``; show and write the result."""
    machine = shared.machine()
    with files.Output(shared.json) as output, shared.progress() as progress:
        session = cairn.Session(machine, shared.evaluator)
        wrong = []
        for index, (name, operation) in enumerate(layers):
            rounds = progress.layer(index, len(layers), name)
            a, b = _seeded(operation, shared.seed + 2 * index) if values else (None, None)
            out = session.run(name, operation, a, b, shared.tile, rounds)
            if a is not None and b is not None and not _right(operation, a, b, out):
                wrong.append(name)
        context: dict[str, Any] = {"target": target, "evaluator": shared.evaluator}
        if values:
            context |= {"seed": shared.seed, "values_agree": not wrong}
        text = session.document(context)
        output.write(text)
    verdict = (
        f"values DIFFER from NumPy's in {', '.join(wrong)}" if wrong else "values equal NumPy's"
    )
    _present(shared, json.loads(text), verdict if values else "timing only: no values computed")
    if wrong:
        raise typer.Exit(boundary.DIFFERENT)


def _seeded(operation: Operation, seed: int) -> tuple[operands.Floats, operands.Floats]:
    if isinstance(operation, cairn.Gemm):
        return operands.for_gemm(operation, seed)
    return operands.for_conv(operation, seed)


def _right(operation: Operation, a: operands.Floats, b: operands.Floats, out: Any) -> bool:
    """Check simulated values against the float64 reference."""
    if isinstance(operation, cairn.Gemm):
        return operands.values_agree(out, operands.reference_gemm(a, b), operation.k)
    terms = b[0].size
    return operands.values_agree(out, operands.reference_conv(operation, a, b), terms)


def _present(shared: options.Common, document: dict[str, Any], *lines: str) -> None:
    """Show a result on the standard output, unless that is silenced or taken by the document."""
    if shared.quiet or shared.json == "-":
        return
    out = tables.console()
    out.print(tables.result(document, out.width))
    for line in lines:
        out.print(line, soft_wrap=True)


def model(
    shared: options.Common,
    target: str,
    inputs: list[tuple[str, str]],
    shapes: dict[str, tuple[int, ...]],
) -> None:
    """Simulate an ONNX model and compare its outputs with ONNX Runtime's."""
    files.existing(target)
    import cairn.onnx as onnx_runner  # late: loading ONNX Runtime takes a while

    machine = shared.machine()
    arrays = onnx_runner.read_inputs(inputs)
    with files.Output(shared.json) as output, shared.progress() as progress:
        run = onnx_runner.run(
            target,
            arrays,
            machine,
            shared.evaluator,
            shapes=shapes,
            seed=shared.seed,
            progress=progress.layer,
            tile=shared.tile,
        )
        output.write(json.dumps(run.result, indent=2))
    _present(shared, run.result, verdict(run))
    if not run.agrees:
        raise typer.Exit(boundary.DIFFERENT)


def verdict(run: Run) -> str:
    """Say whether the outputs of a model equal the native ones."""
    count = len(run.outputs)
    outputs = "the output" if count == 1 else f"the {count} outputs"
    equal = ("equals" if count == 1 else "equal") if run.agrees else "DO NOT AGREE WITH"
    return f"{outputs} {equal} ONNX Runtime's own (max abs difference {run.max_abs_difference:.3g})"
