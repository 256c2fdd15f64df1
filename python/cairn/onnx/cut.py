"""Cutting a graph into stages: maximal host segments with the simulated nodes between them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import onnx

from cairn.onnx import graph as graphs


@dataclass
class Stage:
    """Host nodes that run together, then the simulated nodes that are ready after them."""

    host: list[onnx.NodeProto] = field(default_factory=list)
    simulated: list[onnx.NodeProto] = field(default_factory=list)


def live(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """Return the nodes that an output of the graph depends on, in topological order."""
    wanted = {output.name for output in graph.output}
    kept = []
    for node in reversed(graph.node):
        if wanted.intersection(graphs.writes(node)):
            kept.append(node)
            wanted.update(graphs.reads(node))
    return kept[::-1]


def stages(
    nodes: list[onnx.NodeProto],
    is_simulated: Callable[[onnx.NodeProto], bool] = graphs.is_simulated,
) -> list[Stage]:
    """Put each node in the earliest stage where its inputs exist.

    A host node runs one stage after the simulated nodes that it reads; this makes the fewest
    segments.
    """
    available: dict[str, int] = {}
    cut: list[Stage] = []
    for node in nodes:
        at = max((available.get(name, 0) for name in graphs.reads(node)), default=0)
        while len(cut) <= at:
            cut.append(Stage())
        simulated = is_simulated(node)
        (cut[at].simulated if simulated else cut[at].host).append(node)
        for name in graphs.writes(node):
            available[name] = at + 1 if simulated else at
    return cut


class Uses:
    """How often each tensor is still to be read, so that it can be freed in time."""

    def __init__(self, nodes: list[onnx.NodeProto], kept: set[str]) -> None:
        """Count the reads of ``nodes``; tensors in ``kept`` are never freed."""
        self._left = Counter(name for node in nodes for name in graphs.reads(node))
        self._kept = kept

    def wanted_after(self, nodes: list[onnx.NodeProto]) -> list[str]:
        """Return the outputs of ``nodes`` that somebody else reads."""
        inside = Counter(name for node in nodes for name in graphs.reads(node))
        made = [name for node in nodes for name in graphs.writes(node)]
        return [name for name in made if name in self._kept or self._left[name] > inside[name]]

    def finish(self, node: onnx.NodeProto) -> Iterator[str]:
        """Note that a node has run; yield the tensors that nobody reads any more."""
        for name in graphs.reads(node):
            self._left[name] -= 1
            if self._left[name] == 0 and name not in self._kept:
                yield name
