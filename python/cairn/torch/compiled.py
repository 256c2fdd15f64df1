"""``torch.compile(model, backend="cairn")``: a static graph whose products are simulated."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.fx import GraphModule, Interpreter, Node

from cairn.torch.names import Call, Names
from cairn.torch.simulation import current


class _Named(Interpreter):
    """Runs a graph, node by node, and says to which module each belongs."""

    names: Names

    def run_node(self, node: Node) -> Any:
        stack = list((node.meta.get("nn_module_stack") or {}).values())
        self.names.at(_path(stack[-1][0]) if stack else "")
        return super().run_node(node)


def _path(source: str) -> str:
    """Return the path of a module or weight from the expression by which Dynamo found it.

    It writes ``L['self'].layer1[0].conv1``, or ``L['self']._modules['layer1']._modules['0']``.
    """
    source = re.sub(r"^L\['\w+'\]|_modules(?=\[)|_parameters(?=\[)", "", source)
    return ".".join(re.findall(r"\w+", source))


def _source(placeholder: Node) -> str:
    """Return the path of what a graph is given: of a weight, if it is one."""
    argument = placeholder.meta.get("grapharg")
    found = getattr(argument, "source", None)
    name = getattr(found, "name", "")
    return _path(name() if callable(name) else name)


def compile_graph(graph: GraphModule, inputs: Sequence[Any]) -> Callable[..., Any]:
    """Return what runs a traced graph on the simulation that is in force when it is called."""
    interpreter = _Named(graph)
    given = [node for node in graph.graph.nodes if node.op == "placeholder"]
    sources = [_source(node) for node in given]

    def call(*args: Any) -> Any:
        weights = (
            (source, each)
            for source, each in zip(sources, args, strict=True)
            if isinstance(each, Tensor) and source
        )
        simulation = current()
        interpreter.names = simulation.names
        with simulation.names.graph(Call("graph", weights)), simulation.simulating():
            inputs = [each for source, each in zip(sources, args, strict=True) if not source]
            simulation.foresee(lambda: graph(*args), inputs)
            return interpreter.run(*args)

    return call


def register() -> None:
    """Make ``torch.compile(backend="cairn")`` work."""
    if "cairn" not in torch._dynamo.list_backends(exclude_tags=None):
        torch._dynamo.register_backend(compile_graph, name="cairn")
    # The hooks that follow the modules of a device or of a simulation know compiled modules.
    hint = r"Using `torch\.compile\(module\)` when there are global hooks"
    warnings.filterwarnings("ignore", message=hint)
