"""The operators of PyTorch that multiply and accumulate, brought to those of the machine.

By the time an operator arrives here PyTorch has taken the modules and functions apart: linear,
matmul, einsum and the like are matrix products, every convolution is one operator. A product's
handler computes what surrounds the operation of the machine (bias, scaling, softmax) on the host.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.utils.flop_counter import flop_registry

import cairn


class Machine(Protocol):
    """What computes a product: the operation of the machine on float32 operands."""

    def multiply(self, what: str, operation: Any, a: Tensor, b: Tensor | None) -> Tensor:
        """Return the result of the operation, in float32; max-pooling has no ``b``."""


Handler = Callable[..., Any]


def find(function: Any) -> Handler | None:
    """Return the handler of an operator, or None if it is no product that is simulated.

    A handler takes (function, args, kwargs, machine) and returns what the operator returns.
    """
    packet = function.overloadpacket
    if function.namespace != "aten":
        return None
    name = packet.__name__
    handler = _HANDLERS.get(name)
    if handler is not None:
        return handler if function._overloadname in ("default", "out", "deprecated") else None
    if name.endswith("_") and name[:-1] in _HANDLERS:
        return _HANDLERS[name[:-1]]
    return None


def pooling(function: Any, args: Any) -> Handler | None:
    """Return the handler of an operator that is max-pooling of floats."""
    rank = _POOLS.get(function.overloadpacket.__name__)
    if function.namespace != "aten" or function._overloadname != "default" or rank is None:
        return None
    return partial(_pooled, rank) if args[0].is_floating_point() else None


_POOLS = {"max_pool2d_with_indices": 2, "max_pool3d_with_indices": 3}


def _pooled(rank: int, function: Any, args: Any, kwargs: dict[str, Any], machine: Machine) -> Any:
    """Pool x ([batch,] channels, *input); where the largest values were is the host's to tell."""
    values, places = function(*args, **kwargs)
    x = args[0]

    def each(at: int, name: str, default: int | list[int]) -> tuple[int, ...]:
        given = args[at] if len(args) > at else kwargs.get(name, default)
        given = [given] if isinstance(given, int) else given
        return tuple(given) * (rank if len(given) == 1 else 1)

    kernel = each(1, "kernel_size", [])
    x = x if x.ndim == rank + 2 else x[None]
    operation = cairn.MaxPool(
        batch=x.shape[0],
        channels=x.shape[1],
        input=tuple(x.shape[2:]),
        kernel=kernel,
        stride=each(2, "stride", []) or kernel,
        pad_begin=each(3, "padding", 0),
        pad_end=each(3, "padding", 0),
        dilation=each(4, "dilation", 1),
        ceil_mode=bool(args[5] if len(args) > 5 else kwargs.get("ceil_mode", False)),
    )
    out = machine.multiply("maxpool", operation, x.contiguous(), None)
    return out.to(values.dtype).reshape(values.shape), places


def multiplies(function: Any) -> bool:
    """Whether an operator that is not simulated does multiply-accumulate work all the same."""
    packet = function.overloadpacket
    name = packet.__name__
    return packet in flop_registry or (function.namespace, name) in _HOST or _quantised(function)


def _quantised(function: Any) -> bool:
    words = ("linear", "conv", "matmul")
    return function.namespace == "quantized" and any(
        word in function.overloadpacket.__name__ for word in words
    )


_ON_HOST = """
    _int_mm _scaled_mm _scaled_grouped_mm _trilinear mkldnn_rnn_layer mkldnn_linear
    _native_multi_head_attention _transformer_encoder_layer_fwd _cdist_forward _euclidean_dist
    _weight_int4pack_mm _weight_int8pack_mm _weight_int4pack_mm_for_cpu _dyn_quant_matmul_4bit
    _sparse_mm _sparse_addmm _sparse_mm_reduce_impl linalg_householder_product ormqr to_mkldnn
"""
# What is turned to oneDNN's layout is multiplied where no operator is to be seen (TorchScript's
# optimize_for_inference), hence to_mkldnn.
_HOST = {("aten", name) for name in _ON_HOST.split()} | {("torchvision", "deform_conv2d")}


def _handler(compute: Callable[..., Any]) -> Handler:
    """Make a handler of a function that takes the operator's arguments and the machine.

    It serves the operator's forms that write into an argument, too. Sums are rounded to the type of
    the operands last of all.
    """

    def handle(function: Any, args: Any, kwargs: dict[str, Any], machine: Machine) -> Any:
        written = kwargs.pop("out", None)
        if function.overloadpacket.__name__.endswith("_"):
            written = args[0]
        out = compute(machine, *args, **kwargs)
        if isinstance(out, Tensor):
            out = out.to(kwargs.get("out_dtype") or args[0].dtype)
        if written is None:
            return out
        if written.shape != out.shape:
            written.resize_(out.shape)
        return written.copy_(out)

    return handle


def _product(machine: Machine, what: str, a: Tensor, b: Tensor) -> Tensor:
    """Multiply a (batch, m, k) by b (batch, k, n)."""
    batch, m, k = a.shape
    return machine.multiply(what, cairn.Gemm(m, b.shape[2], k, batch), a, b)


def _mm(machine: Machine, a: Tensor, b: Tensor, what: str = "mm") -> Tensor:
    torch._check(a.shape[1] == b.shape[0], lambda: f"{a.shape} by {b.shape} matrices")
    return _product(machine, what, a[None], b[None])[0]


def _scaled(out: Tensor, alpha: Any) -> Tensor:
    return out if alpha == 1 else out * alpha


def _added(bias: Tensor, out: Tensor, beta: Any, alpha: Any) -> Tensor:
    """Return beta x bias + alpha x out; with beta 0 the bias does not count, whatever it is."""
    out = _scaled(out, alpha)
    return out if beta == 0 else out + _scaled(bias, beta)


def _addmm(
    machine: Machine, bias: Tensor, a: Tensor, b: Tensor, *, beta: Any = 1, alpha: Any = 1
) -> Tensor:
    return _added(bias, _mm(machine, a, b, "addmm"), beta, alpha)


def _addmm_activation(
    machine: Machine,
    bias: Tensor,
    a: Tensor,
    b: Tensor,
    *,
    beta: Any = 1,
    alpha: Any = 1,
    use_gelu: bool = False,
) -> Tensor:
    out = _added(bias, _mm(machine, a, b, "addmm"), beta, alpha)
    return torch.nn.functional.gelu(out) if use_gelu else out.relu()


def _bmm(machine: Machine, a: Tensor, b: Tensor, what: str = "bmm") -> Tensor:
    torch._check(a.shape[::2] == (b.shape[0], b.shape[1]), lambda: f"{a.shape} by {b.shape}")
    return _product(machine, what, a, b)


def _baddbmm(
    machine: Machine, bias: Tensor, a: Tensor, b: Tensor, *, beta: Any = 1, alpha: Any = 1
) -> Tensor:
    return _added(bias, _bmm(machine, a, b, "baddbmm"), beta, alpha)


def _addbmm(
    machine: Machine, bias: Tensor, a: Tensor, b: Tensor, *, beta: Any = 1, alpha: Any = 1
) -> Tensor:
    return _added(bias, _bmm(machine, a, b, "addbmm").sum(0), beta, alpha)


def _grouped_mm(
    machine: Machine,
    a: Tensor,
    b: Tensor,
    offs: Tensor | None = None,
    bias: Tensor | None = None,
    out_dtype: torch.dtype | None = None,  # rounded to in the end, as all are
) -> Tensor:
    """Multiply group by group, as mixtures of experts do; ``offs`` tells where each group ends.

    With b (groups, k, n) a group has some rows of a (tokens, k); with a (groups, m, k) some columns
    of b; with two matrices some of the summed dimension, and a result of its own.
    """
    if offs is None:
        return _bmm(machine, a, b, "grouped_mm")
    ends = offs.tolist()
    rows, columns = (a.ndim == 2, b.ndim == 2)
    out = a.new_zeros(
        (*((len(ends),) if rows == columns else ()), a.shape[-2], b.shape[-1]), dtype=torch.float32
    )
    for group, (begin, end) in enumerate(zip([0, *ends], ends, strict=False)):
        part = slice(begin, end)
        if begin == end:
            continue  # nobody asked this expert
        if rows and columns:
            out[group] = _mm(machine, a[:, part], b[part], "grouped_mm")
        elif rows:
            out[part] = _mm(machine, a[part], b[group], "grouped_mm")
        else:
            out[:, part] = _mm(machine, a[group], b[:, part], "grouped_mm")
    return out if bias is None else out + bias


def _mv(machine: Machine, a: Tensor, vector: Tensor) -> Tensor:
    return _mm(machine, a, vector[:, None], "mv")[:, 0]


def _addmv(
    machine: Machine, bias: Tensor, a: Tensor, vector: Tensor, *, beta: Any = 1, alpha: Any = 1
) -> Tensor:
    return _added(bias, _mv(machine, a, vector), beta, alpha)


def _dot(machine: Machine, a: Tensor, b: Tensor) -> Tensor:
    return _mm(machine, a[None], b[:, None], "dot")[0, 0]


def _attention(
    machine: Machine,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    dropout_p: float = 0.0,  # 0: with dropout PyTorch takes another way
    is_causal: bool = False,
    *,
    attn_mask: Tensor | None = None,
    scale: float | None = None,
) -> tuple[Tensor, Tensor]:
    """Attend with query (batch, heads, l, e), key (batch, heads, s, e) and value (.., s, v).

    Both products are the machine's, scaling, mask and softmax are the host's. Returns the output
    and the logarithm of the softmax's denominators, which the backward pass asks for.
    """
    groups = query.shape[1] // key.shape[1]  # several heads of queries may share one of keys
    if groups > 1:
        key, value = (each.repeat_interleave(groups, 1) for each in (key, value))
    heads = query.shape[:2]
    q, k, v = (each.flatten(0, 1) for each in (query, key, value))
    scores = _bmm(machine, q, k.transpose(1, 2), "scores").unflatten(0, heads)
    scores = scores * (1 / math.sqrt(query.shape[-1]) if scale is None else scale)
    if is_causal:
        allowed = torch.ones(scores.shape[-2:], dtype=torch.bool).tril()
        scores = scores.masked_fill(~allowed, -math.inf)
    if attn_mask is not None:
        masked = attn_mask.dtype == torch.bool
        scores = scores.masked_fill(~attn_mask, -math.inf) if masked else scores + attn_mask
    shares = torch.ops.aten._safe_softmax(scores, -1).to(query.dtype)
    out = _bmm(machine, shares.flatten(0, 1), v, "context").unflatten(0, heads)
    return out.to(query.dtype), scores.logsumexp(-1)


def _convolution(
    machine: Machine,
    x: Tensor,
    w: Tensor,
    bias: Tensor | None,
    stride: Any,
    padding: Any,
    dilation: Any,
    transposed: bool,
    output_padding: Any,
    groups: int,
    *_: Any,
) -> Tensor:
    """Convolve x (batch, channels, *input) with w (filters, channels / groups, *kernel).

    Transposed, w is (channels, filters / groups, *kernel), and the machine runs the convolution
    that it is the adjoint of: zeros between the inputs, the kernel reversed.
    """
    rank = x.ndim - 2
    stride, padding, dilation, extra = (
        tuple(each) * (rank if len(each) == 1 else 1)
        for each in (stride, padding, dilation, output_padding)
    )
    begin = end = padding
    if transposed:
        x, w = _spread(x, stride), _reversed(w, groups)
        reach = [d * (k - 1) for d, k in zip(dilation, w.shape[2:], strict=True)]
        begin = tuple(r - p for r, p in zip(reach, padding, strict=True))
        end = tuple(b + e for b, e in zip(begin, extra, strict=True))
        x, begin, end = _cropped(x, begin, end)
        stride = (1,) * rank
        shape = zip(x.shape[2:], begin, end, reach, strict=True)
        sizes = [size + b + e - r for size, b, e, r in shape]
        if 0 in (*x.shape, *sizes):  # no output, or none that an input reaches: no work
            return _biased(x.new_zeros((x.shape[0], w.shape[0], *sizes)), bias)
    operation = cairn.Conv(
        batch=x.shape[0],
        channels=x.shape[1],
        filters=w.shape[0],
        input=tuple(x.shape[2:]),
        kernel=tuple(w.shape[2:]),
        groups=groups,
        stride=stride,
        pad_begin=begin,
        pad_end=end,
        dilation=dilation,
    )
    out = machine.multiply("convolution", operation, x.contiguous(), w.contiguous())
    return _biased(out, bias)


def _biased(out: Tensor, bias: Tensor | None) -> Tensor:
    """Add the bias of each filter to (batch, filters, *output)."""
    return out if bias is None else out + bias.view(1, -1, *(1,) * (out.ndim - 2))


def _spread(x: Tensor, stride: tuple[int, ...]) -> Tensor:
    """Put stride - 1 zeros between neighbours of each spatial dimension."""
    if all(step == 1 for step in stride):
        return x
    sizes = [(n - 1) * step + 1 for n, step in zip(x.shape[2:], stride, strict=True)]
    out = x.new_zeros((*x.shape[:2], *sizes))
    out[(..., *(slice(None, None, step) for step in stride))] = x
    return out


def _reversed(w: Tensor, groups: int) -> Tensor:
    """Turn (channels, filters / groups, *kernel) to (filters, channels / groups, *reversed)."""
    swapped = w.unflatten(0, (groups, -1)).transpose(1, 2).flatten(0, 1)
    return swapped.flip(tuple(range(2, w.ndim)))


def _cropped(
    x: Tensor, begin: tuple[int, ...], end: tuple[int, ...]
) -> tuple[Tensor, tuple[int, ...], tuple[int, ...]]:
    """Take away what a negative padding takes away."""
    pads = [min(p, 0) for pair in zip(begin[::-1], end[::-1], strict=True) for p in pair]
    x = torch.nn.functional.pad(x, pads) if any(pads) else x
    return x, tuple(max(p, 0) for p in begin), tuple(max(p, 0) for p in end)


_HANDLERS: dict[str, Handler] = {
    name: _handler(compute)
    for name, compute in {
        "mm": _mm,
        "addmm": _addmm,
        "_addmm_activation": _addmm_activation,
        "bmm": _bmm,
        "baddbmm": _baddbmm,
        "_grouped_mm": _grouped_mm,
        "addbmm": _addbmm,
        "mv": _mv,
        "addmv": _addmv,
        "dot": _dot,
        "vdot": _dot,
        "convolution": _convolution,
        "_convolution": _convolution,
        "_scaled_dot_product_flash_attention_for_cpu": _attention,
    }.items()
}
