"""Pruning a model: the smallest weights of its products become zero before it runs anywhere."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from cairn import sparse
from cairn.errors import refusal
from cairn.onnx import cut, host
from cairn.onnx import graph as graphs
from cairn.onnx.load import Model

_FLOATS = ("float16", "float32")
# A message ends at two gigabytes; some are left for the graph.
_SERIALISABLE = 2_000_000_000
# Since long before this format version initializers need no input.
_IR_VERSION = 8


@dataclass(frozen=True)
class Pruning:
    """How a model was pruned: what was asked for, and what each layer came to.

    ``layers`` holds the simulated nodes that have weights: name, number of weights, sparsity.
    """

    sparsity: float | None
    per: str
    weights: int
    zeros: int
    layers: list[dict[str, Any]]

    def about(self) -> dict[str, Any]:
        """Return what a result's context says of it."""
        return {
            "sparsity": self.sparsity,
            "per": self.per,
            "reached": self.zeros / self.weights if self.weights else None,
            "layers": self.layers,
        }

    def note(self) -> str:
        """Say it in a line."""
        if not self.weights:
            return "nothing was pruned: no product of the model has constant weights"
        share = f"{100.0 * self.zeros / self.weights:.1f} % of {self.weights:,} weights are zero"
        how = self.per if ":" in self.per else f"per {self.per}"
        return f"the model was pruned by magnitude, {how}: {share}"


def pruned(
    model: Model, sparsity: float | None, per: str, given: Collection[str] = ()
) -> tuple[Model, Pruning]:
    """Prune the constant weights of Conv, Gemm and MatMul, each tensor once; biases are none.

    ``sparsity`` and ``per`` are those of ``cairn.sparse.prune``, with output channels as filters.
    Inputs that are ``given`` keep their values. The model that was loaded is used up. Raises what
    pruning raises, and U203 for a model that cannot be handed to ONNX Runtime in one piece.
    """
    proto = model.proto
    proto.ir_version = max(proto.ir_version, _IR_VERSION)
    _fold(proto, given)
    graph = proto.graph
    constants = {each.name: each for each in graph.initializer if each.name not in given}
    done: dict[str, tuple[int, int]] = {}  # weights and zeros
    layers = []
    for node in filter(graphs.is_simulated, cut.live(graph)):
        operand = next((at for at in _operands(node) if node.input[at] in constants), None)
        if operand is None:
            continue
        name = node.input[operand]
        if name not in done:
            weights = numpy_helper.to_array(constants[name])
            if weights.ndim < 2 or weights.dtype.name not in _FLOATS or not weights.size:
                continue
            weights = _without_smallest(weights, node, operand, sparsity, per)
            constants[name].CopyFrom(numpy_helper.from_array(weights, name))
            done[name] = weights.size, weights.size - int(np.count_nonzero(weights))
        count, zeros = done[name]
        layers.append({"name": graphs.label(node), "weights": count, "sparsity": zeros / count})
    if sum(each.ByteSize() for each in graph.initializer) > _SERIALISABLE:
        message = "a model with almost 2 GiB of constants cannot be pruned here"
        raise refusal("U203", model.source, message, "give a file whose weights are pruned")
    totals = (sum(each) for each in zip((0, 0), *done.values(), strict=True))
    about = Pruning(sparsity, per, *totals, layers)
    return replace(model, native=proto.SerializeToString(), proto=proto), about


def _operands(node: onnx.NodeProto) -> tuple[int, ...]:
    """Return where the weights of a node may be: usually they are its second operand."""
    return (1,) if node.op_type == "Conv" else (1, 0)


def _by_column(node: onnx.NodeProto, operand: int) -> bool:
    """Whether the output channels of a matrix are its last dimension."""
    flag = next((each.i for each in node.attribute if each.name == f"trans{'AB'[operand]}"), 0)
    return (operand == 1) != bool(flag)


def _without_smallest(
    weights: NDArray[Any], node: onnx.NodeProto, operand: int, sparsity: float | None, per: str
) -> NDArray[Any]:
    """Prune a tensor with its output channels as filters, in its own type and layout."""
    if node.op_type == "Conv":
        kept = sparse.prune(np.ascontiguousarray(weights, np.float32), sparsity, per) != 0
    else:
        by_column = _by_column(node, operand)
        rows = weights.swapaxes(-1, -2) if by_column else weights
        # A batch of matrices has the filters of all of them.
        filters = np.ascontiguousarray(rows.reshape(-1, rows.shape[-1]), np.float32)
        kept = (sparse.prune(filters, sparsity, per) != 0).reshape(rows.shape)
        kept = kept.swapaxes(-1, -2) if by_column else kept
    return np.where(kept, weights, weights.dtype.type(0))


def _fold(proto: onnx.ModelProto, given: Collection[str]) -> None:
    """Compute weights that the model derives from constants, as by Transpose or Cast."""
    graph = proto.graph
    initializers = {each.name: each for each in graph.initializer}
    constant = set(initializers) - set(given)
    derived: set[str] = set()
    for node in graph.node:
        if _foldable(node) and all(
            each in constant or each in derived for each in graphs.reads(node)
        ):
            derived.update(graphs.writes(node))
    products = filter(graphs.is_simulated, graph.node)
    used = {node.input[at] for node in products for at in _operands(node)}
    used &= derived
    last = [node for node in graph.node if used.intersection(graphs.writes(node))]
    if not last:
        return
    wanted = [name for node in last for name in graphs.writes(node)]
    needed = set(wanted)
    chain = []
    for node in reversed(graph.node):
        if needed.intersection(graphs.writes(node)):
            chain.append(node)
            needed.update(graphs.reads(node))
    values = host.segment(proto, chain[::-1], initializers, {}, wanted)
    _remove(graph, last)
    graph.initializer.extend(numpy_helper.from_array(values[name], name) for name in wanted)


def _foldable(node: onnx.NodeProto) -> bool:
    """Whether a node's outputs follow from its inputs, on the host, as arrays."""
    standard = graphs.domain(node) == "" and not any(graphs.subgraphs(node))
    sequence = node.op_type.startswith(("Sequence", "SplitToSequence", "Optional"))
    return standard and not (graphs.is_simulated(node) or graphs.is_random(node) or sequence)


def _remove(graph: onnx.GraphProto, nodes: Iterable[onnx.NodeProto]) -> None:
    gone = {name for node in nodes for name in graphs.writes(node)}
    kept = [node for node in graph.node if not gone.intersection(graphs.writes(node))]
    copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in kept]
    del graph.node[:]
    graph.node.extend(copies)
