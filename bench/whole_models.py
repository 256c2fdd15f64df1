"""How long whole PyTorch models take, simulated with their values and natively, in one run.

Each model runs on each machine twice: first its layers are mapped too, then the tiles are known.
The budget is three native inferences and a second.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch

import cairn.torch
from cairn.suites import models, paper

MACHINES = ("tpu-16x16", "maeri-256", "sigma-256")


@dataclass(frozen=True)
class Measured:
    """Seconds of one model on one machine."""

    model: str
    machine: str
    native: float
    first: float
    again: float

    @property
    def budget(self) -> float:
        """Return what a simulation may take, tiles known."""
        return 3 * self.native + 1


def seconds(work: Callable[[], Any]) -> float:
    """Return how long ``work`` takes."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def measured(name: str, machines: tuple[str, ...] = MACHINES) -> Iterator[Measured]:
    """Measure a model of the suite, pruned as in the paper, on each machine."""
    model, inputs = models.build(name)
    cairn.torch.prune(model, paper.PAPER[name]["sparsity"])

    def infer() -> Any:
        with torch.no_grad():
            return model(**inputs) if isinstance(inputs, dict) else model(inputs)

    def simulated(run: cairn.torch.Simulation) -> float:
        with run:
            return seconds(infer)

    infer()
    native = sorted(seconds(infer) for _ in range(5))[2]
    for machine in machines:
        first = cairn.torch.simulate(machine)
        took = simulated(first)
        again = min(simulated(cairn.torch.simulate(machine, tile=first.tiles)) for _ in range(2))
        yield Measured(name, machine, native, took, again)


def main() -> None:
    """Print a table, a line a model and machine, and how much of its budget each takes."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--models", default=",".join(models.MODELS), help="comma-separated")
    parser.add_argument("--machines", default=",".join(MACHINES), help="comma-separated")
    options = parser.parse_args()
    print("| model | machine | native, s | first, s | tiles known, s | of budget |")
    print("|---|---|---|---|---|---|")
    for name in options.models.split(","):
        for each in measured(name, tuple(options.machines.split(","))):
            share = f"{100 * each.again / each.budget:.0f} %"
            times = f"{each.native:.2f} | {each.first:.2f} | {each.again:.2f}"
            print(f"| {each.model} | {each.machine} | {times} | {share} |", flush=True)


if __name__ == "__main__":
    main()
