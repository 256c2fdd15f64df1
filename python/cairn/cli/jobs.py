"""What the ``cairn run`` commands do once their options are parsed."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import typer

import cairn
from cairn import agreement, effective, errors, files, machines, operands, tables, tiles
from cairn.cli import boundary, options, pytorch
from cairn.cli.progress import Layer
from cairn.cli.verdicts import excused, verdict
from cairn.rectified import seen

Operation = Any  # cairn.Gemm | cairn.Conv | cairn.MaxPool: the compiled classes are loaded lazily


@dataclass(frozen=True)
class Answer:
    """What a machine made of the target: the result document, and whether its values are right."""

    result: dict[str, Any]
    agrees: bool
    verdict: str


Simulate = Callable[["cairn.Machine", Layer], Answer]


def single(
    shared: options.Common, name: str, make: Callable[[], Operation], timing_only: bool
) -> None:
    """Simulate one operation."""
    _layers(shared, name, [(name, make())], not timing_only)


def table(shared: options.Common, target: str, values: bool) -> None:
    """Simulate the layers of a topology table."""
    name = files.readable(target)
    _layers(shared, name, cairn.parse_topology(files.read_text(target), name), values)


def _layers(
    shared: options.Common, target: str, layers: list[tuple[str, Operation]], values: bool
) -> None:
    """Simulate layers one by one, with seeded operands if ``values``."""
    if shared.prune is not None:
        where = "draw zeros with --sparsity alone"
        raise typer.BadParameter(f"--prune {shared.prune} is for the weights of a model: {where}")
    if shared.offload is not None:
        raise typer.BadParameter(f"--offload {shared.offload} is for models: nothing to offload")

    def on(machine: cairn.Machine, progress: Layer) -> Answer:
        session, wrong = shared.session(machine), []
        sparse = [_sparse(shared, machine, index) for index, _ in enumerate(layers)]

        def drawn(index: int) -> tuple[Any, ...]:
            sparse[index].pop("weight_sparsity", None)  # the values have their zeros
            return _seeded(shared, layers[index][1], index)

        ran = _ran(shared, session, layers, sparse, drawn if values else None, progress)
        for (name, operation), (given, out) in zip(layers, ran, strict=True):
            if given and not _right(operation, *given, out):
                wrong.append(name)
        context: dict[str, Any] = {
            "target": target,
            "evaluator": shared.evaluator,
            "objective": shared.objective,
        }
        if shared.sparsity is not None:
            context |= {"seed": shared.seed, "weight_sparsity": shared.sparsity}
        if shared.schedule != "none" and machines.is_sparse(machine):
            context |= {"seed": shared.seed, "schedule": shared.schedule}
        if values:
            context |= {"seed": shared.seed, "values_agree": not wrong}
        verdict = (
            f"values DIFFER from NumPy's in {', '.join(wrong)}" if wrong else "values equal NumPy's"
        )
        said = verdict if values else "timing only: no values computed"
        return Answer(effective.completed(session.document(context)), not wrong, said)

    answer(shared, lambda: on)


def _ran(
    shared: options.Common,
    session: cairn.Session,
    layers: Sequence[tuple[str, Operation]],
    sparse: Sequence[Mapping[str, Any]],
    load: Callable[[int], tuple[Any, ...]] | None,
    progress: Layer,
) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Run layers one by one, each in its tile; yield what ``load`` gave for it, and the output.

    What is loaded begins with the operands; without ``load`` only time passes.
    """
    choose = shared.tiles.over(
        session.machine, [(name, tiles.letters(each)) for name, each in layers]
    )
    tile = [choose(name, operation) for name, operation in layers]
    _check_tiles(session.machine, layers, tile, sparse)
    for index, (name, operation) in enumerate(layers):
        rounds = progress(index, len(layers), name)
        given = load(index) if load else ()
        a, b = given[:2] or (None, None)
        with errors.at(f"layer {name}"):
            out = session.run(
                name, operation, a, b, tile[index], rounds, shared.objective, **sparse[index]
            )
        yield given, out


def captured(shared: options.Common, target: str) -> None:
    """Simulate the layers of a captured workload on the values that it holds."""
    from cairn import capture  # late: only it needs safetensors

    work = capture.read(target)
    if shared.sparsity is not None or shared.prune is not None:
        option = "--prune" if shared.sparsity is None else "--sparsity"
        raise typer.BadParameter(
            f"{option}: a captured workload has weights of its own; prune the model when you"
            f" capture it: `cairn capture MODEL.onnx {option} .. -o FILE.safetensors`"
        )
    if shared.offload is not None:
        raise typer.BadParameter(f"--offload {shared.offload}: what is captured are products alone")
    layers = [(layer.name, layer.operation) for layer in work.layers]
    known = [layer.rectified for layer in work.layers]
    rectified = [{} if each is None else {"rectified": each} for each in known]

    def on(machine: cairn.Machine, progress: Layer) -> Answer:
        session, wrong, largest = shared.session(machine), [], 0.0
        order: dict[str, Any] = {}
        if shared.schedule != "none" and machines.is_sparse(machine):
            order = {"schedule": shared.schedule, "seed": shared.seed % (1 << 64)}
        ran = _ran(
            shared,
            session,
            layers,
            [order | told for told in rectified],
            lambda index: work.layers[index].load(),
            progress,
        )
        stops = machines.stops_early(machine)
        for (name, operation), by, ((*_, expected), out) in zip(layers, known, ran, strict=True):
            if stops and by is not None:  # what is below zero there says nothing
                out, expected = (seen(each, operation, by) for each in (out, expected))
            difference = agreement.of(out, expected)
            largest = max(largest, difference.largest)
            if not difference.agrees:
                wrong.append(name)
        context = {
            "target": files.readable(target),
            "evaluator": shared.evaluator,
            "objective": shared.objective,
            **order,
            "values_agree": not wrong,
            "max_abs_difference": largest,
        }
        result = effective.completed(session.document(context))
        result["context"]["capture"] = work.about
        for each, layer in zip(result["layers"], work.layers, strict=True):
            each["call"] = layer.call
        result["notes"] = [*result.get("notes", []), *work.notes]
        said = (
            f"DIFFER from those captured in {', '.join(wrong)}" if wrong else "equal those captured"
        )
        said = f"values {said} (max abs difference {largest:.3g})"
        return Answer(result, *excused(machine, not wrong, said, largest))

    answer(shared, lambda: on)


def _sparse(shared: options.Common, machine: cairn.Machine, index: int) -> dict[str, Any]:
    """Return what a sparse machine is told of layer ``index``: its schedule, and unseen zeros."""
    if not machines.is_sparse(machine) or (shared.schedule == "none" and not shared.sparsity):
        return {}
    seed = _seed(shared, index) + 1  # that of the second operand
    return {
        "schedule": shared.schedule,
        "weight_sparsity": shared.sparsity or 0.0,
        "seed": seed % (1 << 64),
    }


def _tell_ignored(shared: options.Common, on: Sequence[cairn.Machine]) -> None:
    """Warn of options that change no cycles, since none of the machines is sparse."""
    if any(map(machines.is_sparse, on)):
        return
    names = ", ".join(machine.name for machine in on)
    with boundary.telling():
        if shared.schedule != "none":
            told = f"--schedule: no effect on {names}: only sparse machines pack filters"
            warnings.warn(told, stacklevel=2)
        if shared.sparsity is not None or shared.prune is not None:
            option = "--prune" if shared.sparsity is None else "--sparsity"
            told = f"{option}: no effect on the cycles of {names}: zeros are multiplied too"
            warnings.warn(told, stacklevel=2)


def _check_tiles(
    machine: cairn.Machine,
    layers: Sequence[tuple[str, Operation]],
    given: Sequence[dict[str, int] | None],
    sparse: Sequence[Mapping[str, Any]],
) -> None:
    """Refuse all tiles that do not fit, before anything takes long."""
    session, faults = cairn.Session(machine), []
    for (name, operation), tile, zeros in zip(layers, given, sparse, strict=True):
        try:
            with errors.at(f"layer {name}"):
                _ = tile and session.run(name, operation, tile=tile, **zeros)
        except cairn.CairnError as error:
            faults += error.diagnostics
    if faults:
        raise cairn.CairnError(faults)


def _seed(shared: options.Common, index: int) -> int:
    """Return the seed of the first operand of layer ``index``; that of the second is next."""
    return shared.seed + 2 * index


def _seeded(
    shared: options.Common, operation: Operation, index: int
) -> tuple[operands.Floats, operands.Floats | None]:
    if isinstance(operation, cairn.MaxPool):
        return operands.for_maxpool(operation, _seed(shared, index)), None
    draw = operands.for_gemm if isinstance(operation, cairn.Gemm) else operands.for_conv
    return draw(operation, _seed(shared, index), shared.sparsity or 0.0)


def _right(operation: Operation, a: operands.Floats, b: Any, out: Any) -> bool:
    """Check simulated values against the float64 reference, or of max-pooling against NumPy."""
    if isinstance(operation, cairn.MaxPool):
        return bool(np.array_equal(out, operands.reference_maxpool(operation, a)))
    if isinstance(operation, cairn.Gemm):
        return operands.values_agree(out, operands.reference_gemm(a, b), operation.k)
    terms = b[0].size
    return operands.values_agree(out, operands.reference_conv(operation, a, b), terms)


def answer(shared: options.Common, prepare: Callable[[], Simulate]) -> None:
    """Simulate on every machine; write and show what came out, and fail if values differ.

    Nothing goes to a standard output that is silenced or taken by the document.
    """
    on = shared.machines()
    _tell_ignored(shared, on)
    written = [(shared.json, partial(json.dumps, indent=2)), *shared.others()]
    with ExitStack() as stack, shared.progress() as progress:
        outputs = [stack.enter_context(files.Output(path)) for path, _ in written]
        shared.reserve(stack)
        simulate = prepare()
        answers = [
            simulate(machine, progress.turn(at, len(on), machine.name))
            for at, machine in enumerate(on)
        ]
        document = shared.document([answer.result for answer in answers])
        for output, (_, text) in zip(outputs, written, strict=True):
            output.write(text(document))
    if not shared.quiet and not any(output.to_stdout for output in outputs):
        out = tables.console()
        out.print(shared.view(document, out.width))
        for line in _verdicts(shared, on, answers):
            out.print(line, soft_wrap=True)
    if not all(answer.agrees for answer in answers):
        raise typer.Exit(boundary.DIFFERENT)


def _verdicts(
    shared: options.Common, on: list[cairn.Machine], answers: list[Answer]
) -> Iterator[str]:
    """Yield each verdict once, with the machines that it is about unless it is about all."""
    about: dict[str, list[str]] = {}
    for machine, answer in zip(on, answers, strict=True):
        if shared.says_values or not answer.agrees:
            about.setdefault(answer.verdict, []).append(machine.name)
    for words, names in about.items():
        yield words if len(about) == 1 else f"{', '.join(names)}: {words}"


def model(
    shared: options.Common,
    target: str,
    inputs: list[tuple[str, str]],
    shapes: dict[str, tuple[int, ...]],
) -> None:
    """Simulate an ONNX model and compare its outputs with ONNX Runtime's."""
    files.existing(target)
    import cairn.onnx as onnx_runner  # late: loading ONNX Runtime takes a while

    arrays = onnx_runner.read_inputs(inputs)

    def prepare() -> Simulate:
        workload = onnx_runner.Workload(
            target,
            arrays,
            shapes=shapes,
            seed=shared.seed,
            sparsity=shared.sparsity,
            prune=shared.prune,
        )

        def on(machine: cairn.Machine, progress: Layer) -> Answer:
            run = workload.run(
                machine,
                shared.evaluator,
                progress=progress,
                tile=shared.tiles,
                objective=shared.objective,
                schedule=shared.schedule,
                session=shared.session(machine),
                offload=shared.offload,
            )
            said = verdict(run, len(run.outputs), "ONNX Runtime")
            return Answer(run.result, *excused(machine, run.agrees, said, run.max_abs_difference))

        return on

    answer(shared, prepare)


def pytorch_model(shared: options.Common, target: str) -> None:
    """Simulate a PyTorch model and compare its outputs with its own on the CPU."""
    make = pytorch.workload(target, shared.seed, shared.sparsity, shared.prune)

    def prepare() -> Simulate:
        workload = make()

        def on(machine: cairn.Machine, progress: Layer) -> Answer:
            run = workload.run(
                machine,
                shared.evaluator,
                progress=lambda index, name: progress(index, None, name),
                tile=shared.tiles,
                objective=shared.objective,
                schedule=shared.schedule,
                seed=shared.seed,
                session=shared.session(machine),
                offload=shared.offload,
            )
            run.result["context"] |= {"target": files.readable(target), "seed": shared.seed}
            said = verdict(run, run.count, "PyTorch")
            return Answer(run.result, *excused(machine, run.agrees, said, run.max_abs_difference))

        return on

    answer(shared, prepare)
