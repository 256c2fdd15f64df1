"""The device "cairn": what PyTorch needs to know of it. Its operators are in dispatch.py."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils import backend_registration

from cairn.errors import refusal
from cairn.torch.dispatch import execute
from cairn.torch.host import DEVICE, hosted

_LIBRARIES: list[torch.library.Library] = []  # what is registered lives as long as they do

# What autocast computes in the lower precision, and what in float32: as on a CPU.
_LOWER = """
    conv1d conv2d conv3d conv1d.padding conv2d.padding conv3d.padding conv_transpose1d
    conv_transpose2d.input conv_transpose3d.input conv_tbc bmm mm baddbmm addmm addbmm linear matmul
    linalg_vecdot scaled_dot_product_attention
"""
_FULL = """
    avg_pool3d binary_cross_entropy grid_sampler polar prod prod.dim_int quantile nanquantile stft
    cdist view_as_complex cholesky cholesky_inverse cholesky_solve inverse lu_solve orgqr ormqr
    pinverse max_unpool2d max_unpool3d adaptive_avg_pool3d reflection_pad1d reflection_pad2d
    replication_pad1d replication_pad2d replication_pad3d mse_loss cosine_embedding_loss nll_loss
    nll_loss2d hinge_embedding_loss poisson_nll_loss smooth_l1_loss cross_entropy_loss l1_loss
    huber_loss margin_ranking_loss soft_margin_loss triplet_margin_loss multi_margin_loss
    ctc_loss.IntList ctc_loss.Tensor kl_div multilabel_margin_loss binary_cross_entropy_with_logits
    fft_fft fft_ifft fft_rfft fft_irfft
"""


class _Module(backend_registration._DummyBackendModule):
    """``torch.cairn``: one device, always there."""

    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        return [torch.bfloat16, torch.float16]


def register() -> None:
    """Make ``model.to("cairn")`` work. Raises U201 if another package has taken the place."""
    taken = torch._C._get_privateuse1_backend_name()
    if taken == DEVICE:
        return
    if taken != "privateuseone":
        raise refusal(
            "U201",
            "cairn.torch",
            f"PyTorch has room for one device of another maker, and '{taken}' has taken it",
            f"import cairn.torch in a process without the package of '{taken}'",
        )
    backend_registration._setup_privateuseone_for_python_backend(DEVICE, backend_module=_Module())
    anything = torch.library.Library("_", "IMPL")
    anything.fallback(lambda function, *args, **kwargs: execute(function, args, kwargs), _KEY)
    anything.fallback(torch.library.fallthrough_kernel, f"Autocast{_KEY}")
    aten = torch.library.Library("aten", "IMPL")
    # PyTorch copies to and from a device by these, below the level at which it asks the tensors.
    aten.impl("_copy_from", _copy_from, _KEY)
    aten.impl("_copy_from_and_resize", _copy_from, _KEY)
    for names, cast in ((_LOWER, _lower), (_FULL, _full)):
        for name in names.split():
            aten.impl(name, _autocast(name, cast), f"Autocast{_KEY}")
    _LIBRARIES.extend([anything, aten])


_KEY = "PrivateUse1"


def _copy_from(source: Any, target: Any, non_blocking: bool = False) -> Any:
    hosted(target).copy_(hosted(source))
    return target


def _lower() -> torch.dtype:
    return torch.get_autocast_dtype(DEVICE)


def _full() -> torch.dtype:
    return torch.float32


def _autocast(name: str, precision: Any) -> Any:
    """Return an operator that brings its floating-point tensors to a precision first."""
    packet, _, overload = name.partition(".")
    function = getattr(getattr(torch.ops.aten, packet), overload or "default")
    guard = torch._C.DispatchKeySet(getattr(torch._C.DispatchKey, f"Autocast{_KEY}"))

    def cast(value: Any) -> Any:
        if isinstance(value, torch.Tensor) and value.is_floating_point():
            return value if value.dtype == torch.float64 else value.to(precision())
        return value

    def call(*args: Any, **kwargs: Any) -> Any:
        with torch._C._ExcludeDispatchKeyGuard(guard):
            args, kwargs = torch.utils._pytree.tree_map(cast, (args, kwargs))
            return function(*args, **kwargs)

    return call
