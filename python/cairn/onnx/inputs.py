"""The inputs of a model: given by the caller, or drawn from a seed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from cairn import files, operands
from cairn.errors import CairnError, Diagnostic, diagnostic, nearest, refusal

Shape = tuple[int, ...]
_LARGEST = 1 << 28  # elements: more is a mistake in --shape sooner than an input


def read_inputs(named: Sequence[tuple[str, str]]) -> dict[str, NDArray[Any]]:
    """Read (input name, file) pairs: ``.npy``, or ``.npz`` holding the name or a single array.

    Raises E101 for a missing file and E502 for one that is no array; all faults at once.
    """
    arrays: dict[str, NDArray[Any]] = {}
    faults: list[Diagnostic] = []
    for name, path in named:
        try:
            arrays[name] = _read_array(name, files.existing(path))
        except CairnError as error:
            faults += error.diagnostics
    if faults:
        raise CairnError(faults)
    return arrays


def _read_array(name: str, path: Path) -> NDArray[Any]:
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return loaded
        with loaded as archive:
            key = name if name in archive.files else None
            key = archive.files[0] if key is None and len(archive.files) == 1 else key
            if key is not None:
                return np.asarray(archive[key])
            message = f"no array '{name}' in the archive"
            raise refusal("E502", str(path), message, nearest(name, archive.files))
    except CairnError:
        raise
    except Exception as error:  # NumPy reports damaged files in many ways
        message = f"not a readable array for input '{name}': {error}"
        raise refusal("E502", str(path), message, "write it with numpy.save") from error


def bind(
    graph: onnx.GraphProto,
    given: Mapping[str, NDArray[Any]],
    shapes: Mapping[str, Shape],
    seed: int,
    source: str,
) -> dict[str, NDArray[Any]]:
    """Return a value for every input of a graph that needs one.

    Raises E502, for all inputs at once: unknown names, wrong types or shapes, missing sizes.
    """
    defaults = {each.name for each in graph.initializer}
    inputs = {each.name: each for each in graph.input}
    needed = [name for name in inputs if name not in defaults]
    faults = [_unknown(name, needed, source) for name in (*given, *shapes) if name not in inputs]
    bound: dict[str, NDArray[Any]] = {}
    for index, (name, value) in enumerate(inputs.items()):
        if name in defaults and name not in given and name not in shapes:
            continue
        try:
            if name in given:
                bound[name] = _checked(value, np.asarray(given[name]), source)
            else:
                shape = _shape(value, shapes.get(name), source)
                bound[name] = _drawn(value, shape, seed + index, source)
        except CairnError as error:
            faults += error.diagnostics
    if faults:
        raise CairnError(faults)
    return bound


def _unknown(name: str, inputs: Sequence[str], source: str) -> Diagnostic:
    otherwise = f"the inputs are: {', '.join(inputs)}" if inputs else "the model has no inputs"
    message = f"the model has no input '{name}'"
    return diagnostic("E502", source, message, nearest(name, inputs, otherwise))


def _declared(
    value: onnx.ValueInfoProto, source: str
) -> tuple[np.dtype[Any], list[int | str] | None]:
    """Return element type and dimensions: numbers, names of free ones, None if unknown."""
    if not value.type.HasField("tensor_type"):
        kind = value.type.WhichOneof("value") or "unknown type"
        message = f"input '{value.name}' is a {kind.removesuffix('_type')}, not a tensor"
        raise refusal("U201", source, message, "only tensors can be given to a model")
    tensor = value.type.tensor_type
    try:
        dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type)
    except KeyError:
        message = f"input '{value.name}' has the unknown element type {tensor.elem_type}"
        raise refusal("E501", source, message, "export the model again") from None
    if not tensor.HasField("shape"):
        return np.dtype(dtype), None
    dims = [
        each.dim_value
        if each.HasField("dim_value") and each.dim_value >= 0
        else each.dim_param or "?"
        for each in tensor.shape.dim
    ]
    return np.dtype(dtype), dims


def _fits(shape: Sequence[int], dims: Sequence[int | str] | None) -> bool:
    if dims is None:
        return True
    pairs = zip(shape, dims, strict=False)
    return len(shape) == len(dims) and all(d in (s, "?") or isinstance(d, str) for s, d in pairs)


def _text(dims: Sequence[int | str]) -> str:
    return "x".join(map(str, dims)) or "scalar"


def _checked(value: onnx.ValueInfoProto, array: NDArray[Any], source: str) -> NDArray[Any]:
    dtype, dims = _declared(value, source)
    text_like = dtype == np.dtype(object) and array.dtype.kind in "OUS"
    if array.dtype != dtype and not text_like:
        message = f"input '{value.name}' must be {dtype}, not {array.dtype}"
        raise refusal("E502", source, message, f"convert the array: array.astype('{dtype}')")
    if not _fits(array.shape, dims):
        message = f"input '{value.name}' must be {_text(dims or ())}, not {_text(array.shape)}"
        raise refusal("E502", source, message, "reshape the array")
    return array.astype(object) if text_like else np.ascontiguousarray(array).reshape(array.shape)


def _shape(value: onnx.ValueInfoProto, wanted: Shape | None, source: str) -> Shape:
    """Return the shape to draw, or say exactly what to type for it."""
    _, dims = _declared(value, source)
    name = value.name
    if wanted is not None:
        if not _fits(wanted, dims):
            message = f"--shape {name}={_text(wanted)} contradicts the model's {_text(dims or ())}"
            raise refusal("E502", source, message, f"for example --shape {name}={_example(dims)}")
        return wanted
    if dims is None or any(isinstance(each, str) for each in dims):
        known = "its rank is not known" if dims is None else f"it is {_text(dims)}"
        message = f"input '{name}' has no fixed shape ({known})"
        remedy = f"give one, for example --shape {name}={_example(dims)}"
        raise refusal("E502", source, message, f"{remedy}, or the value: --input {name}=FILE.npy")
    return tuple(int(each) for each in dims)


def _example(dims: Sequence[int | str] | None) -> str:
    """Fill the free dimensions in with usual sizes: one sample, images of 224, sequences of 128."""
    if dims is None:
        return "1x3x224x224"
    usual = {0: 1, 1: 3} if len(dims) >= 4 else {0: 1}
    size = 224 if len(dims) >= 4 else 128
    filled = (usual.get(at, size) if isinstance(d, str) else d for at, d in enumerate(dims))
    return "x".join(map(str, filled))


def _drawn(value: onnx.ValueInfoProto, shape: Shape, seed: int, source: str) -> NDArray[Any]:
    """Draw an input: floats in [0, 1), integers and booleans 0 or 1, which are safe as indices."""
    dtype, _ = _declared(value, source)
    if dtype == np.dtype(object):
        message = f"input '{value.name}' holds text, which cannot be drawn"
        raise refusal("E502", source, message, f"give the value: --input {value.name}=FILE.npy")
    if math.prod(shape) > _LARGEST:
        message = f"input '{value.name}' of {_text(shape)} values is too large to draw"
        raise refusal("U203", source, message, "use smaller sizes")
    draws = operands.splitmix64(seed, math.prod(shape))
    if dtype.kind in "iub":
        return (draws & np.uint64(1)).astype(dtype).reshape(shape)
    return ((draws >> np.uint64(40)) * 2.0**-24).astype(dtype).reshape(shape)
