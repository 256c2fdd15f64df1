"""The schedules of filters, use case 3 of the paper, for the page docs/validation/sigma.md."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import cairn
from networks import Layer, Timed, layers
from pages import rows, table

SPREAD, SPREADS = 0.5, (0.0, 0.25, 0.5, 1.0)
MULTIPLIERS = 256
FAR = 0.13  # from the paper's cycles, which were digitised
RUNS = {
    "sigma-256": ("none", "random", "largest", "fullest"),
    "sigma-tree-256": ("none", "largest"),
}
Key = tuple[str, str]  # machine and schedule


INTRODUCTION = (
    "## The paper: schedules of filters, use case 3\n\n"
    "256 multipliers, 128 words a cycle. The order of the filters decides which of them share a "
    "fold: the model's order, a random one, the largest that still fits first (the paper's LFF), "
    "and `fullest`, which looks for the filters that fill what is left of a fold best.\n\n"
    "**The weights are not those of the paper**, which pruned trained networks by magnitude; "
    "trained weights are not at hand. These are drawn: a bell-shaped weight times a log-normal "
    f"factor of its filter (standard deviation of the logarithm {SPREAD}), pruned by magnitude "
    "over the whole layer (`cairn.sparse.prune`) to the paper's share of zeros, the same in every "
    "layer. So filters differ in density (one without any weight keeps three zeros), but not as "
    "trained ones do: shapes can be compared, digits not.\n\n"
    "Layers are those of the public architectures (tools/networks.csv), batch 1; BERT is its 12 "
    "encoders on 128 tokens, without the products of activations. Layers of more than 2 million "
    "weights are run in equal parts of their filters. Inputs hold no zeros, which would cost as "
    "much as others.\n\n"
)


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


def speeds_table(sums: dict[str, dict[Key, Timed]]) -> str:
    body = []
    for row in rows("paper-schedules.csv"):
        times = sums[row["network"]]
        found = [speed_up(times, "sigma-256", name) for name in ("random", "largest", "fullest")]
        found.append(speed_up(times, "sigma-tree-256", "largest"))
        found += [float(row["random"]), float(row["largest"])]
        body.append([row["network"], f"{row['sparsity']} %", *(f"{each:.2f}" for each in found)])
    header = ["network", "zeros", "`sigma-256`: random", "largest", "fullest"]
    return table([*header, "`sigma-tree-256`: largest", "paper: random", "largest"], body)


def uses_table(sums: dict[str, dict[Key, Timed]]) -> str:
    body = []
    for row in rows("paper-schedules.csv"):
        cells = []
        for machine in RUNS:
            none, largest = (sums[row["network"]][machine, name] for name in ("none", "largest"))
            cells += [f"{none.cycles:,}", f"{use(none):.2f}, {use(largest):.2f}"]
        shares = ", ".join(f"{float(row[f'use_{name}']):.2f}" for name in ("none", "largest"))
        body.append([row["network"], *cells, f"{int(row['cycles']):,}", shares])
    header = ["network", "`sigma-256`", "use: none, largest", "`sigma-tree-256`", "use"]
    return table([*header, "paper, use case 1", "use, use case 3"], body)


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
        for spread in SPREADS:
            runs = {"sigma-256": ("none", "largest")}
            times = total(list(scheduled(network, sparsity, spread, runs)))
            cells.append(f"{speed_up(times, 'sigma-256', 'largest'):.2f}")
        body.append([network, *cells])
    return table(["spread", *map(str, SPREADS)], body)


def gain(speed: float) -> str:
    """Return a speed-up in per cent."""
    return f"{100 * (speed - 1):.0f} %"


def section(found: dict[str, list[Scheduled]]) -> str:
    sums = {network: total(each) for network, each in found.items()}
    speeds = [speed_up(each, "sigma-256", "largest") for each in sums.values()]
    near = sum(
        abs(sums[row["network"]]["sigma-tree-256", "none"].cycles / int(row["cycles"]) - 1) < FAR
        for row in rows("paper-schedules.csv")
    )
    layered = [each.times for each in found["ResNet-50"]]
    best = [max(speed_up(each, machine, "largest") for each in layered) for machine in RUNS]
    return (
        INTRODUCTION
        + speeds_table(sums)
        + f"\nLargest first is {gain(max(speeds))} faster at most and "
        f"{gain(sum(speeds) / len(speeds))} in the mean on `sigma-256`; the paper says 11 % and "
        "7 %. A random order gains nothing. BERT gains least: its filters keep more weights than "
        f"the array holds, and are cut. Single layers of ResNet-50 gain up to {gain(best[0])}, and "
        f"{gain(best[1])} on the reference-like machine; the paper's fifteen, which it does not "
        "name, up to 36 %.\n\n"
        + uses_table(sums)
        + "\nUse is the multiplications of a weight that is left, over multipliers x cycles; the "
        "paper does not define its own. Cycles are in the model's order. Those of the "
        f"reference-like machine are within {gain(1 + FAR)} of the SIGMA bars of the paper's use "
        f"case 1 (digitised) on {near} of {len(sums)} networks. VGG-16 and BERT are not: there the "
        "paper's use of 0.30 and 0.40 is not that of its own cycles either (15.5 and 10.9 billion "
        "multiplications at 10 and 40 % are 0.50 and 0.27), so its layers, tokens or zeros are "
        "others.\n\n"
        "### The layers of ResNet-50\n\n"
        + layers_table(found["ResNet-50"])
        + "\nThree kinds, as in the paper: filters much smaller than the array, many to a fold, "
        "where no order matters; two to six filters a fold, where more than a quarter of a fold "
        "stays empty in the model's order; and filters larger than the array, which are cut.\n\n"
        "`conv1` shows what no schedule looks at. Its folds are as many in either order, but full "
        "ones of large filters meet more than 128 of the 147 columns, and each position then "
        "takes two cycles. For the same reason `fullest`, which never takes more folds than "
        "`largest`, may take a few more cycles.\n\n"
        "What the spread of the filters makes of it (largest first, `sigma-256`):\n\n"
        + spreads_table()
        + "\n"
    )
