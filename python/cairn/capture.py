"""Captured workloads: the operations of a model with their values, in one file without the model.

A capture is a safetensors file. Its tensors are the operands and outputs, float32 in memory order,
those of identical bytes stored once; its metadata is a JSON document, ``cairn.capture/1``: what was
captured, and the layers in order, each with the sizes of its operation and the tensors it uses.

>>> recording = cairn.capture.Recording(cairn.Session(machine), {"source": "model.onnx"})
>>> recording.run("square", cairn.Gemm(64, 64, 64), a, b)
>>> recording.save("work.safetensors")
>>> a, b, expected = cairn.capture.read("work.safetensors").layers[0].load()
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

import cairn
from cairn import files
from cairn.errors import CairnError, Diagnostic, at, refusal
from cairn.operands import Floats

SCHEMA = "cairn.capture/1"

Operation = Any  # cairn.Gemm | cairn.Conv: the compiled classes are loaded lazily
Shape = tuple[int, ...]

_KEY = "cairn"  # of the document in the metadata
_GEMM = ("m", "n", "k", "batch")
_COUNTS = ("batch", "channels", "filters", "groups")
_SPATIAL = ("input", "kernel", "stride", "pad_begin", "pad_end", "dilation")
# A reader of safetensors takes headers up to 100 MB; the names of the tensors need some of it.
_LARGEST_DOCUMENT = 60_000_000
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


class Recording:
    """A session that keeps the operands and outputs of what it runs, to be saved as a capture.

    ``about`` tells what is captured and ``notes`` what a reader of its numbers must know; both may
    grow until it is saved. Layers belong to the model call ``call``, 0 at first.
    """

    def __init__(self, session: cairn.Session, about: Mapping[str, Any]) -> None:
        """Begin without layers; the products run on ``session``, which gives the values."""
        self._session = session
        self.about: dict[str, Any] = {"version": cairn.__version__, **about}
        self.notes: list[str] = []
        self.call = 0
        self._recorded: list[dict[str, Any]] = []
        self._tensors: dict[bytes, tuple[str, Floats]] = {}  # by the hash of their bytes

    @property
    def machine(self) -> cairn.Machine:
        """The machine of the wrapped session."""
        return self._session.machine

    @property
    def layers(self) -> list[dict[str, Any]]:
        """What the layers cost on the wrapped session."""
        return self._session.layers

    def document(self, context: dict[str, Any]) -> str:
        """Return the result document of the wrapped session."""
        return self._session.document(context)

    def run(
        self,
        name: str,
        operation: Operation,
        a: Floats,
        b: Floats,
        tile: dict[str, int] | None = None,
        progress: Callable[[int, int], None] | None = None,
        objective: str = "cycles",
        **order: Any,
    ) -> Floats:
        """Run a layer on the wrapped session and record it; raises what a session raises.

        Max-pooling is not captured (U201).
        """
        if isinstance(operation, cairn.MaxPool):
            message, remedy = "max-pooling is not captured", "leave it to the host: no offload"
            raise refusal("U201", f"layer {name}", message, remedy)
        out = self._session.run(name, operation, a, b, tile, progress, objective, **order)
        assert out is not None, "a run with operands returns values"
        self.add(name, operation, a, b, out, self.call)
        return out

    def add(
        self, name: str, operation: Operation, a: Floats, b: Floats, out: Floats, call: int = 0
    ) -> None:
        """Record a layer that has been run elsewhere.

        The operands are those of ``Session.run``: of a GEMM a (batch, m, k) and b (batch or 1, k,
        n), of a convolution x (batch, channels, *input) and w (filters, channels / groups,
        *kernel). Raises E302 for other shapes, U202 for values that are not float32.
        """
        given = {"a": a, "b": b, "output": out}
        for what, array, shape in zip(given, given.values(), shapes(operation), strict=True):
            if array.dtype != np.float32:
                message = f"the values are of type {array.dtype}"
                raise refusal("U202", f"operand {what}", message, "array.astype(numpy.float32)")
            if array.shape not in (shape, _single(operation, what, shape)):
                message = f"the shape is {_text(array.shape)}"
                remedy = f"the operation needs {_text(shape)}"
                raise refusal("E302", f"operand {what}", message, remedy)
        single = isinstance(operation, cairn.Gemm)
        kind, names = ("gemm", _GEMM) if single else ("conv", _COUNTS + _SPATIAL)
        kept = {what: self._kept(operation, what, array) for what, array in given.items()}
        sizes = {size: getattr(operation, size) for size in names}
        layer = {"name": name, "call": call, "operation": kind, "sizes": sizes}
        self._recorded.append(layer | kept)

    def _kept(self, operation: Operation, what: str, array: Floats) -> dict[str, Any]:
        """Keep the values of an array in memory order unless they are; say where and how."""
        if _single(operation, what, array.shape) and array.strides[0] == 0:
            array = array[:1]  # one matrix for the whole batch
        axes = [*range(array.ndim)]
        if not array.flags.c_contiguous:
            strides = [
                math.inf if size == 1 else abs(stride)
                for size, stride in zip(array.shape, array.strides, strict=True)
            ]
            axes.sort(key=strides.__getitem__, reverse=True)
        values = np.ascontiguousarray(array.transpose(axes))
        digest = hashlib.sha256(values).digest()
        if digest not in self._tensors:
            # The memory of an operand may be used again.
            values = values.copy() if np.may_share_memory(values, array) else values
            self._tensors[digest] = str(len(self._tensors)), values
        return {"tensor": self._tensors[digest][0], "axes": axes}

    @property
    def tensors(self) -> int:
        """How many tensors are kept."""
        return len(self._tensors)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the capture: the whole file or, on a failure, nothing.

        Raises E602 if it cannot be written there, E301 without layers, U203 with too many of them.
        """
        with files.Output(os.fspath(path)) as output:
            output.fill(self.write)

    def write(self, path: Path) -> None:
        """Write the capture to a file that need not stay if this fails; see ``save``."""
        if not self._recorded:
            message = "nothing was captured: the model has no products that a machine simulates"
            raise refusal("E301", "", message, "a model with convolutions or matrix products")
        document = {
            "schema": SCHEMA,
            "context": self.about,
            "notes": self.notes,
            "layers": self._recorded,
        }
        text = json.dumps(document, separators=(",", ":"))
        if len(text) > _LARGEST_DOCUMENT:
            message = f"{len(self._recorded):,} layers are too many for the header of one file"
            raise refusal("U203", "", message, "capture fewer calls of the model")
        try:
            save_file(dict(self._tensors.values()), path, metadata={_KEY: text})
        except SafetensorError as error:
            message = f"the capture could not be written: {error}"
            raise refusal("E602", files.readable(str(path)), message) from error


def _single(operation: Operation, what: str, shape: Shape) -> Shape | None:
    """Return the shape of an operand that is one matrix for the whole batch of a GEMM."""
    return (1, *shape[1:]) if isinstance(operation, cairn.Gemm) and what != "output" else None


def _text(shape: Sequence[int]) -> str:
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
        text = (tensors.metadata() or {}).get(_KEY)
        if text is None:
            message = "a safetensors file, but not a captured workload"
            raise refusal("E501", "", message, _AGAIN)
        return _Reader(tensors).capture(_parsed(text))


def _parsed(text: str) -> dict[str, Any]:
    """Parse the document of a capture: finite numbers and whole characters only."""

    def number(digits: str) -> float:
        if not math.isfinite(value := float(digits)):
            raise ValueError(f"{digits} is no number")
        return value

    try:
        document = json.loads(text, parse_float=number, parse_constant=number)
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
                arrays[what] = self._stored(given, shape, _single(operation, what, shape))
        return Layer(name, call, operation, arrays, self._tensors)

    def _stored(self, given: Mapping[str, Any], shape: Shape, single: Shape | None) -> _Stored:
        name, axes = _entry(given, "tensor", str), _entry(given, "axes", list)
        if name not in self._names:
            raise _damaged("tensor", f"the file has no tensor '{files.readable(name)}'")
        if any(type(axis) is not int for axis in axes) or sorted(axes) != [*range(len(shape))]:
            raise _damaged("axes", f"not an order of {len(shape)} axes")
        tensor = self._tensors.get_slice(name)
        if tensor.get_dtype() != "F32":
            raise _damaged("tensor", f"'{name}' is of type {tensor.get_dtype()}, not F32")
        size = math.prod(tensor.get_shape())
        for each in (shape, single):
            if each is not None and math.prod(each) == size:
                return _Stored(name, axes, each)
        message = f"'{name}' holds {size:,} values, but the operation needs {_text(shape)}"
        raise _damaged("tensor", message)


def _operation(kind: str, sizes: Mapping[str, Any]) -> Operation:
    """Make the operation of a layer."""
    names = {"gemm": _GEMM, "conv": _COUNTS + _SPATIAL}.get(kind)
    if names is None:
        raise _damaged("operation", f"'{files.readable(kind)}' is neither gemm nor conv")
    with at("sizes"):
        if unknown := sizes.keys() - set(names):
            raise _damaged(files.readable(min(unknown)), f"a {kind} has no such size")
        values = {
            name: tuple(_count(each, name) for each in _entry(sizes, name, list))
            if name in _SPATIAL
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
