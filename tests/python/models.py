"""Small ONNX models, built in the tests that use them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

FLOAT = TensorProto.FLOAT


def array(*shape: int, seed: int = 0, dtype: str = "float32") -> NDArray[Any]:
    """Return values in [-1, 1)."""
    return np.random.default_rng(seed).uniform(-1.0, 1.0, shape).astype(dtype)


def model(
    nodes: Sequence[onnx.NodeProto],
    inputs: Mapping[str, Sequence[int | str] | None],
    outputs: Mapping[str, int] | Sequence[str],
    weights: Mapping[str, NDArray[Any]] | None = None,
    *,
    input_type: int = FLOAT,
    opset: int = 17,
    functions: Sequence[onnx.FunctionProto] = (),
    domains: Sequence[str] = (),
) -> onnx.ModelProto:
    """Build a model; ``outputs`` are names, or names with element types (float by default)."""
    types = outputs if isinstance(outputs, Mapping) else dict.fromkeys(outputs, FLOAT)
    graph = helper.make_graph(
        list(nodes),
        "test",
        [helper.make_tensor_value_info(name, input_type, dims) for name, dims in inputs.items()],
        [helper.make_tensor_value_info(name, kind, None) for name, kind in types.items()],
        [numpy_helper.from_array(value, name) for name, value in (weights or {}).items()],
    )
    opsets = [helper.make_opsetid("", opset), *(helper.make_opsetid(each, 1) for each in domains)]
    return helper.make_model(
        graph, opset_imports=opsets, functions=list(functions), ir_version=8, producer_name="t"
    )


def node(operator: str, inputs: str, outputs: str, **attributes: Any) -> onnx.NodeProto:
    """Make a node; tensor names are separated by spaces, and ``_`` leaves one out."""
    names = [[word.replace("_", "") for word in text.split()] for text in (inputs, outputs)]
    return helper.make_node(operator, *names, name=f"{operator}_{outputs}", **attributes)


def small_network(dims: Sequence[int | str] = (1, 2, 6, 6)) -> onnx.ModelProto:
    """Two convolutions with a residual, a pool and a classifier: 3 products among host nodes."""
    weights = {
        "w1": array(4, 2, 3, 3, seed=1),
        "b1": array(4, seed=2),
        "w2": array(4, 4, 3, 3, seed=3),
        "fc": array(4, 5, seed=4),
    }
    nodes = [
        node("Conv", "x w1 b1", "c1", pads=[1, 1, 1, 1]),
        node("Relu", "c1", "r1"),
        node("Conv", "r1 w2", "c2", pads=[1, 1, 1, 1]),
        node("Add", "c2 r1", "s"),
        node("GlobalAveragePool", "s", "p"),
        node("Flatten", "p", "f"),
        node("MatMul", "f fc", "m"),
        node("Softmax", "m", "y"),
    ]
    return model(nodes, {"x": dims}, ["y"], weights)
