"""The schedules of filters, use case 3 of the paper, for the page docs/validation/sigma.md."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import cairn
from networks import Layer, Timed, layers
from pages import rows, table

SPREAD = 0.5
MULTIPLIERS = 256
RUNS = {
    "sigma-256": ("none", "random", "largest", "fullest"),
    "sigma-tree-256": ("none", "largest"),
}
Key = tuple[str, str]  # machine and schedule


@dataclass(frozen=True)
class Scheduled:
    """A layer, the non-zeros of its filters, and what it takes on each machine and schedule."""

    layer: Layer
    least: int
    most: int
    times: dict[Key, Timed]


def scheduled(network: str, sparsity: float, spread: float, runs=RUNS) -> Iterator[Scheduled]:
    """Simulate the layers of a network, pruned, in the order of each schedule."""
    machines = {name: cairn.load_machine(name) for name in runs}
    for seed, layer in enumerate(layers(network), 1):
        weights = layer.pruned(sparsity, spread, seed)
        left = (weights != 0).sum(axis=2)
        yield Scheduled(
            layer,
            int(left.min()),
            int(left.max()),
            {
                (name, schedule): layer.timed(machines[name], weights, schedule)
                for name, schedules in runs.items()
                for schedule in schedules
            },
        )


def total(found: list[Scheduled]) -> dict[Key, Timed]:
    """Add up the layers of a network."""
    sums: dict[Key, list[int]] = defaultdict(lambda: [0, 0, 0])
    for each in found:
        for key, time in each.times.items():
            parts = (time.cycles, time.folds, time.products)
            sums[key] = [before + part for before, part in zip(sums[key], parts, strict=True)]
    return {key: Timed(*values) for key, values in sums.items()}


def speed_up(times: dict[Key, Timed], machine: str, schedule: str) -> float:
    """Return how many times faster a schedule is than the model's order."""
    return times[machine, "none"].cycles / times[machine, schedule].cycles


def use(time: Timed) -> float:
    """Return the share of multipliers that multiply, over all cycles."""
    return time.products / (MULTIPLIERS * time.cycles)


def networks_table(found: dict[str, list[Scheduled]]) -> str:
    body = []
    for row in rows("paper-schedules.csv"):
        times = total(found[row["network"]])
        sigma = {name: times["sigma-256", name] for name in RUNS["sigma-256"]}
        tree = {name: times["sigma-tree-256", name] for name in RUNS["sigma-tree-256"]}
        body.append(
            [
                row["network"],
                f"{row['sparsity']} %",
                f"{sigma['none'].cycles:,}",
                *(f"{speed_up(times, 'sigma-256', name):.2f}" for name in list(sigma)[1:]),
                f"{use(sigma['none']):.2f}, {use(sigma['largest']):.2f}",
                f"{tree['none'].cycles:,}",
                f"{speed_up(times, 'sigma-tree-256', 'largest'):.2f}",
                f"{use(tree['none']):.2f}, {use(tree['largest']):.2f}",
                f"{int(row['cycles']):,}",
                f"{float(row['random']):.2f}",
                f"{float(row['largest']):.2f}",
                f"{float(row['use_none']):.2f}, {float(row['use_largest']):.2f}",
            ]
        )
    header = ["network", "zeros", "`sigma-256`", "random", "largest", "fullest", "use"]
    header += ["`sigma-tree-256`", "largest", "use"]
    return table([*header, "paper", "random", "largest", "use"], body)


def layers_table(found: list[Scheduled]) -> str:
    ordered = sorted(found, key=lambda each: -speed_up(each.times, "sigma-256", "largest"))
    body = []
    for each in ordered:
        layer, times = each.layer, each.times
        none, largest = (times["sigma-256", name] for name in ("none", "largest"))
        copies = layer.times * layer.parts
        body.append(
            [
                layer.name,
                f"{layer.positions}x{layer.filters}x{layer.terms}",
                f"{each.least} to {each.most}",
                *(times["sigma-256", name].folds // copies for name in RUNS["sigma-256"]),
                *(
                    f"{speed_up(times, 'sigma-256', name):.2f}"
                    for name in ("random", "largest", "fullest")
                ),
                f"{use(none):.2f}, {use(largest):.2f}",
                f"{speed_up(times, 'sigma-tree-256', 'largest'):.2f}",
            ]
        )
    header = ["layer", "positions x filters x terms", "non-zeros of a filter", "folds", "random"]
    header += ["largest", "fullest", "speed-up: random", "largest", "fullest", "use"]
    return table([*header, "`sigma-tree-256`: largest"], body)


def spreads_table() -> str:
    body = []
    for network, sparsity in (("SqueezeNet", 0.7), ("BERT", 0.6)):
        cells = []
        for spread in (0.0, 0.25, 0.5, 1.0):
            runs = {"sigma-256": ("none", "random", "largest")}
            times = total(list(scheduled(network, sparsity, spread, runs)))
            pair = (speed_up(times, "sigma-256", name) for name in ("random", "largest"))
            cells.append(", ".join(f"{each:.2f}" for each in pair))
        body.append([network, *cells])
    return table(["random, largest; spread:", "0", "0.25", "0.5", "1"], body)
