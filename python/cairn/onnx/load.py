"""Reading an ONNX model: refuse what cannot be run, bring the rest to the form that is cut."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeVar

import numpy as np
import onnx
import onnx.inliner
import onnxruntime
from google.protobuf.message import DecodeError, Message
from onnx import TensorProto, numpy_helper

from cairn import files
from cairn.errors import CairnError, Diagnostic, diagnostic, nearest, refusal
from cairn.onnx import graph as graphs

_T = TypeVar("_T")

# Protobuf messages, and so the checks that serialise a model, end at two gigabytes.
_SERIALISABLE = 1 << 30
# Elements: shapes and axes, which inference reads, are smaller.
_WEIGHT = 1 << 10
_SIMULATED_TYPES = {TensorProto.UNDEFINED, TensorProto.FLOAT, TensorProto.FLOAT16}
# The checker demands shapes of outputs; ONNX Runtime and real models do without.
_TOLERATED = "Field 'shape' of 'type' is required but missing"


@dataclass(frozen=True)
class Model:
    """A model in two forms: ``native`` is untouched (path or bytes), ``proto`` is ready to be cut.

    In ``proto`` constants are initializers, and functions that hold simulated operators are
    inlined.
    """

    source: str
    native: str | bytes
    proto: onnx.ModelProto


def load(model: str | os.PathLike[str] | onnx.ModelProto) -> Model:
    """Read and check a model.

    Raises E101 for a missing file, E501 for a damaged model, U201 and U202 for what is not
    supported.
    """
    if isinstance(model, onnx.ModelProto):
        source, proto = model.graph.name or "model", onnx.ModelProto()
        proto.CopyFrom(model)
        native: str | bytes = _guarded(source, model.SerializeToString)
    else:
        path = files.existing(model)
        source = native = str(path)
        if source.encode(errors="ignore").decode() != source:
            message = "ONNX Runtime cannot open a file whose name is not UTF-8"
            raise refusal("E101", source, message, "rename the file")
        proto = _guarded(source, lambda: _read(path))
    _check_structure(source, proto)
    _refuse([*_unknown_operators(proto)])
    _check(source, model if isinstance(model, onnx.ModelProto) else Path(source), proto)
    proto = _inlined(source, proto)
    _refuse([*_hidden_products(proto), *_wrong_types(proto)])
    _densify(proto.graph)
    _constants_to_initializers(proto.graph)
    return Model(source, native, proto)


def _read(path: Path) -> onnx.ModelProto:
    return onnx.load(path, format="protobuf")


def _guarded(source: str, work: Callable[[], _T]) -> _T:
    """Do ``work`` on a model, turning every way in which it can fail into E501."""
    try:
        return work()
    except CairnError:
        raise
    except DecodeError as error:
        remedy = "the file is damaged or cut short, or it is not an ONNX file: export it again"
        raise refusal(
            "E501", source, f"not a readable ONNX model: {first_line(error)}", remedy
        ) from error
    except MemoryError:
        raise
    except Exception as error:
        remedy = "export the model again, with its external data beside it"
        raise refusal("E501", source, f"invalid ONNX model: {first_line(error)}", remedy) from error


def first_line(error: BaseException) -> str:
    """Return the first line of an exception's text that says something, or its type."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


def _check_structure(source: str, proto: onnx.ModelProto) -> None:
    """Refuse what protobuf accepts and is no model: any bytes may parse as an empty message."""
    missing = [
        what
        for what, present in (
            ("IR version", proto.ir_version > 0),
            ("graph", proto.HasField("graph")),
            ("nodes", len(proto.graph.node) > 0),
            ("outputs", len(proto.graph.output) > 0),
            ("operator set", len(proto.opset_import) > 0),
        )
        if not present
    ]
    if missing:
        message = f"not an ONNX model: it has no {', no '.join(missing)}"
        raise refusal("E501", source, message, "the file is damaged or of another format")
    if not _all_text(proto):
        message = "damaged ONNX model: a name in it is not UTF-8 text"
        raise refusal("E501", source, message, "export the model again")


def _all_text(message: Message) -> bool:
    """Whether every text field of a message is text: protobuf hands damaged ones out as bytes."""
    for kind, value in message.ListFields():
        if kind.type not in (kind.TYPE_STRING, kind.TYPE_MESSAGE):
            continue
        for each in [value] if isinstance(value, str | bytes | Message) else value:
            if isinstance(each, bytes) or (isinstance(each, Message) and not _all_text(each)):
                return False
    return True


def _check(source: str, model: Path | onnx.ModelProto, proto: onnx.ModelProto) -> None:
    """Run the ONNX checker; a model too large for one message is checked through its path."""
    target = str(model) if isinstance(model, Path) and proto.ByteSize() > _SERIALISABLE else proto

    def check() -> None:
        try:
            onnx.checker.check_model(target)
        except onnx.checker.ValidationError as error:
            if _TOLERATED not in str(error):
                raise

    _guarded(source, check)


def _refuse(faults: list[Diagnostic]) -> None:
    if faults:
        raise CairnError(faults)


@cache
def _host_operators() -> frozenset[tuple[str, str]]:
    """Return (domain, operator) of everything that ONNX Runtime registers, contributed ones too."""
    schemas = onnxruntime.capi.onnxruntime_pybind11_state.get_all_operator_schema()
    return frozenset((schema.domain, schema.name) for schema in schemas)


def _unknown_operators(proto: onnx.ModelProto) -> Iterator[Diagnostic]:
    """Find operators that neither ONNX nor ONNX Runtime nor the model itself defines (U201)."""
    own = {(function.domain, function.name) for function in proto.functions}
    standard = {name for where, name in _host_operators() if where == ""}
    bodies = [proto.graph.node, *(function.node for function in proto.functions)]
    for node in (each for body in bodies for each in (*body, *graphs.nested(body))):
        key = (node.domain, node.op_type)
        where = graphs.domain(node)
        if key in own or (where, node.op_type) in own:
            continue
        if where == "" and (node.op_type in standard or onnx.defs.has(node.op_type)):
            continue
        if (where, node.op_type) in _host_operators():
            continue
        domain = f"domain '{node.domain}'" if where else "the standard domain"
        remedy = nearest(node.op_type, standard, "") if not where else ""
        yield diagnostic(
            "U201",
            graphs.place(node),
            f"unknown operator '{node.op_type}' of {domain}",
            remedy or "export the model with standard operators",
        )


def _inlined(source: str, proto: onnx.ModelProto) -> onnx.ModelProto:
    """Inline model-local functions if any of them holds a simulated operator."""
    bodies = [function.node for function in proto.functions]
    if not any(
        graphs.is_simulated(node) for body in bodies for node in (*body, *graphs.nested(body))
    ):
        return proto
    return _guarded(
        source, lambda: onnx.inliner.inline_local_functions(proto, convert_version=True)
    )


def _hidden_products(proto: onnx.ModelProto) -> Iterator[Diagnostic]:
    """Find simulated operators where they cannot be followed: in bodies and functions (U201)."""
    where = {"a control-flow body": list(graphs.nested(proto.graph.node))}
    for function in proto.functions:
        where[f"function '{function.name}'"] = list(function.node)
    for host, nodes in where.items():
        for node in filter(graphs.is_simulated, nodes):
            yield diagnostic(
                "U201",
                graphs.place(node),
                f"{node.op_type} inside {host} cannot be simulated",
                "unroll the loop or the condition when exporting the model",
            )


def _wrong_types(proto: onnx.ModelProto) -> Iterator[Diagnostic]:
    """Find products of types without multipliers, as far as inference can tell (U202)."""
    types = {each.name: each.data_type for each in proto.graph.initializer}
    try:
        inferred = onnx.shape_inference.infer_shapes(_without_weights(proto)).graph
    except Exception:  # what inference cannot do, the arrays decide when they arrive
        inferred = proto.graph
    for each in (*inferred.input, *inferred.value_info, *inferred.output):
        types[each.name] = each.type.tensor_type.elem_type
    for node in filter(graphs.is_simulated, proto.graph.node):
        known = {types.get(name, TensorProto.UNDEFINED) for name in node.input if name}
        for wrong in sorted(known - _SIMULATED_TYPES):
            if wrong in TensorProto.DataType.values():
                yield wrong_type(node, TensorProto.DataType.Name(wrong).lower())
            else:
                message = f"an operand has the unknown element type {wrong}"
                yield diagnostic("E501", graphs.place(node), message, "export the model again")


def _without_weights(proto: onnx.ModelProto) -> onnx.ModelProto:
    """Copy a model with inputs for its weights: inference needs their types, and writes all out."""
    bare = onnx.ModelProto(ir_version=proto.ir_version, functions=proto.functions)
    bare.opset_import.extend(proto.opset_import)
    graph = bare.graph
    graph.name = proto.graph.name
    for field in ("node", "input", "output", "value_info"):
        getattr(graph, field).extend(getattr(proto.graph, field))
    given = {each.name for each in graph.input}
    for each in proto.graph.initializer:
        if math.prod(each.dims) <= _WEIGHT:
            graph.initializer.append(each)
        elif each.name not in given:
            value = onnx.helper.make_tensor_value_info(each.name, each.data_type, each.dims)
            graph.input.append(value)
    return bare


def wrong_type(node: onnx.NodeProto, type_name: str) -> Diagnostic:
    """Refuse a product of a type that the multipliers do not have (U202)."""
    return diagnostic(
        "U202",
        graphs.place(node),
        f"operands of type {type_name} cannot be simulated: the multipliers are 32-bit floats",
        "convert the model to float32",
    )


def _densify(graph: onnx.GraphProto) -> None:
    """Write sparse initializers out in full."""
    for sparse in graph.sparse_initializer:
        values = numpy_helper.to_array(sparse.values)
        indices = numpy_helper.to_array(sparse.indices)
        dense = np.zeros(tuple(sparse.dims), values.dtype)
        if indices.ndim == 1:
            dense.reshape(-1)[indices] = values
        else:
            dense[tuple(indices.T)] = values
        graph.initializer.append(numpy_helper.from_array(dense, sparse.values.name))
    del graph.sparse_initializer[:]


def _constants_to_initializers(graph: onnx.GraphProto) -> None:
    """Turn Constant nodes into initializers, so that weights need no session to be produced."""
    kept = []
    for node in graph.node:
        value = _constant(node)
        if value is None:
            kept.append(node)
        else:
            value.name = node.output[0]
            graph.initializer.append(value)
    if len(kept) < len(graph.node):
        copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in kept]
        del graph.node[:]
        graph.node.extend(copies)


def _constant(node: onnx.NodeProto) -> TensorProto | None:
    if graphs.domain(node) or node.op_type != "Constant" or len(node.attribute) != 1:
        return None
    attribute = node.attribute[0]
    plain = {
        "value_float": np.float32,
        "value_floats": np.float32,
        "value_int": np.int64,
        "value_ints": np.int64,
    }
    if attribute.name == "value":
        copy = TensorProto()
        copy.CopyFrom(attribute.t)
        return copy
    if attribute.name in plain:
        value = onnx.helper.get_attribute_value(attribute)
        return numpy_helper.from_array(np.array(value, plain[attribute.name]))
    return None
