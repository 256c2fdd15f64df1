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
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import save_file

import cairn
from cairn import files
from cairn.captured import (
    COUNTS,
    GEMM,
    KEY,
    RECTIFIED,
    SCHEMA,
    SPATIAL,
    Capture,
    Layer,
    Operation,
    read,
    shapes,
    single,
    text,
)
from cairn.errors import refusal
from cairn.operands import Floats
from cairn.rectified import Rectified, filters

__all__ = ["SCHEMA", "Capture", "Layer", "Recording", "read", "shapes"]

# A reader of safetensors takes headers up to 100 MB; the names of the tensors need some of it.
_LARGEST_DOCUMENT = 60_000_000


class Recording:
    """A session that keeps the operands and outputs of what it runs, to be saved as a capture.

    ``about`` tells what is captured and ``notes`` what a reader of its numbers must know; both may
    grow until it is saved. Layers belong to the model call ``call``, 0 at first.
    """

    keeps_relus = True  # for the machines that the capture will run on

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
        self.add(name, operation, a, b, out, self.call, order.get("rectified"))
        return out

    def add(
        self,
        name: str,
        operation: Operation,
        a: Floats,
        b: Floats,
        out: Floats,
        call: int = 0,
        rectified: Rectified | None = None,
    ) -> None:
        """Record a layer that has been run elsewhere.

        The operands are those of ``Session.run``: of a GEMM a (batch, m, k) and b (batch or 1, k,
        n), of a convolution x (batch, channels, *input) and w (filters, channels / groups,
        *kernel). With ``rectified``, its scale and shift of each filter, the output is used only as
        max(0, scale x output + shift). Raises E302 for other shapes, U202 for values that are not
        float32.
        """
        given = {"a": a, "b": b, "output": out}
        for what, array, shape in zip(given, given.values(), shapes(operation), strict=True):
            if array.dtype != np.float32:
                message = f"the values are of type {array.dtype}"
                raise refusal("U202", f"operand {what}", message, "array.astype(numpy.float32)")
            if array.shape not in (shape, single(operation, what, shape)):
                message = f"the shape is {text(array.shape)}"
                remedy = f"the operation needs {text(shape)}"
                raise refusal("E302", f"operand {what}", message, remedy)
        product = isinstance(operation, cairn.Gemm)
        kind, names = ("gemm", GEMM) if product else ("conv", COUNTS + SPATIAL)
        kept = {what: self._kept(operation, what, array) for what, array in given.items()}
        sizes = {size: getattr(operation, size) for size in names}
        layer = {"name": name, "call": call, "operation": kind, "sizes": sizes, **kept}
        if rectified is not None:
            pair = dict(zip(RECTIFIED, rectified, strict=True))
            for what, values in pair.items():
                if values.shape != (count := filters(operation),):
                    message = f"the shape is {text(values.shape)}"
                    raise refusal("E302", what, message, f"the operation has {count} filters")
            layer["rectified"] = {what: self._tensor(each, each) for what, each in pair.items()}
        self._recorded.append(layer)

    def _kept(self, operation: Operation, what: str, array: Floats) -> dict[str, Any]:
        """Keep the values of an array in memory order unless they are; say where and how."""
        if single(operation, what, array.shape) and array.strides[0] == 0:
            array = array[:1]  # one matrix for the whole batch
        axes = [*range(array.ndim)]
        if not array.flags.c_contiguous:
            strides = [
                math.inf if size == 1 else abs(stride)
                for size, stride in zip(array.shape, array.strides, strict=True)
            ]
            axes.sort(key=strides.__getitem__, reverse=True)
        values = np.ascontiguousarray(array.transpose(axes))
        return {"tensor": self._tensor(values, array), "axes": axes}

    def _tensor(self, values: Floats, array: Floats) -> str:
        """Keep the values of an array unless they are; return the name of their tensor."""
        digest = hashlib.sha256(values).digest()
        if digest not in self._tensors:
            # The memory of an operand may be used again.
            values = values.copy() if np.may_share_memory(values, array) else values
            self._tensors[digest] = str(len(self._tensors)), values
        return self._tensors[digest][0]

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
        written = json.dumps(document, separators=(",", ":"))
        if len(written) > _LARGEST_DOCUMENT:
            message = f"{len(self._recorded):,} layers are too many for the header of one file"
            raise refusal("U203", "", message, "capture fewer calls of the model")
        try:
            save_file(dict(self._tensors.values()), path, metadata={KEY: written})
        except SafetensorError as error:
            message = f"the capture could not be written: {error}"
            raise refusal("E602", files.readable(str(path)), message) from error
