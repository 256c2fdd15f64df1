"""Which products of a PyTorch model are only used through a ReLU, and read no negative input.

Eager code does not say what it will do with a sum. So a model is run once natively before, and its
operators are followed, storage by storage: who reads the sums of a product, what is added to them
or multiplied with them filter by filter, and which tensors can hold no negative value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes

from cairn.rectified import Rectified, Sums
from cairn.torch import products
from cairn.torch.dispatch import composite

# Never negative, whatever they read.
_NEVER_WORDS = "abs exp hardsigmoid relu sigmoid softplus sqrt square _softmax _safe_softmax"
_NEVER = frozenset(_NEVER_WORDS.split())
# Never negative if no operand is: they move, choose, add, multiply or average values.
_KEEP_WORDS = """
    add alias amax amin _adaptive_avg_pool2d _adaptive_avg_pool3d adaptive_max_pool2d
    adaptive_max_pool3d as_strided avg_pool2d avg_pool3d cat ceil clone copy cumsum detach
    diagonal div expand fill flip floor gather index index_select lift_fresh max
    max_pool2d_with_indices max_pool3d_with_indices maximum mean min minimum mul native_dropout
    permute pixel_shuffle pixel_unshuffle pow prod reciprocal reflection_pad2d repeat
    replication_pad2d _reshape_alias roll select slice split split_with_sizes squeeze stack sum
    t _to_copy topk transpose unbind unfold unsqueeze _unsafe_view upsample_bilinear2d
    upsample_nearest2d view where zero zeros_like
"""
_KEEP = frozenset(_KEEP_WORDS.split())
_ZERO = frozenset({"ones_like", "zero", "zeros_like"})
_NORMS = frozenset({"native_batch_norm", "_native_batch_norm_legit_no_training", "batch_norm"})


@dataclass(eq=False)
class _Product:
    """A product as it was met: what tells it from others, and what became of its sums."""

    signature: Any
    sums: Sums | None
    shape: tuple[int, ...]
    seen: bool = False  # by a ReLU
    spoilt: bool = False  # somebody else used the sums as well

    def rectified(self) -> Rectified | None:
        return self.sums.rectified() if self.sums and self.seen and not self.spoilt else None


class _Memory:
    """What is known of the values in a storage."""

    def __init__(self, tensor: Tensor, constant: bool, positive: bool | None) -> None:
        self.reference = StorageWeakRef(tensor.untyped_storage())
        self.constant = constant
        self.positive = positive  # None: as its values say
        self.open: _Product | None = None  # whose sums these are
        self.read: list[_Product] = []  # whose sums these were: nobody else may read them


class Plan:
    """The products of a model in order, each with its ReLU if that alone uses it."""

    def __init__(
        self, steps: Sequence[tuple[Any, Rectified | None]] = (), trusts: bool = False
    ) -> None:
        """Keep the steps, to be taken in turn; ``trusts``: an input has no negative value."""
        self._steps, self._at = steps, 0
        self.trusts = trusts

    @property
    def left(self) -> bool:
        """Whether there are steps to come."""
        return self._at < len(self._steps)

    def next(self, function: Any, args: Sequence[Any]) -> tuple[bool, Rectified | None]:
        """Return whether a product is the one that was foreseen, and what of its ReLU."""
        known, self._at = self.left, self._at + 1
        if not known or self._steps[self._at - 1][0] != _signature(function, args):
            self._at = len(self._steps)
            return False, None
        return True, self._steps[self._at - 1][1]


def foresee(compute: Callable[[], Any], inputs: Any) -> Plan:
    """Run ``compute`` natively on ``inputs`` and return what becomes of its products.

    ``inputs`` are all tensors that change from run to run; one without a negative value counts as
    never negative. Random numbers are drawn as if this had not been.
    """
    with _disable_current_modes(), torch.random.fork_rng(devices=[]), torch.no_grad():
        try:
            watch = _Watch(_tensors(inputs))
            with watch:
                outputs = compute()
            watch.returned(outputs)
        except Exception:  # what cannot be followed is not foreseen; what fails, fails once more
            return Plan()
        del outputs
        return watch.plan()


class _Watch(TorchDispatchMode):
    """Follows operators, which run natively."""

    def __init__(self, inputs: Iterable[Tensor]) -> None:
        super().__init__()
        self._memory: dict[int, _Memory] = {}
        self._products: list[_Product] = []
        self._trusts = False
        for each in inputs:
            positive = _no_negative(each)
            self._trusts |= positive and each.is_floating_point()
            self._of(each, constant=False, positive=positive)

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Execute an operator."""
        kwargs = kwargs or {}
        if composite(function):
            with self:
                return function.decompose(*args, **kwargs)
        before = _tensors((args, kwargs))
        for each in before:
            self._of(each)
        step = self._used(function, args, kwargs, before)  # before it writes into them
        positive = self._positive(function, args, kwargs, before)
        out = function(*args, **kwargs)
        self._made(function, _written(function, args, kwargs), before, out, positive)
        if step is not None:
            self._follow(*step, _written(function, args, kwargs), out)
        elif products.find(function) and _has_work(args):
            self._product(function, args, kwargs, out)
        return out

    def _of(self, tensor: Tensor, constant: bool = True, positive: bool | None = None) -> _Memory:
        """Return what is known of a tensor's storage; of a new one it is told."""
        key = _key(tensor)
        if key not in self._memory:
            self._memory[key] = _Memory(tensor, constant, positive)
        return self._memory[key]

    def _known(self, value: Any) -> bool:
        """Whether an operand can hold no negative value."""
        if not isinstance(value, Tensor):
            return not isinstance(value, int | float) or value >= 0
        positive = self._of(value).positive
        return _no_negative(value) if positive is None else positive

    def _positive(
        self, function: Any, args: Any, kwargs: dict[str, Any], tensors: list[Tensor]
    ) -> bool:
        """Whether what an operator makes can hold no negative value."""
        name = _name(function)
        if name in _NEVER or name in _ZERO:
            return True
        if floor := _floor(function, args, kwargs):
            return floor[0] >= 0 or self._known(args[0])
        if name == "constant_pad_nd":
            return all(map(self._known, (args[0], *args[2:], *kwargs.values())))
        if name not in _KEEP or not tensors:
            return False
        if name in ("add", "sub", "mul", "div", "pow", "fill"):
            return all(map(self._known, (*args, *kwargs.values())))
        return all(map(self._known, tensors))

    def _constant(self, function: Any, operands: list[Tensor]) -> bool:
        """Whether an operator makes the same whenever the model runs."""
        drawn = torch.Tag.nondeterministic_seeded in function.tags
        return not drawn and all(self._of(each).constant for each in operands)

    def _made(
        self, function: Any, into: list[Tensor], before: list[Tensor], out: Any, positive: bool
    ) -> None:
        """Note what an operator has made, or has written ``into``."""
        given = {_key(each) for each in before}
        constant = self._constant(function, before)
        for each in _tensors(out):
            if _key(each) not in given:
                self._of(each, constant, None if constant else positive)
        for each in into:
            memory = self._of(each)
            whole = each.numel() * each.element_size() == each.untyped_storage().nbytes()
            memory.positive = positive and (whole or memory.positive is True)
            memory.constant = constant

    def _used(
        self, function: Any, args: Any, kwargs: dict[str, Any], tensors: list[Tensor]
    ) -> tuple[_Product, Tensor] | None:
        """Say of what an operator reads that it is read; return the sums that it may pass on."""
        if _is_view(function):
            return None
        found = None
        for each in tensors:
            memory = self._of(each)
            for product in memory.read:
                product.spoilt = True
            if product := memory.open:
                memory.open = None
                memory.read.append(product)
                if found is None and sum(_key(t) == _key(each) for t in tensors) == 1:
                    found = product, each
                else:
                    product.spoilt = True
        if found and not self._passes(*found, function, args, kwargs):
            found[0].spoilt = True
            return None
        return found

    def _passes(
        self, product: _Product, sums: Tensor, function: Any, args: Any, kwargs: dict[str, Any]
    ) -> bool:
        """Whether an operator is the ReLU of sums, or changes them filter by filter."""
        floor, name = _floor(function, args, kwargs), _name(function)
        inside = _written(function, args, kwargs)
        if any(each is not sums or each.numel() != _size(product.shape) for each in inside):
            return False
        if (floor and floor[0] >= 0) or name == "relu":
            product.seen = args[0] is sums
            return product.seen
        if product.sums is None or not _aligned(sums, product.shape):
            return False
        if not all(each is sums or self._of(each).constant for each in _tensors((args, kwargs))):
            return False
        return _link(product.sums, name, sums, args, kwargs)

    def _follow(self, product: _Product, sums: Tensor, into: list[Tensor], out: Any) -> None:
        """Go on with the sums where an operator has put them; in place it has replaced them."""
        if into:
            self._of(sums).read.remove(product)
        if not product.seen:
            made = out if isinstance(out, Tensor) else out[0]
            self._of(made).open = product
            product.shape = tuple(made.shape)

    def _product(self, function: Any, args: Any, kwargs: dict[str, Any], out: Any) -> None:
        product = _Product(_signature(function, args), None, ())
        self._products.append(product)
        name, plain = _name(function), not _written(function, args, kwargs)
        bias: Any
        if name in ("convolution", "_convolution"):
            (x, weights, bias), axis = args[:3], 1
        elif name == "mm":
            (x, weights), bias, axis = args[:2], None, -1
        elif name == "addmm":
            (bias, x, weights), axis = args[:3], -1
        else:
            return
        constants = [each for each in (weights, bias) if each is not None]
        if not (plain and all(self._of(each).constant for each in constants)):
            return
        if not self._known(x) or any(e.dtype != torch.float32 for e in (x, *constants)):
            return
        product.sums = Sums(out.shape[axis], out.ndim, axis % out.ndim)
        product.shape = tuple(out.shape)
        product.sums.times(kwargs.get("alpha", 1))
        if bias is not None:
            beta = kwargs.get("beta", 1)
            shape = (-1, *(1,) * (out.ndim - 2)) if axis == 1 else bias.shape
            product.sums.plus(beta * bias.detach().reshape(shape).numpy())
        self._of(out).open = product

    def returned(self, outputs: Any) -> None:
        """Say what the model returns: sums among it are seen by the caller."""
        for each in _tensors(outputs):
            for product in self._of(each).read:
                product.spoilt = True

    def plan(self) -> Plan:
        """Return the products; sums that somebody still keeps are not for the ReLU alone."""
        for memory in self._memory.values():
            if memory.read and not memory.reference.expired():
                for product in memory.read:
                    product.spoilt = True
        steps = [(each.signature, each.rectified()) for each in self._products]
        return Plan(steps, self._trusts)


def _name(function: Any) -> str:
    """Return the name of an operator; that of one in place is the name of the other."""
    name = function.overloadpacket.__name__
    return str(name.removesuffix("_") if function.namespace == "aten" else "")


def _key(tensor: Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)


def _size(shape: Sequence[int]) -> int:
    return int(torch.Size(shape).numel())


def _has_work(args: Sequence[Any]) -> bool:
    """Whether a product has operands: without, it is not simulated."""
    return all(each.numel() for each in args if isinstance(each, Tensor))


def _signature(function: Any, args: Sequence[Any]) -> Any:
    """Return what tells a product from others: operator, shapes."""
    shapes = (tuple(each.shape) for each in args if isinstance(each, Tensor))
    return _name(function), tuple(shapes)


def _no_negative(tensor: Tensor) -> bool:
    """Whether a tensor of numbers holds no negative value."""
    with suppress(RuntimeError, NotImplementedError), torch.no_grad():
        return not bool((tensor < 0).any())
    return False


def _is_view(function: Any) -> bool:
    """Whether an operator only looks at the memory of its operand in another way."""
    infos = [each.alias_info for each in function._schema.returns]
    looks = any(infos) and not any(info and info.is_write for info in infos)
    return looks or _name(function) == "_unsafe_view"


def _tensors(values: Any) -> list[Tensor]:
    return [each for each in pytree.tree_leaves(values) if isinstance(each, Tensor)]


def _written(function: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> list[Tensor]:
    """Return the operands that an operator writes into."""
    declared = function._schema.arguments
    given = {**dict(zip((each.name for each in declared), args, strict=False)), **kwargs}
    written = [each.name for each in declared if each.alias_info and each.alias_info.is_write]
    return _tensors([given.get(name) for name in written])


def _floor(function: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> tuple[float, ...]:
    """Return the least value that an operator lets through, if it has one."""
    names = {"hardtanh": ("min_val", "max_val"), "clamp": ("min", "max"), "clamp_min": ("min",)}
    defaults = {"min_val": -1.0, "max_val": 1.0}
    bounds = [
        args[at] if at < len(args) else kwargs.get(name, defaults.get(name))
        for at, name in enumerate(names.get(_name(function), ()), 1)
    ]
    if not bounds or not isinstance(bounds[0], int | float):
        return ()
    least, *most = bounds
    return () if any(each is not None and not least <= each for each in most) else (least,)


def _aligned(sums: Tensor, shape: tuple[int, ...]) -> bool:
    """Whether sums still have the filters where the product put them."""
    if tuple(sums.shape) == shape:
        return sums.is_contiguous() or sums.is_contiguous(memory_format=torch.channels_last)
    # Rows of matrix products are looked at as tensors with the filters last.
    return len(shape) == 2 and sums.is_contiguous() and sums.shape[-1] == shape[-1]


def _link(sums: Sums, name: str, x: Tensor, args: Sequence[Any], kwargs: dict[str, Any]) -> bool:
    """Change sums as an operator does whose other operands are constant; False if it cannot be."""
    sums.ranked(x.ndim)
    if name in _NORMS:
        if args[5] if name != "_native_batch_norm_legit_no_training" else False:
            return False  # it would take the statistics of the batch
        epsilon = args[-2] if name == "batch_norm" else args[-1]
        weight, bias, mean, variance = args[1:5]
        if args[0] is not x or mean is None or variance is None:
            return False
        one, none = torch.ones_like(mean), torch.zeros_like(mean)
        values = (one if weight is None else weight, none if bias is None else bias)
        sums.normalised(*(each.detach().numpy() for each in (*values, mean, variance)), epsilon)
        return True
    if name == "clone":
        return True
    if name not in ("add", "sub", "mul", "div") or "rounding_mode" in kwargs:
        return False
    first = args[0] is x
    other = args[1] if first else args[0]
    constant = other.detach().double().numpy() if isinstance(other, Tensor) else float(other)
    if name == "mul":
        sums.times(constant)
    elif name == "div":
        if not first:
            return False
        sums.times(1.0 / constant)
    else:
        factor = kwargs.get("alpha", 1) * (-1 if name == "sub" else 1)
        if not first:
            sums.times(factor)
            factor = 1
        sums.plus(factor * constant)
    return True
