"""What a captured workload is on disk, and reading it: damaged files are refused by name."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from safetensors import safe_open

import cairn
from cairn import files
from cairn.errors import CairnError, Diagnostic, at, refusal
from cairn.operands import Floats
from cairn.rectified import Rectified, filters

SCHEMA = "cairn.capture/1"

Operation = Any  # cairn.Gemm | cairn.Conv: the compiled classes are loaded lazily
Shape = tuple[int, ...]

KEY = "cairn"  # of the document in the metadata
GEMM = ("m", "n", "k", "batch")
COUNTS = ("batch", "channels", "filters", "groups")
SPATIAL = ("input", "kernel", "stride", "pad_begin", "pad_end", "dilation")
RECTIFIED = ("scale", "shift")
_AGAIN = "capture the model again: `cairn capture MODEL -o FILE.safetensors`"


def shapes(operation: Operation) -> tuple[Shape, Shape, Shape]:
    """Return the shapes of the operands a and b of an operation, and of its output."""
    if isinstance(operation, cairn.Gemm):
        batch, m, n, k = operation.batch, operation.m, operation.n, operation.k
        return (batch, m, k), (batch, k, n), (batch, m, n)
    per_group = operation.channels // operation.groups
    return (
        (operation.batch, operation.channels, *operation.input),
        (operation.filters, per_group, *operation.kernel),
        (operation.batch, operation.filters, *operation.output),
    )


def single(operation: Operation, what: str, shape: Shape) -> Shape | None:
    """Return the shape of an operand that is one matrix for the whole batch of a GEMM."""
    return (1, *shape[1:]) if isinstance(operation, cairn.Gemm) and what != "output" else None


def text(shape: Sequence[int]) -> str:
    """Write a shape."""
    return " x ".join(map(str, shape))


@dataclass(frozen=True)
class _Stored:
    """An array in the file: the tensor holds it with its ``axes`` in the order of memory."""

    tensor: str
    axes: list[int]
    shape: Shape  # 1 x .. if one matrix is for the whole batch

    def load(self, tensors: Any) -> Floats:
        values = tensors.get_tensor(self.tensor).reshape([self.shape[axis] for axis in self.axes])
        return values.transpose(np.argsort(self.axes))


@dataclass(frozen=True)
class Layer:
    """A layer of a capture, without its values: ``load`` reads them."""

    name: str
    call: int
    operation: Operation
    _arrays: Mapping[str, _Stored] = field(repr=False)
    _tensors: Any = field(repr=False)  # the open file
    _rectified: Sequence[str] = ()  # the tensors of scale and shift

    @property
    def rectified(self) -> Rectified | None:
        """Scale and shift of each filter, if a ReLU alone uses scale x output + shift."""
        if not self._rectified:
            return None
        scale, shift = (self._tensors.get_tensor(name).reshape(-1) for name in self._rectified)
        return scale, shift

    def load(self) -> tuple[Floats, Floats, Floats]:
        """Return a, b and the output that is expected, of the shapes that ``shapes`` tells.

        Strides are those of the arrays that were captured: a transposed matrix is a view.
        """
        a, b, out = (
            np.broadcast_to(each.load(self._tensors), shape)
            for each, shape in zip(self._arrays.values(), shapes(self.operation), strict=True)
        )
        return a, b, out


@dataclass(frozen=True)
class Capture:
    """What a file holds: ``about`` the capture, ``notes`` on its numbers, and the layers."""

    about: dict[str, Any]
    notes: list[str]
    layers: list[Layer]


def read(path: str | os.PathLike[str]) -> Capture:
    """Open a capture and check it; the values of a layer are read when it is loaded.

    Raises E101 for a missing file, and E501 for one that is damaged, contradicts itself or is no
    capture: a fault of each layer at once.
    """
    place = files.existing(path)
    with at(files.readable(str(place))):
        try:
            tensors = safe_open(place, framework="np")
        except OSError as error:
            raise refusal("E101", "", f"the file cannot be read: {error.strerror}") from error
        except Exception as error:  # the reader's errors share no base class
            message = f"not a readable safetensors file, or cut short: {error}"
            raise refusal("E501", "", message, _AGAIN) from error
        document = (tensors.metadata() or {}).get(KEY)
        if document is None:
            message = "a safetensors file, but not a captured workload"
            raise refusal("E501", "", message, _AGAIN)
        return _Reader(tensors).capture(_parsed(document))


def _parsed(words: str) -> dict[str, Any]:
    """Parse the document of a capture: finite numbers and whole characters only."""

    def number(digits: str) -> float:
        if not math.isfinite(value := float(digits)):
            raise ValueError(f"{digits} is no number")
        return value

    try:
        document = json.loads(words, parse_float=number, parse_constant=number)
        json.dumps(document, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        message = f"the metadata is damaged: {error}"
        raise refusal("E501", "", message, _AGAIN) from error
    schema = document.get("schema") if isinstance(document, dict) else None
    if schema != SCHEMA:
        found = files.readable(schema) if isinstance(schema, str) else "something else"
        message = f"this is {found}, but {SCHEMA} is what this version reads"
        raise refusal("E501", "", message, _AGAIN)
    return dict(document)


class _Reader:
    """Turns the document of an open file into a capture."""

    def __init__(self, tensors: Any) -> None:
        self._tensors = tensors
        self._names = frozenset(tensors.keys())

    def capture(self, document: Mapping[str, Any]) -> Capture:
        about, notes, rows = (
            _entry(document, key, kind)
            for key, kind in (("context", dict), ("notes", list), ("layers", list))
        )
        if not _shallow(about):
            raise _damaged("context", "too deep")
        for note in notes:
            _expect(note, "notes", str)
        if not rows:
            raise _damaged("layers", "there are none")
        layers: list[Layer] = []
        faults: list[Diagnostic] = []
        for index, row in enumerate(rows):
            try:
                with at(f"layers[{index}]"):
                    layers.append(self._layer(_expect(row, "", dict)))
            except CairnError as error:
                faults += error.diagnostics
        if faults:
            raise CairnError(faults)
        return Capture(about, notes, layers)

    def _layer(self, row: Mapping[str, Any]) -> Layer:
        name, call = _entry(row, "name", str), _count(_entry(row, "call", int), "call")
        operation = _operation(_entry(row, "operation", str), _entry(row, "sizes", dict))
        arrays = {}
        for what, shape in zip(("a", "b", "output"), shapes(operation), strict=True):
            with at(what):
                given = _entry(row, what, dict)
                arrays[what] = self._stored(given, shape, single(operation, what, shape))
        rectified: list[str] = []
        if "rectified" in row:
            given = _entry(row, "rectified", dict)
            with at("rectified"):
                count = filters(operation)
                rectified = [self._named(_entry(given, what, str), count) for what in RECTIFIED]
        return Layer(name, call, operation, arrays, self._tensors, rectified)

    def _stored(self, given: Mapping[str, Any], shape: Shape, single: Shape | None) -> _Stored:
        name, axes = _entry(given, "tensor", str), _entry(given, "axes", list)
        if any(type(axis) is not int for axis in axes) or sorted(axes) != [*range(len(shape))]:
            raise _damaged("axes", f"not an order of {len(shape)} axes")
        size = self._size(name)
        for each in (shape, single):
            if each is not None and math.prod(each) == size:
                return _Stored(name, axes, each)
        message = f"'{name}' holds {size:,} values, but the operation needs {text(shape)}"
        raise _damaged("tensor", message)

    def _named(self, name: str, count: int) -> str:
        """Check that a tensor holds so many values; return its name."""
        if self._size(name) != count:
            raise _damaged("tensor", f"'{files.readable(name)}' does not hold {count:,} values")
        return name

    def _size(self, name: str) -> int:
        """Return how many values a tensor holds."""
        if name not in self._names:
            raise _damaged("tensor", f"the file has no tensor '{files.readable(name)}'")
        tensor = self._tensors.get_slice(name)
        if tensor.get_dtype() != "F32":
            raise _damaged("tensor", f"'{name}' is of type {tensor.get_dtype()}, not F32")
        return math.prod(tensor.get_shape())


def _operation(kind: str, sizes: Mapping[str, Any]) -> Operation:
    """Make the operation of a layer."""
    names = {"gemm": GEMM, "conv": COUNTS + SPATIAL}.get(kind)
    if names is None:
        raise _damaged("operation", f"'{files.readable(kind)}' is neither gemm nor conv")
    with at("sizes"):
        if unknown := sizes.keys() - set(names):
            raise _damaged(files.readable(min(unknown)), f"a {kind} has no such size")
        values = {
            name: tuple(_count(each, name) for each in _entry(sizes, name, list))
            if name in SPATIAL
            else _count(_entry(sizes, name, int), name)
            for name in names
        }
        try:
            return (cairn.Gemm if kind == "gemm" else cairn.Conv)(**values)
        except CairnError as error:
            faults = [replace(each, code="E501", kind="invalid") for each in error.diagnostics]
            raise CairnError(faults) from error


def _damaged(place: str, message: str) -> CairnError:
    return refusal("E501", place, f"{message}: the capture is damaged", _AGAIN)


_KINDS = {dict: "an object", list: "a list", str: "a text", int: "an integer"}


def _expect(value: Any, place: str, kind: type) -> Any:
    """Return a value that is of the type that it must be of; a truth value is no integer."""
    if type(value) is not kind:
        raise _damaged(place, f"not {_KINDS[kind]}")
    return value


def _entry(row: Mapping[str, Any], key: str, kind: type) -> Any:
    if key not in row:
        raise _damaged(key, "missing")
    return _expect(row[key], key, kind)


def _count(value: Any, place: str) -> int:
    """Return an integer of at least 0 and of 63 bits."""
    if not 0 <= _expect(value, place, int) < 1 << 63:
        raise _damaged(place, "out of range")
    return int(value)


def _shallow(value: Any, depth: int = 20) -> bool:
    """Whether objects and lists are nested at most so deep."""
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return depth > 0 and all(_shallow(each, depth - 1) for each in parts)
