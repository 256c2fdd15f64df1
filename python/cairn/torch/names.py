"""Which module of a model a product belongs to: the name of its layer.

Hooks on all modules follow the calls. A product with a weight has the name of the weight's module
(``layer3.0.conv2``), or of the weight if its module has several (``attention.in_proj``); a product
of two activations has the name of the module that computes it and says what it is
(``encoder.layer.0.attention.self:scores``).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor
from torch._dynamo.eval_frame import OptimizedModule
from torch.nn import Module
from torch.nn.modules import module as hooks

from cairn.torch.host import hosted


class Call:
    """A call of a model, with the names of its weights, by which its layers are known."""

    def __init__(self, name: str, weights: Iterable[tuple[str, Tensor]]) -> None:
        """Begin a call of the model ``name``, whose ``weights`` may share memory."""
        self.name = name
        self._weights: dict[int, list[str]] = {}
        for path, weight in weights:
            self._weights.setdefault(_memory(weight), []).append(path)
        owners = {_owner(path) for paths in self._weights.values() for path in paths}
        inner = {_owner(owner) for owner in owners if owner}
        self._simple = owners - inner

    def layer(self, path: str, what: str, operands: Iterable[Tensor]) -> str:
        """Name the product ``what`` of two operands that the module at ``path`` computes."""
        for operand in operands:
            if names := self._weights.get(_memory(operand)):
                own = (name for name in names if _owner(name) == path)
                return _layer_of(next(own, names[0])) or self.name
        if path in self._simple:
            return path or self.name  # its weight was cast on the way
        return f"{path}:{what}" if path else what


class Names:
    """Follows the calls of modules, and names the products in them."""

    def __init__(self) -> None:
        self.calls: list[Call] = []  # those that have computed a product
        self._call: Call | None = None
        self._modules: list[Module] = []
        self._paths: dict[int, str] = {}
        self._graph_path: str | None = None  # in a traced graph, which calls no modules
        self._paused = False
        # Told of a call of an outermost module before it runs: its arguments by place and name.
        self.entering: Callable[[Module, Any, Any], None] = lambda *_: None

    def follow(self) -> ExitStack:
        """Follow the calls of all modules, until what is returned is closed."""
        stack = ExitStack()
        for hook in (
            hooks.register_module_forward_pre_hook(self._enter),
            hooks.register_module_forward_hook(self._leave, always_call=True),
        ):
            stack.callback(hook.remove)
        return stack

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Follow no calls."""
        before, self._paused = self._paused, True
        try:
            yield
        finally:
            self._paused = before

    @contextmanager
    def graph(self, call: Call) -> Iterator[None]:
        """Run a traced graph, which is a ``call`` of a model."""
        before = self._call, self._graph_path
        self._call, self._graph_path = call, ""
        try:
            yield
        finally:
            self._call, self._graph_path = before

    def at(self, path: str) -> None:
        """Say that the graph goes on in the module at ``path``."""
        self._graph_path = path

    def name(self, what: str, operands: tuple[Tensor, ...]) -> tuple[str, int]:
        """Name a product ``what`` of its operands; also tell its call, -1 outside of any model."""
        if self._graph_path is not None:
            path = self._graph_path
        elif self._modules:
            if self._call is None:
                self._call = _call_of(self._modules[0])
                self._paths = {id(each): path for path, each in self._modules[0].named_modules()}
            module = self._modules[-1]
            path = self._paths.get(id(module), type(module).__name__)  # some are made on the fly
        else:
            return what, -1
        assert self._call is not None
        if not self.calls or self.calls[-1] is not self._call:
            self.calls.append(self._call)
        return self._call.layer(path, what, operands), len(self.calls) - 1

    def _enter(self, module: Module, inputs: Any) -> None:
        if self._ignored(module):
            return
        if not self._modules:
            self._call = None
            # Hooks for all modules are told of arguments by place alone; the others are in the
            # frame of PyTorch's that calls them.
            self.entering(module, inputs, sys._getframe(1).f_locals.get("kwargs"))
        self._modules.append(module)

    def _leave(self, module: Module, *_: Any) -> None:
        if self._ignored(module):
            return
        # An exception may have passed calls by whose hooks were never told.
        while self._modules and self._modules.pop() is not module:
            pass

    def _ignored(self, module: Module) -> bool:
        tracing = torch.compiler.is_compiling() or isinstance(module, OptimizedModule)
        return self._paused or tracing


def _call_of(root: Module) -> Call:
    return Call(type(root).__name__, root.named_parameters(remove_duplicate=False))


def _memory(tensor: Tensor) -> int:
    """Return what tells the memory of a tensor from all others."""
    host = hosted(tensor)
    return host.untyped_storage()._cdata if host.layout is torch.strided else id(host)


def _owner(path: str) -> str:
    """Return the path of the module that a weight, or a module, is in."""
    return path.rpartition(".")[0]


def _layer_of(path: str) -> str:
    """Name the layer of a weight: that of ``attention.in_proj_weight`` is attention.in_proj."""
    return path.removesuffix("weight").rstrip("._") or _owner(path)
