"""Which products of a graph are only used through a ReLU, and read no negative input.

A machine with a sign check may stop such a sum early: nobody sees how far below zero it would
have gone. Nothing is assumed: the ReLU is found behind the product, and every input of the product
is followed back to what cannot be negative.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, numpy_helper

from cairn import rectified
from cairn.onnx import graph as graphs

Array = NDArray[Any]
Chain = list[onnx.NodeProto]

# Never negative, whatever they read.
_NEVER = frozenset(
    {"Abs", "Exp", "HardSigmoid", "ReduceL1", "ReduceL2", "ReduceSumSquare", "Relu", "Sigmoid"}
    | {"Softmax", "Softplus"}
)
# Never negative if the first input is not: they move, choose or average its values.
_FIRST_WORDS = """
    AveragePool Cast CastLike Ceil DepthToSpace Dropout Expand Flatten Floor Gather
    GlobalAveragePool GlobalLpPool GlobalMaxPool Identity LRN LeakyRelu LpPool MaxPool ReduceMax
    ReduceMean ReduceMin ReduceProd ReduceSum Reshape Slice SpaceToDepth Split Sqrt Squeeze Tile
    TopK Transpose Unsqueeze
"""
_FIRST = frozenset(_FIRST_WORDS.split())
# Never negative if no input is.
_ALL = frozenset(["Add", "Concat", "Div", "Mean", "Min", "Mul", "Pow", "Sum"])
# The product's sums are changed filter by filter on the way to the ReLU.
_LINKS = frozenset(["Add", "BatchNormalization", "Div", "Dropout", "Identity", "Mul", "Sub"])


class Graph:
    """The live nodes of a graph, asked for the products that only a ReLU uses."""

    def __init__(
        self,
        nodes: Sequence[onnx.NodeProto],
        initializers: Mapping[str, TensorProto],
        outputs: Collection[str],
        feeds: Mapping[str, Array],
    ) -> None:
        """Follow ``nodes``, in topological order; ``feeds`` are the inputs of this run.

        Of an input of the graph that has no negative value in this run, none counts as possible.
        """
        self._initializers = {k: v for k, v in initializers.items() if k not in feeds}
        self._outputs = set(outputs)
        self._readers: dict[str, list[onnx.NodeProto]] = {}
        self._constant = set(self._initializers)
        self.given = [name for name, value in feeds.items() if _no_negative(value)]
        self._positive = set(self.given)
        for node in nodes:
            self._enter(node)

    def _enter(self, node: onnx.NodeProto) -> None:
        names = graphs.reads(node)
        for name in names:
            self._readers.setdefault(name, []).append(node)
        alone = not graphs.is_random(node) and not any(graphs.subgraphs(node))
        if alone and all(name in self._constant for name in names):
            self._constant.update(graphs.writes(node))
        if alone and graphs.domain(node) == "" and self._is_positive(node):
            self._positive.update(node.output if node.op_type == "Split" else node.output[:1])

    def _is_positive(self, node: onnx.NodeProto) -> bool:
        """Whether the first output of a node, or all of a Split, can hold no negative value."""
        kind, inputs = node.op_type, [name for name in node.input if name]
        if kind in _NEVER:
            return True
        if kind == "Clip":
            return self._floor(node) >= 0 or self._known(node.input[0])
        if kind == "Max":
            return any(map(self._known, inputs))
        if kind == "Pad":
            return self._known(node.input[0]) and self._pads_positive(node)
        if kind in ("Resize", "Upsample"):  # cubic interpolation overshoots
            mode, outside = (
                _attribute(node, "mode", b"nearest"),
                _attribute(node, "extrapolation_value", 0.0),
            )
            return self._known(node.input[0]) and mode in (b"nearest", b"linear") and outside >= 0
        if kind == "Where":
            return all(map(self._known, node.input[1:]))
        if kind == "LRN" and min(_attribute(node, "bias", 1.0), _attribute(node, "alpha", 0)) < 0:
            return False
        if kind in _FIRST:
            return self._known(node.input[0])
        return kind in _ALL and all(map(self._known, inputs))

    def _known(self, name: str) -> bool:
        """Whether a tensor can hold no negative value."""
        if name not in self._positive and name in self._initializers:
            if not _no_negative(numpy_helper.to_array(self._initializers[name])):
                return False
            self._positive.add(name)
        return name in self._positive

    def _scalar(self, name: str) -> float | None:
        """Return the value of a constant scalar."""
        if name not in self._initializers:
            return None
        value = numpy_helper.to_array(self._initializers[name])
        return float(value.reshape(-1)[0]) if value.size == 1 else None

    def _floor(self, node: onnx.NodeProto) -> float:
        """Return the least value that a Clip lets through, as far as that is known."""
        bounds = [_attribute(node, "min", -np.inf), _attribute(node, "max", np.inf)]
        for at, name in enumerate(node.input[1:3]):
            found = self._scalar(name) if name else None
            bounds[at] = bounds[at] if not name else np.nan if found is None else found
        return float(bounds[0]) if bounds[0] <= bounds[1] else -np.inf

    def _pads_positive(self, node: onnx.NodeProto) -> bool:
        if _attribute(node, "mode", b"constant") != b"constant":
            return True
        if len(node.input) > 2 and node.input[2]:
            filling = self._scalar(node.input[2])
            return filling is not None and filling >= 0
        return float(_attribute(node, "value", 0.0)) >= 0

    def chain(self, product: onnx.NodeProto) -> Chain | None:
        """Return the nodes between a product and the ReLU that alone uses it.

        None if there is no such ReLU, if the weights are not constant, or if an input of the
        product may be negative.
        """
        x, weights = product.input[:2]
        if not self._known(x) or weights not in self._constant:
            return None
        if any(name and name not in self._constant for name in product.input[2:]):
            return None  # a bias that changes from run to run
        name, chain = product.output[0], []
        while True:
            readers = self._readers.get(name, [])
            if len(readers) != 1 or name in self._outputs:
                return None
            (node,) = readers
            if list(node.input).count(name) != 1 or graphs.domain(node):
                return None
            if node.op_type == "Relu" or (node.op_type == "Clip" and self._floor(node) >= 0):
                return chain if node.input[0] == name else None
            if not self._links(node, name):
                return None
            chain.append(node)
            name = node.output[0]

    def _links(self, node: onnx.NodeProto, name: str) -> bool:
        """Whether a node changes the sums ``name`` by constants alone."""
        if node.op_type not in _LINKS or any(graphs.writes(node)[1:]):
            return False
        if node.op_type == "Dropout":
            return len(node.input) < 3
        if node.op_type in ("BatchNormalization", "Div") and node.input[0] != name:
            return False
        if _attribute(node, "training_mode", 0) or not _attribute(node, "is_test", 1):
            return False
        return all(each in self._constant for each in node.input if each not in ("", name))


def _attribute(node: onnx.NodeProto, name: str, default: Any) -> Any:
    found = (each for each in node.attribute if each.name == name)
    return next(map(onnx.helper.get_attribute_value, found), default)


def _no_negative(value: Any) -> bool:
    """Whether an array of floats holds no negative value."""
    return isinstance(value, np.ndarray) and value.dtype.kind in "fui" and not np.any(value < 0)


def of(
    product: onnx.NodeProto, chain: Chain, operands: Sequence[Any], value: Callable[[str], Any]
) -> rectified.Rectified | None:
    """Return scale and shift of each filter between a product and its ReLU.

    ``operands`` are the product's, and ``value`` gives a constant. None if a constant is not one
    value a filter, or if the operands are not float32, whose rounding between the two matters.
    """
    x, weights = operands[:2]
    if any(each is not None and each.dtype != np.float32 for each in operands):
        return None
    if product.op_type == "Conv":
        sums = rectified.Sums(weights.shape[0], weights.ndim, 1)
    elif weights.ndim == 2:
        by_row = product.op_type == "Gemm" and _attribute(product, "transB", 0)
        sums = rectified.Sums(weights.shape[0 if by_row else 1], x.ndim, x.ndim - 1)
    else:
        return None
    sums.times(np.float32(_attribute(product, "alpha", 1.0)))
    if len(operands) > 2 and operands[2] is not None:
        bias = operands[2]
        if product.op_type == "Conv":
            bias = bias.reshape(-1, *(1,) * (weights.ndim - 2))
        sums.plus(np.float32(_attribute(product, "beta", 1.0)) * bias)
    name = product.output[0]
    for node in chain:
        _LINK[node.op_type](sums, node, name, value)
        name = node.output[0]
    return sums.rectified()


def _add(sums: rectified.Sums, node: onnx.NodeProto, name: str, value: Any) -> None:
    sums.plus(value(node.input[0] if node.input[1] == name else node.input[1]))


def _sub(sums: rectified.Sums, node: onnx.NodeProto, name: str, value: Any) -> None:
    if node.input[0] == name:
        sums.plus(-value(node.input[1]))
    else:
        sums.times(np.float32(-1.0))
        sums.plus(value(node.input[0]))


def _mul(sums: rectified.Sums, node: onnx.NodeProto, name: str, value: Any) -> None:
    sums.times(value(node.input[0] if node.input[1] == name else node.input[1]))


def _div(sums: rectified.Sums, node: onnx.NodeProto, _: str, value: Any) -> None:
    with np.errstate(all="ignore"):
        sums.times(1 / value(node.input[1]).astype(np.float64))


def _batch_norm(sums: rectified.Sums, node: onnx.NodeProto, _: str, value: Any) -> None:
    gamma, beta, mean, variance = (value(each) for each in node.input[1:5])
    sums.normalised(gamma, beta, mean, variance, _attribute(node, "epsilon", 1e-5))


def _same(*_: Any) -> None:
    """Pass the sums on."""


_LINK: dict[str, Callable[..., None]] = {
    "Add": _add,
    "Sub": _sub,
    "Mul": _mul,
    "Div": _div,
    "BatchNormalization": _batch_norm,
    "Identity": _same,
    "Dropout": _same,
}
