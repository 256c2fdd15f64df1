"""Lowering: a node with its real operands becomes an operation of the machine.

Nodes are Conv, Gemm, MatMul and MaxPool; semantics follow the ONNX operator specification. Operands
of 16 bits are computed in float32 and rounded back, which is what ONNX Runtime does on a CPU.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

import cairn
from cairn.errors import CairnError, refusal
from cairn.onnx import graph as graphs
from cairn.onnx.load import wrong_type

Array = NDArray[Any]
# Runs one operation on (a, b) and returns its float32 result; max-pooling has no b.
Simulate = Callable[[Any, Array, Array | None], Array]

_FLOATS = ("float16", "float32")


def simulate(node: onnx.NodeProto, operands: Sequence[Array | None], run: Simulate) -> Array:
    """Execute a node on the machine behind ``run``; return its output in the operands' type.

    Raises U202 for types without multipliers, U201 for ranks, E503 for operands that do not fit.
    """
    present = [each for each in operands if each is not None]
    for each in present:
        if each.dtype.name not in _FLOATS:
            raise CairnError([wrong_type(node, each.dtype.name)])
    attributes = {each.name: onnx.helper.get_attribute_value(each) for each in node.attribute}
    floats = [None if each is None else each.astype(np.float32, copy=False) for each in operands]
    with np.errstate(all="ignore"):  # infinities are values of the hardware, not faults
        out = _LOWERINGS[node.op_type](node, attributes, floats, run)
        return out.astype(present[0].dtype, copy=False)


def _conv(
    node: onnx.NodeProto, attributes: dict[str, Any], operands: Sequence[Any], run: Simulate
) -> Array:
    x, w = operands[:2]
    rank = x.ndim - 2
    if not 1 <= rank <= 3 or w.ndim != x.ndim:
        message = f"a convolution of a {x.ndim}-d by a {w.ndim}-d tensor cannot be simulated"
        raise refusal("U201", graphs.place(node), message, "convolutions have 1 to 3 dimensions")
    kernel, group = w.shape[2:], int(attributes.get("group", 1))
    if x.shape[1] != w.shape[1] * group:
        message = f"{x.shape[1]} channels do not fit {w.shape[1]} channels in {group} groups"
        raise refusal("E503", graphs.place(node), message)
    stride = tuple(attributes.get("strides", (1,) * rank))
    dilation = tuple(attributes.get("dilations", (1,) * rank))
    begin, end = conv_pads(attributes, x.shape[2:], kernel, stride, dilation)
    operation = cairn.Conv(
        batch=x.shape[0],
        channels=x.shape[1],
        filters=w.shape[0],
        input=x.shape[2:],
        kernel=kernel,
        groups=group,
        stride=stride,
        pad_begin=begin,
        pad_end=end,
        dilation=dilation,
    )
    out = run(operation, x, w)
    if len(operands) > 2 and operands[2] is not None:
        out = out + operands[2].reshape(1, -1, *(1,) * rank)
    return out


def _maxpool(
    node: onnx.NodeProto, attributes: dict[str, Any], operands: Sequence[Any], run: Simulate
) -> Array:
    x = operands[0]
    rank = x.ndim - 2
    if not 1 <= rank <= 3:
        message = f"max-pooling of a {x.ndim}-d tensor cannot be simulated"
        raise refusal("U201", graphs.place(node), message, "1 to 3 spatial dimensions")
    kernel = tuple(attributes["kernel_shape"])
    stride = tuple(attributes.get("strides", (1,) * rank))
    dilation = tuple(attributes.get("dilations", (1,) * rank))
    begin, end = conv_pads(attributes, x.shape[2:], kernel, stride, dilation)
    operation = cairn.MaxPool(
        batch=x.shape[0],
        channels=x.shape[1],
        input=x.shape[2:],
        kernel=kernel,
        stride=stride,
        pad_begin=begin,
        pad_end=end,
        dilation=dilation,
        ceil_mode=bool(attributes.get("ceil_mode", 0)),
    )
    return run(operation, np.ascontiguousarray(x), None)


def conv_pads(
    attributes: dict[str, Any],
    size: Sequence[int],
    kernel: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the padding before and after each spatial dimension, from ``pads`` or ``auto_pad``."""
    rank = len(size)
    auto = attributes.get("auto_pad", b"NOTSET").decode()
    if auto == "VALID":
        return (0,) * rank, (0,) * rank
    if auto not in ("SAME_UPPER", "SAME_LOWER"):
        pads = tuple(attributes.get("pads", (0,) * (2 * rank)))
        return pads[:rank], pads[rank:]
    # SAME: as many outputs as strides fit in the input; the odd zero goes after (UPPER) or before
    # (LOWER).
    begin, end = [], []
    for length, taps, step, spread in zip(size, kernel, stride, dilation, strict=True):
        outputs = -(-length // step)
        total = max((outputs - 1) * step + (taps - 1) * spread + 1 - length, 0)
        begin.append(total // 2 if auto == "SAME_UPPER" else total - total // 2)
        end.append(total - begin[-1])
    return tuple(begin), tuple(end)


def _gemm(
    node: onnx.NodeProto, attributes: dict[str, Any], operands: Sequence[Any], run: Simulate
) -> Array:
    a, b = operands[:2]
    a = a.T if attributes.get("transA", 0) else a
    b = b.T if attributes.get("transB", 0) else b
    _check_inner(node, a, b)
    operation = cairn.Gemm(a.shape[0], b.shape[1], a.shape[1])
    out = run(operation, a[None], b[None])[0]
    alpha, beta = attributes.get("alpha", 1.0), attributes.get("beta", 1.0)
    if alpha != 1.0:
        out = out * np.float32(alpha)
    if len(operands) > 2 and operands[2] is not None and beta != 0.0:
        out = out + np.float32(beta) * operands[2]
    return out


def _matmul(
    node: onnx.NodeProto, attributes: dict[str, Any], operands: Sequence[Any], run: Simulate
) -> Array:
    """Multiply as ``numpy.matmul``: vectors become matrices, leading dimensions broadcast."""
    a, b = operands
    if a.ndim == 0 or b.ndim == 0:
        raise refusal("E503", graphs.place(node), "scalars cannot be multiplied as matrices")
    rows, columns = a.ndim > 1, b.ndim > 1
    a = a if rows else a[None, :]
    b = b if columns else b[:, None]
    _check_inner(node, a, b)
    m, k, n = a.shape[-2], a.shape[-1], b.shape[-1]
    if b.ndim == 2:
        # One B for the whole batch: all rows of A are one tall matrix.
        lead = a.shape[:-2]
        tall = a.reshape(-1, k)
        out = run(cairn.Gemm(tall.shape[0], n, k), tall[None], b[None]).reshape(*lead, m, n)
    else:
        lead = _broadcast(node, a.shape[:-2], b.shape[:-2])
        many = math.prod(lead)
        left = np.broadcast_to(a, (*lead, m, k)).reshape(many, m, k)
        right = np.broadcast_to(b, (*lead, k, n)).reshape(many, k, n)
        out = run(cairn.Gemm(m, n, k, many), left, right).reshape(*lead, m, n)
    out = out if rows else out[..., 0, :]
    return out if columns else out[..., 0]


def _check_inner(node: onnx.NodeProto, a: Array, b: Array) -> None:
    if a.shape[-1] != b.shape[-2]:
        message = f"matrices {a.shape} and {b.shape} do not fit each other"
        raise refusal("E503", graphs.place(node), message, "check the shapes of the inputs")


def _broadcast(node: onnx.NodeProto, a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
    try:
        return np.broadcast_shapes(a, b)
    except ValueError as error:
        message = f"batches {a} and {b} do not fit each other"
        raise refusal("E503", graphs.place(node), message) from error


_LOWERINGS = {"Conv": _conv, "Gemm": _gemm, "MatMul": _matmul, "MaxPool": _maxpool}
