"""Use case 2 of the paper: four networks on a machine that stops sums early and on its baseline."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cairn
from cairn import compare, energy, machines
from cairn.errors import refusal
from cairn.suites.paper import SCHEMA, Progress, Told, chosen, context, in_turn

ARCHS = "snapea-baseline-64,snapea-64"
PAPER: dict[str, dict[str, Any]] = tomllib.loads(
    Path(__file__).with_name("snapea.toml").read_text()
)
TABLE = "stonne"  # of energy: the paper's

_UNITS = {
    "cycles": "cycles of all layers",
    "operations": "multiplications and additions that were done",
    "accesses": "words read from and written to the global buffer",
    "energy": f"dynamic and static energy by the table '{TABLE}'",
    "speedup": "cycles of the first machine / cycles of this one",
    "ratios": "of this machine / of the first one",
    "paper": "digitised; operations and accesses of the baseline, then of the SNAPEA-like machine",
}

Document = Mapping[str, Any]


def run(
    on: Sequence[cairn.Machine],
    names: Sequence[str] = (),
    evaluator: str = "flow",
    seed: int = 1,
    progress: Progress | None = None,
    energy: cairn.EnergyTable | None = None,
) -> dict[str, Any]:
    """Simulate models of the suite on a baseline and on machines that are held against it.

    Raises E107 for names that are no models, E108 for packages that are missing, E301 for fewer
    than two machines.
    """
    if len(on) < 2:
        remedy = f"--arch {ARCHS}"
        raise refusal("E301", "--arch", "the suite holds machines against a baseline", remedy)

    def simulate(name: str, told: Told) -> dict[str, Any]:
        return model(name, on, evaluator, seed, told, energy)

    found = in_turn(chosen(names, PAPER), len(on), progress, simulate)
    return {
        "schema": SCHEMA,
        "suite": "snapea",
        "context": context(on, evaluator, seed),
        "units": _UNITS,
        "models": found,
    }


def model(
    name: str,
    on: Sequence[cairn.Machine],
    evaluator: str,
    seed: int,
    progress: Told,
    prices: cairn.EnergyTable | None = None,
) -> dict[str, Any]:
    """Simulate one model on all machines."""
    from cairn import torch as cairn_torch  # late: it needs PyTorch
    from cairn.suites import trained

    progress(0, "the CPU")
    workload = cairn_torch.Workload(*trained.build(name, seed))
    runs = [
        workload.run(
            machine,
            progress=lambda *_, at=at: progress(at, on[at].name),
            session=cairn.Session(machine, evaluator, prices),
        )
        for at, machine in enumerate(on)
    ]
    about = PAPER[name]
    results = [each.result for each in runs]
    exact = [each for each, machine in zip(runs, on, strict=True) if not machines.predicts(machine)]
    return {
        "name": name,
        "weights": about["weights"],
        "trained": about["trained"],
        "outputs_agree": all(each.agrees for each in exact),
        "max_abs_difference": max((each.max_abs_difference for each in exact), default=0.0),
        "machines": figures(results),
        "paper": {key: about[key] for key in ("speedup", "energy", "operations", "accesses")},
        "comparison": compare.document(results),
    }


def figures(results: Sequence[Document]) -> list[dict[str, Any]]:
    """Return what a model took on each machine, and how that is to the first."""
    table = cairn.load_energy_table(TABLE)
    found: list[dict[str, Any]] = []
    for result in results:
        layers = result["layers"]
        stops = [layer["early_stop"] for layer in layers if "early_stop" in layer]
        done = sum(layer["multiplications"] for layer in layers)
        done -= sum(each["products_skipped"] for each in stops)
        figure = {
            "machine": result["context"]["machine"]["name"],
            "cycles": result["totals"]["cycles"],
            # Those on their way to a sum that has been left are not added.
            "operations": 2 * done - sum(each["products_wasted"] for each in stops),
            "accesses": sum(layer["buffer_reads"] + layer["buffer_writes"] for layer in layers),
            "energy": energy.price(dict(result), table)["totals"]["energy"]["total"],
            "outputs_stopped": sum(each["outputs_stopped"] for each in stops),
            "layers_checked": sum(each["checked"] for each in stops),
            "layers": len(layers),
        }
        first = found[0] if found else figure
        figure["speedup"] = first["cycles"] / figure["cycles"]
        figure["ratios"] = {
            key: figure[key] / first[key] for key in ("operations", "accesses", "energy")
        }
        found.append(figure)
    return found
