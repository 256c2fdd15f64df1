"""What happens to an operator: a product goes to the machine, anything else to the host."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch._higher_order_ops.flex_attention import flex_attention, sdpa_dense
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

from cairn.torch import products
from cairn.torch.host import DEVICE, DeviceTensor, hosted, on_device

if TYPE_CHECKING:
    from cairn.torch.simulation import Simulation


class Products(TorchDispatchMode):
    """Sends the products of all tensors, on the host or on the device, to a simulation."""

    def __init__(self, simulation: Simulation) -> None:
        super().__init__()
        self._simulation = simulation

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Execute an operator."""
        if composite(function):
            with _lazy_signs(), self:  # in inference mode PyTorch leaves this to us
                return function.decompose(*args, **kwargs or {})
        return execute(function, args, kwargs or {}, self._simulation)


@flex_attention.py_impl(Products)
def _flexible_attention(mode: Products, *args: Any, **kwargs: Any) -> Any:
    """Compute attention with a score function of the user's as its two products."""
    with mode:
        return sdpa_dense(*args, **kwargs)


def execute(
    function: Any, args: Any, kwargs: dict[str, Any], simulation: Simulation | None = None
) -> Any:
    """Execute an operator: on memory of the host, and what comes of the device stays there."""
    if function is torch.ops.aten._has_compatible_shallow_copy_type.default:
        return False  # a module asks before it puts other values behind the face of a parameter
    tensors = [each for each in pytree.tree_leaves((args, kwargs)) if isinstance(each, Tensor)]
    target = None if kwargs.get("device") is None else torch.device(kwargs["device"]).type
    faces = {id(each.host): each for each in tensors if isinstance(each, DeviceTensor)}
    if faces or target == DEVICE:
        if simulation is None and composite(function) and faces:
            with _lazy_signs():
                return function.decompose(*args, **kwargs)
        args, kwargs = pytree.tree_map(hosted, (args, kwargs))
        if target == DEVICE:
            _simulation(simulation)  # which follows the modules from now on
            kwargs = {**kwargs, "device": torch.device("cpu")}
    with _lazy_signs():
        out = _on_host(function, args, kwargs, simulation, tensors)
    if target == "cpu" or not (faces or target == DEVICE):
        return out

    def face(host: Tensor) -> Tensor:
        # In-place operators and `out=` return a tensor that they were given: its own face, then.
        return faces[id(host)] if id(host) in faces else on_device(host)

    return pytree.tree_map_only(Tensor, face, out)


def _on_host(
    function: Any,
    args: Any,
    kwargs: dict[str, Any],
    simulation: Simulation | None,
    tensors: list[Tensor],
) -> Any:
    """Execute an operator on memory of the host: on the machine behind it, if it is a product."""
    product = products.find(function)
    if product is None and (pool := products.pooling(function, args)):
        product = pool if _simulation(simulation).pools() else None
    if product is None or not _computes(tensors) or _is_empty(args):
        out = function(*args, **kwargs)
        if (product or products.multiplies(function)) and _computes(tensors):
            _simulation(simulation).note_host(function, "an operand is empty" if product else "")
        return out
    machine = _simulation(simulation)
    machine.meets(function, args)
    return product(function, args, kwargs, machine)


@contextmanager
def _lazy_signs() -> Iterator[None]:
    """Have PyTorch carry out the conjugations and negations that it has put off.

    It does so above the level at which it calls us, and would leave them out below.
    """
    excluded = torch._C._dispatch_tls_local_exclude_set()
    for key in ("Conjugate", "Negative", "ZeroTensor"):
        excluded = excluded.remove(getattr(torch._C.DispatchKey, key))
    with torch._C._ForceDispatchKeyGuard(torch._C._dispatch_tls_local_include_set(), excluded):
        yield


def _simulation(given: Simulation | None) -> Simulation:
    from cairn.torch.simulation import current

    return given or current()


@cache
def composite(function: Any) -> bool:
    """Whether an operator is nothing but others: in inference mode it comes whole."""
    key = torch._C.DispatchKey.CompositeImplicitAutograd
    if not any("Tensor" in str(each.type) for each in function._schema.returns):
        return False  # a question about a tensor
    return function.has_kernel_for_dispatch_key(key) and products.find(function) is None


def _computes(tensors: list[Tensor]) -> bool:
    """Whether tensors have values: those that a compiler traces with have only shapes."""
    fake = torch._subclasses.FakeTensor
    return not any(isinstance(each, fake) or each.device.type == "meta" for each in tensors)


def _is_empty(args: Any) -> bool:
    """Whether an operand has no elements: there is no work then."""
    return any(isinstance(each, Tensor) and each.numel() == 0 for each in args)
