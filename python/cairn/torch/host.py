"""Tensors of the device: memory of the host that says it is elsewhere."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

DEVICE = "cairn"


class DeviceTensor(Tensor):
    """A tensor on the device "cairn". Its values lie in ``host``, an ordinary tensor."""

    host: Tensor

    @staticmethod
    def __new__(cls, host: Tensor) -> DeviceTensor:
        """Put a face on a tensor of the host: sizes and strides are always those of ``host``."""
        return Tensor._make_wrapper_subclass(
            cls,
            host.size(),
            strides=host.stride(),
            storage_offset=host.storage_offset(),
            dtype=host.dtype,
            device=f"{DEVICE}:0",
            requires_grad=host.requires_grad,
            dispatch_sizes_strides_policy="sizes",
        )

    def __init__(self, host: Tensor) -> None:
        self.host = host

    def __repr__(self, **_: Any) -> str:
        """Show the values, and where they are."""
        text = repr(self.host.detach())
        return f"{text[:-1]}, device='{DEVICE}:0')"

    @classmethod
    def __torch_dispatch__(
        cls, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Execute an operator on such tensors."""
        from cairn.torch.dispatch import execute

        return execute(function, args, kwargs or {})

    def tolist(self) -> Any:
        """Return the values as Python's numbers."""
        return self.host.tolist()


def hosted(value: Any) -> Any:
    """Return the tensor of the host behind one of the device; anything else as it is."""
    return value.host if isinstance(value, DeviceTensor) else value


def on_device(host: Tensor) -> DeviceTensor:
    """Put a tensor of the host on the device, without a copy."""
    if host.is_inference() or not torch.is_inference_mode_enabled():
        return DeviceTensor(host)
    # A view of an ordinary tensor stays ordinary in inference mode, and so must its face.
    with torch.inference_mode(False):
        return DeviceTensor(host)
