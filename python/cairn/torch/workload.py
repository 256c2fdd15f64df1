"""A model with its inputs, run on one machine or on several, and held against itself on the CPU."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

import cairn
from cairn import agreement, notebook
from cairn.tiles import Tiles
from cairn.torch.prune import prune as prune_weights
from cairn.torch.simulation import simulate


@dataclass(frozen=True)
class Run:
    """What a model computed and what it cost.

    ``outputs`` and ``native_outputs`` are what the model returns, simulated and on the CPU alone;
    ``result`` is the result document, ``tiles`` those of its layers, to be given to another run.
    """

    outputs: Any
    native_outputs: Any
    max_abs_difference: float
    agrees: bool
    result: dict[str, Any]
    tiles: Tiles

    @property
    def count(self) -> int:
        """How many tensors the model returns."""
        return sum(isinstance(each, Tensor) for each in pytree.tree_leaves(self.outputs))

    @property
    def notes(self) -> list[str]:
        """What a reader of the numbers must know."""
        notes: list[str] = self.result["notes"]
        return notes

    def _repr_html_(self) -> str:
        """Show the result as a table in a notebook."""
        return notebook.html(self.result)


class Workload:
    """A model with its inputs and its native outputs. It is put in evaluation mode."""

    def __init__(
        self,
        model: nn.Module,
        inputs: Any,
        *,
        sparsity: float | None = None,
        prune: str | None = None,
    ) -> None:
        """Run the model natively; ``inputs`` is a tensor, a sequence of arguments, or a mapping.

        With a ``sparsity``, or a structure as ``prune``, its weights are pruned in place before:
        see ``cairn.torch.prune``, whose ``per`` is ``prune``.
        """
        self._model = model.eval()
        self._pruning: dict[str, Any] = {}
        if sparsity is not None or prune is not None:
            per = prune or "tensor"
            prune_weights(model, sparsity, per)
            self._pruning = {"sparsity": sparsity, "per": per}
        self._inputs = inputs
        self._native = self._computed()

    def run(
        self,
        machine: str | cairn.Machine = "tpu-16x16",
        evaluator: str = "flow",
        **options: Any,
    ) -> Run:
        """Run it on a machine and compare the outputs; the options are those of ``simulate``."""
        simulation = simulate(machine, evaluator, **options)
        with simulation:
            simulation.foresee(self._computed, self._inputs)
            outputs = self._computed()
        agrees, largest = _agreement(outputs, self._native)
        result = simulation.result
        result["context"] |= {
            **({"pruning": self._pruning} if self._pruning else {}),
            "outputs_agree": agrees,
            "max_abs_difference": largest,
        }
        return Run(outputs, self._native, largest, agrees, result, simulation.tiles)

    def _computed(self) -> Any:
        """Return what the model makes of its inputs, drawing the same random numbers each time."""
        given = self._inputs
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            if isinstance(given, Mapping):
                return self._model(**given)
            arguments = given if isinstance(given, Sequence) else (given,)
            return self._model(*arguments)


def run(
    model: nn.Module, inputs: Any, arch: str | cairn.Machine = "tpu-16x16", **options: Any
) -> Run:
    """Run a model on a machine and on the CPU, and compare the outputs.

    ``inputs`` is a tensor, a sequence of arguments or a mapping of them; the options are those of
    ``Workload`` (sparsity, prune) and of ``Workload.run``. Raises what these raise.
    """
    pruning = {key: options.pop(key) for key in ("sparsity", "prune") if key in options}
    return Workload(model, inputs, **pruning).run(arch, **options)


def _agreement(ours: Any, native: Any) -> tuple[bool, float]:
    """Compare outputs tensor by tensor: within the rounding of their types, integers exactly."""
    mine, theirs = pytree.tree_leaves(ours), pytree.tree_leaves(native)
    agrees, largest = len(mine) == len(theirs), 0.0
    for a, b in zip(mine, theirs, strict=False):
        if isinstance(a, Tensor) and isinstance(b, Tensor):
            if a.dtype != b.dtype:
                agrees = False
                continue
            half = b.dtype in (torch.bfloat16, torch.float16)
            arrays = (each.detach().cpu() for each in (a, b))  # NumPy knows no bfloat16
            arrays = ((each.float() if half else each).numpy() for each in arrays)
            found = agreement.of(*arrays, rounding=torch.finfo(b.dtype).eps if half else None)
            agrees, largest = agrees and found.agrees, max(largest, found.largest)
    return agrees, largest
