"""Running a model: products on the simulated machine, the rest on the host, and the comparison."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

import cairn
from cairn import agreement, effective, files, machines, notebook, tiles
from cairn.agreement import Difference as _Difference
from cairn.errors import at
from cairn.onnx import cut, host, lower, rectified
from cairn.onnx import graph as graphs
from cairn.onnx import inputs as model_inputs
from cairn.onnx.load import Model, load
from cairn.onnx.prune import Pruning, pruned
from cairn.tiles import Tile, Tiles

Array = NDArray[Any]
Rounds = Callable[[int, int], None]
# Told (layer, layers, name) when a layer starts; may return a callback for its rounds.
Progress = Callable[[int, int, str], Rounds | None]


@dataclass(frozen=True)
class Run:
    """What a model computed and what it cost.

    ``outputs`` and ``native_outputs`` hold the simulated values and those of ONNX Runtime alone, by
    name; ``result`` is the parsed result document and ``notes`` what a reader of its numbers must
    know.
    """

    outputs: dict[str, Any]
    native_outputs: dict[str, Any]
    max_abs_difference: float
    agrees: bool
    result: dict[str, Any]
    notes: list[str]

    def _repr_html_(self) -> str:
        """Show the result as a table in a notebook."""
        return notebook.html(self.result)


class Workload:
    """A model with its inputs and its native outputs, to be run on one machine or on several."""

    def __init__(
        self,
        model: str | os.PathLike[str] | onnx.ModelProto,
        inputs: Mapping[str, Array] | None = None,
        *,
        shapes: Mapping[str, tuple[int, ...]] | None = None,
        seed: int = 1,
        sparsity: float | None = None,
        prune: str | None = None,
    ) -> None:
        """Read the model, draw the inputs that are not given, and run it natively.

        With a ``sparsity``, or a structure as ``prune``, its weights are pruned before: see
        ``cairn.sparse.prune``, whose ``per`` is ``prune``.
        """
        self._model, self._seed = load(model), seed
        self._pruning: Pruning | None = None
        if sparsity is not None or prune is not None:
            given = {*(inputs or ()), *(shapes or ())}
            self._model, self._pruning = pruned(self._model, sparsity, prune or "tensor", given)
        graph, source = self._model.proto.graph, self._model.source
        self._feeds = model_inputs.bind(graph, inputs or {}, shapes or {}, seed, source)
        self._native = _native(self._model, self._feeds)

    def run(
        self,
        machine: cairn.Machine,
        evaluator: str = "flow",
        *,
        progress: Progress | None = None,
        tile: Tile | Tiles | None = None,
        objective: str = "cycles",
        schedule: str = "none",
        session: cairn.Session | None = None,
        offload: str | None = None,
    ) -> Run:
        """Run it on a machine, in a session of its own, and compare the outputs with the native.

        With ``offload="maxpool"`` max-pooling goes to the machine as well, if that can compare.
        A layer without a ``tile`` is mapped for the ``objective``: cycles, energy or edp. The
        ``schedule`` is a sparse machine's order of filters: none, random, largest or fullest; on
        others it has no effect.
        """
        session = session or cairn.Session(machine, evaluator)
        given = tile if isinstance(tile, Tiles) else Tiles(tile)
        ordered = schedule != "none" and machines.is_sparse(machine)
        order = {"schedule": schedule, "seed": self._seed % (1 << 64)} if ordered else {}
        pools = machines.pools(machine, offload)
        execution = _Execution(
            self._model, session, progress, given, objective, order, self._feeds, pools
        )
        outputs = execution.outputs(dict(self._feeds))
        differences = [_difference(outputs[name], self._native[name]) for name in self._native]
        agrees = all(each.agrees for each in differences)
        largest = max((each.largest for each in differences), default=0.0)
        context = {
            "target": files.readable(self._model.source),
            "evaluator": evaluator,
            "objective": objective,
            "seed": self._seed,
            **({"schedule": schedule} if order else {}),
            **({"offload": offload} if offload else {}),
            **({"pruning": self._pruning.about()} if self._pruning else {}),
            "inputs": {name: list(np.shape(value)) for name, value in self._feeds.items()},
            "outputs_agree": agrees,
            "max_abs_difference": largest if np.isfinite(largest) else None,
        }
        result = effective.completed(session.document(context))
        notes = [*([self._pruning.note()] if self._pruning else []), *execution.notes]
        if offload and not pools and any(map(graphs.is_pool, self._model.proto.graph.node)):
            notes.append(machines.left_on_host(machine))
        result["notes"] = [*result.get("notes", []), *notes]
        return Run(outputs, self._native, largest, agrees, result, notes)


def run(
    model: str | os.PathLike[str] | onnx.ModelProto,
    inputs: Mapping[str, Array] | None = None,
    arch: str | cairn.Machine = "tpu-16x16",
    evaluator: str = "flow",
    *,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    seed: int = 1,
    progress: Progress | None = None,
    tile: Tile | Tiles | None = None,
    objective: str = "cycles",
    sparsity: float | None = None,
    prune: str | None = None,
    schedule: str = "none",
    offload: str | None = None,
) -> Run:
    """Run a complete model on a machine and natively, and compare the outputs.

    Inputs that are not given are drawn from ``seed``; ``shapes`` sizes the dynamic ones of them.
    Layers that no ``tile`` is for are mapped for the ``objective``: cycles, energy or edp. With a
    ``sparsity`` its weights are pruned before, ``prune`` says how (tensor, filter or N:M), and the
    ``schedule`` is a sparse machine's order of filters (none, random, largest or fullest). With
    ``offload="maxpool"`` max-pooling goes to the machine as well, if that can compare.
    Raises CairnError: E101, E501 (model), E502 (inputs), E503 (run), U201 to U203 (unsupported),
    E105, E107, E301 (pruning).
    """
    machine = cairn.load_machine(arch) if isinstance(arch, str) else arch
    workload = Workload(model, inputs, shapes=shapes, seed=seed, sparsity=sparsity, prune=prune)
    return workload.run(
        machine,
        evaluator,
        progress=progress,
        tile=tile,
        objective=objective,
        schedule=schedule,
        offload=offload,
    )


def _native(loaded: Model, feeds: Mapping[str, Array]) -> dict[str, Any]:
    """Run the whole model through ONNX Runtime alone, untouched or pruned.

    It runs first: a model that fails there fails before the long simulation, and frees its memory.
    """
    runtime = host.session(loaded.native, loaded.source)
    names = [output.name for output in runtime.get_outputs()]
    return dict(zip(names, host.execute(runtime, feeds, loaded.source), strict=True))


class _Execution:
    """One pass over a cut graph."""

    def __init__(
        self,
        model: Model,
        session: cairn.Session,
        progress: Progress | None,
        tile: Tiles,
        objective: str,
        order: Mapping[str, Any],
        feeds: Mapping[str, Array],
        pools: bool,
    ) -> None:
        self._model, self._session, self._progress = model, session, progress
        self._objective, self._order = objective, order
        graph = model.proto.graph
        nodes = cut.live(graph)
        self._names = [output.name for output in graph.output]
        self._initializers = {each.name: each for each in graph.initializer}

        def on_machine(node: onnx.NodeProto) -> bool:
            return graphs.is_simulated(node) or (pools and graphs.is_pool(node))

        self._stages = cut.stages(nodes, on_machine)
        self._uses = cut.Uses(nodes, set(self._names))
        self._relus: rectified.Graph | None = None
        if machines.asks_for_relus(session):
            self._relus = rectified.Graph(nodes, self._initializers, self._names, feeds)
        simulated = [node for node in nodes if on_machine(node)]
        ranks = {name: len(each.dims) for name, each in self._initializers.items()}
        layers = [(graphs.label(node), _letters(node, ranks)) for node in simulated]
        self._tile = tile.over(session.machine, layers)
        self._count = len(simulated)
        self._started = 0
        self._values: dict[str, Any] = {}
        self.notes = _notes(model.proto, nodes)
        if self._relus and self._relus.given and machines.stops_early(session.machine):
            self.notes.append(machines.NO_NEGATIVE)

    def outputs(self, values: dict[str, Any]) -> dict[str, Any]:
        """Execute all stages from the inputs ``values``; return the graph's outputs by name."""
        self._values = values
        for stage in self._stages:
            if stage.host:
                self._on_host(stage.host)
            for node in stage.simulated:
                self._on_machine(node)
        return {name: self._value(name) for name in self._names}

    def _value(self, name: str) -> Any:
        if name not in self._values and name in self._initializers:
            return numpy_helper.to_array(self._initializers[name])
        return self._values[name]

    def _on_host(self, nodes: list[onnx.NodeProto]) -> None:
        wanted = self._uses.wanted_after(nodes)
        if wanted:
            proto = self._model.proto
            made = host.segment(proto, nodes, self._initializers, self._values, wanted)
            self._values.update(made)
        self._free(nodes)

    def _on_machine(self, node: onnx.NodeProto) -> None:
        index, name = self._started, graphs.label(node)
        self._started += 1
        rounds = self._progress(index, self._count, name) if self._progress else None
        operands = [self._value(each) if each else None for each in node.input]
        if any(each is not None and each.size == 0 for each in operands):
            self.notes.append(f"{graphs.place(node)} has an empty operand: no work, not simulated")
            self._on_host([node])
            return

        options = {**self._order, **self._seen(node, operands)}

        def simulate(operation: Any, a: Array, b: Array | None) -> Array:
            with at(graphs.place(node)):
                tile = self._tile(name, operation)
                out = self._session.run(
                    name, operation, a, b, tile, rounds, self._objective, **options
                )
            assert out is not None, "a run with operands returns values"
            return out

        self._values[node.output[0]] = lower.simulate(node, operands, simulate)
        self._free([node])

    def _seen(self, node: onnx.NodeProto, operands: list[Any]) -> dict[str, Any]:
        """Return what the machine is told of the ReLU that alone uses a product."""
        products = self._relus if graphs.is_simulated(node) else None
        chain = products and products.chain(node)
        found = None if chain is None else rectified.of(node, chain, operands, self._value)
        return {} if found is None else {"rectified": found}

    def _free(self, nodes: list[onnx.NodeProto]) -> None:
        for node in nodes:
            for name in self._uses.finish(node):
                self._values.pop(name, None)


def _letters(node: onnx.NodeProto, ranks: Mapping[str, int]) -> str:
    """Return the letters of a node's tile; of a convolution they depend on the weights' rank."""
    if node.op_type == "MaxPool":
        return tiles.POOLING
    volume = ranks.get(node.input[1]) == 5
    return tiles.CONVOLUTION if node.op_type == "Conv" and not volume else tiles.PRODUCT


def _notes(proto: onnx.ModelProto, nodes: list[onnx.NodeProto]) -> list[str]:
    """Say which work the cycles do not include, and what else a reader must know."""
    bodies = [*nodes, *graphs.nested(nodes)]
    called = {(node.domain, node.op_type) for node in bodies}
    for function in proto.functions:
        if (function.domain, function.name) in called:
            bodies += [*function.node, *graphs.nested(function.node)]
    on_host = Counter(node.op_type for node in bodies if graphs.multiplies_on_host(node))
    notes = [
        f"{count} {operator} node{'' if count == 1 else 's'} ran on the host: not in the cycles"
        for operator, count in sorted(on_host.items())
    ]
    everything = sum(map(graphs.is_simulated, proto.graph.node))
    unused = everything - sum(map(graphs.is_simulated, nodes))
    if unused:
        notes.append(f"{unused} nodes that no output depends on were not simulated")
    if any(map(graphs.is_random, bodies)):
        notes.append("the model draws random numbers: its outputs may differ from run to run")
    return notes


def _difference(ours: Any, native: Any) -> _Difference:
    """Compare an output with the native one: floats within the tolerance, the rest exactly."""
    if isinstance(native, np.ndarray) and isinstance(ours, np.ndarray):
        return agreement.of(ours, native)
    if isinstance(native, list) and isinstance(ours, list):
        pairs = [_difference(a, b) for a, b in zip(ours, native, strict=False)]
        agrees = len(ours) == len(native) and all(each.agrees for each in pairs)
        return _Difference(agrees, max((each.largest for each in pairs), default=0.0))
    if isinstance(native, dict) and isinstance(ours, dict):
        return _difference([*ours.keys(), *ours.values()], [*native.keys(), *native.values()])
    if isinstance(native, float) and isinstance(ours, float):
        return agreement.of(np.array(ours), np.array(native))
    return _Difference(bool(ours == native), 0.0)
