"""The host: ONNX Runtime sessions for the untouched model and for the segments between products."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from cairn.errors import refusal
from cairn.onnx import graph as graphs
from cairn.onnx.load import first_line

Value = Any  # a NumPy array, or a list of them for a sequence

# Larger initializers reach a segment as inputs, so that they are not copied through a serialised
# model; nor may a segment grow past protobuf's two gigabytes.
_LARGE = 16 << 20
_SEGMENT = 1 << 30
# Sequences, maps and functions need at least this format version; models of older ones mean the
# same.
_IR_VERSION = 8
_SILENT = 4


def session(model: str | bytes, source: str, threads: int = 0) -> onnxruntime.InferenceSession:
    """Make a session. Raises U201 for what the runtime lacks, E501 for a model that it refuses."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _SILENT
    options.intra_op_num_threads = threads
    try:
        # Its fallback would print to the standard output and try the same provider once more.
        return onnxruntime.InferenceSession(
            model, options, providers=["CPUExecutionProvider"], enable_fallback=0
        )
    except Exception as error:  # the runtime's exceptions share no base class
        text = _plain(error)
        missing = ("Could not find an implementation", "not a registered", "No Op registered")
        if any(words in text for words in missing):
            remedy = "convert the model to float32 and standard operators"
            raise refusal("U201", source, text, remedy) from error
        raise refusal(
            "E501", source, f"ONNX Runtime refuses it: {text}", "export it again"
        ) from error


def execute(
    runtime: onnxruntime.InferenceSession, feeds: Mapping[str, Value], place: str
) -> list[Value]:
    """Run a session and return its outputs in order. Raises E503 when the run fails."""
    try:
        return list(runtime.run(None, dict(feeds)))
    except Exception as error:
        remedy = "check the shapes and values of the inputs"
        raise refusal("E503", place, f"ONNX Runtime failed: {_plain(error)}", remedy) from error


def _plain(error: Exception) -> str:
    """Strip the runtime's prefixes from its message."""
    return re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ", "", first_line(error))


def segment(
    model: onnx.ModelProto,
    nodes: Sequence[onnx.NodeProto],
    initializers: Mapping[str, TensorProto],
    values: Mapping[str, Value],
    wanted: Sequence[str],
) -> dict[str, Value]:
    """Run some host nodes of a model as a model of their own and return the ``wanted`` tensors.

    Inputs take type and shape from the real ``values``, so nothing needs to be known beforehand.
    """
    made = {name for node in nodes for name in graphs.writes(node)}
    needed = dict.fromkeys(n for node in nodes for n in graphs.reads(node) if n not in made)
    feeds: dict[str, Value] = {}
    inside: list[TensorProto] = []
    size = 0
    for name in needed:
        if name in values:
            feeds[name] = values[name]
        elif name in initializers:
            tensor = initializers[name]
            taken = tensor.ByteSize()  # writes the tensor out to count: ask once
            size += taken
            if taken > _LARGE or size > _SEGMENT:
                feeds[name] = numpy_helper.to_array(tensor)
            else:
                inside.append(tensor)
    part = helper.make_graph(
        nodes,
        "segment",
        [_value_info(name, value) for name, value in feeds.items()],
        [onnx.ValueInfoProto(name=name) for name in wanted],
        inside,
    )
    proto = helper.make_model(
        part,
        opset_imports=model.opset_import,
        functions=model.functions,
        ir_version=max(model.ir_version, _IR_VERSION),
    )
    place = f"host nodes {graphs.label(nodes[0])} to {graphs.label(nodes[-1])}"
    runtime = session(proto.SerializeToString(), place, threads=1)
    return dict(zip(wanted, execute(runtime, feeds, place), strict=True))


def _value_info(name: str, value: Value) -> onnx.ValueInfoProto:
    if isinstance(value, np.ndarray):
        return helper.make_tensor_value_info(name, _element_type(value), value.shape)
    if isinstance(value, list) and value and all(isinstance(each, np.ndarray) for each in value):
        return helper.make_tensor_sequence_value_info(name, _element_type(value[0]), None)
    message = f"tensor '{name}' is neither an array nor a sequence of arrays"
    remedy = "only arrays can pass between the host and the machine"
    raise refusal("U201", f"tensor '{name}'", message, remedy)


def _element_type(array: np.ndarray[Any, Any]) -> int:
    if array.dtype.kind in "OUS":
        return TensorProto.STRING
    return int(helper.np_dtype_to_tensor_dtype(array.dtype))
