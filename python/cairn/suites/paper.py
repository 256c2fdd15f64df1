"""Use case 1 of the paper: seven pruned models on its three machines, beside its figures."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import cairn
from cairn import compare, effective, machines
from cairn.errors import CairnError, diagnostic, nearest

SCHEMA = "cairn.suite/1"
ARCHS = "tpu-16x16,maeri-256,sigma-256,maeri-256-wide,sigma-tree-256"
ROLES = ("TPU", "MAERI", "SIGMA")

PAPER: dict[str, dict[str, Any]] = tomllib.loads(Path(__file__).with_name("paper.toml").read_text())

_UNITS = {
    "cycles": "cycles of the products of a weight; those of two activations are in other_cycles",
    "paper_cycles": "cycles in the paper, digitised; at_least: the bar ends at the axis",
    "utilisation": "multiplications / (multipliers x cycles); above 1 where zeros are left out",
    "effective_utilisation": "multiplications of two non-zeros / (multipliers x cycles)",
    "sparsity": "share of zeros among the weights of each layer, 0 to 1",
}

Document = Mapping[str, Any]
Rounds = Callable[[int, int], None]
# Told (runs done, all runs, what runs) when a layer starts; may return a callback for its rounds.
Progress = Callable[[int, int, str], Rounds | None]
Told = Callable[[int, str], Rounds | None]  # machines done, and the one at hand


def role(machine: cairn.Machine) -> str:
    """Return the paper's machine that a machine stands for."""
    if machines.is_sparse(machine):
        return "SIGMA"
    return "TPU" if machines.family(machine) == "systolic" else "MAERI"


def chosen(names: Sequence[str], of: Mapping[str, Any] = PAPER) -> list[str]:
    """Return the models with these names, whatever their case, in the paper's order; none: all.

    Raises E107 for names that are no models.
    """
    known = {name.lower(): name for name in of}
    faults = [
        diagnostic("E107", name, "no model of the suite", nearest(name, of, ", ".join(of)))
        for name in names
        if name.lower() not in known
    ]
    if faults:
        raise CairnError(faults)
    wanted = {known[name.lower()] for name in names} or set(of)
    return [name for name in of if name in wanted]


def run(
    on: Sequence[cairn.Machine],
    names: Sequence[str] = (),
    evaluator: str = "flow",
    seed: int = 1,
    progress: Progress | None = None,
    energy: cairn.EnergyTable | None = None,
) -> dict[str, Any]:
    """Simulate models of the suite, all of them by default, on machines; return the document."""

    def simulate(name: str, told: Told) -> dict[str, Any]:
        return model(name, on, evaluator, seed, told, energy)

    found = in_turn(chosen(names), len(on), progress, simulate)
    return {
        "schema": SCHEMA,
        "suite": "paper",
        "context": context(on, evaluator, seed),
        "units": _UNITS,
        "models": found,
        "orders": [order(found, each) for each in trios(on)],
    }


def in_turn(
    names: Sequence[str],
    machines: int,
    progress: Progress | None,
    simulate: Callable[[str, Told], dict[str, Any]],
) -> list[dict[str, Any]]:
    """Simulate models one after the other; each tells how many of its machines are done."""
    found = []
    for at, name in enumerate(names):

        def told(done: int, where: str, at: int = at, name: str = name) -> Rounds | None:
            what = f"{name} {at + 1}/{len(names)} on {where}"
            return progress(at * machines + done, len(names) * machines, what) if progress else None

        found.append(simulate(name, told))
    return found


def context(on: Sequence[cairn.Machine], evaluator: str, seed: int) -> dict[str, Any]:
    """Return what is needed to run a suite again."""
    return {
        "version": cairn.__version__,
        "evaluator": evaluator,
        "seed": seed,
        "machines": [machine.describe() for machine in on],
    }


def model(
    name: str,
    on: Sequence[cairn.Machine],
    evaluator: str,
    seed: int,
    progress: Told,
    energy: cairn.EnergyTable | None = None,
) -> dict[str, Any]:
    """Simulate one model on all machines."""
    from cairn import torch as cairn_torch  # late: it needs PyTorch
    from cairn.suites import models

    about = PAPER[name]
    progress(0, "the CPU")
    network, inputs = models.build(name, seed)
    workload = cairn_torch.Workload(network, inputs, sparsity=about["sparsity"])
    runs = [
        workload.run(
            machine,
            progress=lambda *_, at=at: progress(at, on[at].name),
            session=cairn.Session(machine, evaluator, energy),
        )
        for at, machine in enumerate(on)
    ]
    results = [run.result for run in runs]
    return {
        "name": name,
        **{key: about[key] for key in ("source", "shapes", "sparsity")},
        "outputs_agree": all(run.agrees for run in runs),
        "max_abs_difference": max(run.max_abs_difference for run in runs),
        "machines": [*_figures(about, on, results)],
        "comparison": compare.document(results),
    }


def is_weighted(layer: Document) -> bool:
    """Whether a layer is a product of a weight, not one of two activations."""
    return ":" not in layer["name"]


def _figures(
    about: Document, on: Sequence[cairn.Machine], results: Sequence[Document]
) -> Iterator[dict[str, Any]]:
    """Yield what a model took on each machine: the layers of weights, as in the paper."""
    weighted = [[each for each in result["layers"] if is_weighted(each)] for result in results]
    counts = [[each.get(effective.COUNT) for each in layers] for layers in weighted]
    known = next((sum(each) for each in counts if None not in each), None)
    for machine, layers, result in zip(on, weighted, results, strict=True):
        cycles, work = (sum(each[key] for each in layers) for key in ("cycles", "multiplications"))
        room = machines.multipliers(machine) * cycles
        plays = role(machine)
        yield {
            "machine": machine.name,
            "role": plays,
            "cycles": cycles,
            "other_cycles": result["totals"]["cycles"] - cycles,
            "utilisation": work / room,
            effective.UTILISATION: None if known is None else known / room,
            "paper_cycles": about["cycles"][plays],
            "at_least": plays in about.get("clipped", ()),
        }


def trios(on: Sequence[cairn.Machine]) -> list[dict[str, str]]:
    """Return the first machine of each role, then the second (or the only one), and so on."""
    names = {each: [machine.name for machine in on if role(machine) == each] for each in ROLES}
    if not all(names.values()):
        return []
    most = max(map(len, names.values()))
    return [
        {each: named[min(at, len(named) - 1)] for each, named in names.items()}
        for at in range(most)
    ]


def order(models: Sequence[Document], trio: Mapping[str, str]) -> dict[str, Any]:
    """Compare the order of three machines on each model with the paper's, the fastest first."""
    found, paper = {}, {}
    for each in models:
        cycles = {figures["machine"]: figures["cycles"] for figures in each["machines"]}
        found[each["name"]] = sorted(ROLES, key=lambda name: cycles[trio[name]])
        paper[each["name"]] = sorted(ROLES, key=PAPER[each["name"]]["cycles"].__getitem__)
    return {
        "machines": dict(trio),
        "same_order": [name for name in found if found[name] == paper[name]],
        "same_winner": [name for name in found if found[name][0] == paper[name][0]],
        "fastest_first": found,
    }
