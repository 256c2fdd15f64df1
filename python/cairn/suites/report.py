"""What a suite shows: the table beside the paper, the orders, and what differs and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import floor, log10
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from cairn import effective, tables
from cairn.suites.paper import is_weighted
from cairn.tables import Column

Document = Mapping[str, Any]


def view(document: Document) -> RenderableType:
    """Build the table, the verdicts on order and outputs, and the reasons."""
    key = (
        "paper: cycles of its TPU, MAERI or SIGMA, digitised; >=: the bar is cut off; ratio: "
        "cycles here / there; *: the fewest, here and there"
    )
    return Group(
        tables.assembled([*_columns(document)]),
        Text(tables.EFFECTIVE_KEY, style="dim"),
        Text(key, style="dim"),
        *(Text(line, style="bold") for line in orders(document)),
        Text(agreement(document)),
        Text("what differs, and why:"),
        *(Text(f"- {line}") for line in reasons(document)),
    )


def _columns(document: Document) -> Iterator[Column]:
    rows = [(model, each) for model in document["models"] for each in model["machines"]]
    first = [each is model["machines"][0] for model, each in rows]
    cells = {
        "model": [model["name"] * new for (model, _), new in zip(rows, first, strict=True)],
        "zeros": [
            f"{model['sparsity']:.0%}" * new for (model, _), new in zip(rows, first, strict=True)
        ],
        "machine": [each["machine"] for _, each in rows],
        "cycles": [_starred(model, each, "cycles") for model, each in rows],
        "dense\nutil %": [_percent(each["utilisation"]) for _, each in rows],
        "effect.\nutil %": [_percent(each[effective.UTILISATION]) for _, each in rows],
        "paper": [_starred(model, each, "paper_cycles") for model, each in rows],
        "ratio": [f"{each['cycles'] / each['paper_cycles']:.3f}" for _, each in rows],
    }
    for title, column in cells.items():
        yield Column(title, [*column, ""], right=title not in ("model", "machine"))


def _starred(model: Document, figures: Document, key: str) -> str:
    """Write cycles, with a star if they are the fewest of the model's."""
    fewest = min(each[key] for each in model["machines"])
    least = ">=" * (key == "paper_cycles" and figures["at_least"])
    return f"{'*' if figures[key] == fewest else ''}{least}{figures[key]:,}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f}"


def orders(document: Document) -> Iterator[str]:
    """Say on how many models machines come in as in the paper, and where they do not."""
    for found in document["orders"]:
        names, order = found["machines"], found["fastest_first"]
        same, won = found["same_order"], found["same_winner"]
        others = [
            f"{name} ({' < '.join(names[role] for role in order[name])})"
            for name in order
            if name not in same
        ]
        rest = f"; not {', '.join(others)}" if others else ""
        yield (
            f"{', '.join(names.values())}: the fastest is the paper's on {len(won)} of "
            f"{len(order)} models, the order on {len(same)}{rest}"
        )


def below(gap: float) -> str:
    """Return which power of ten a difference is below: processors round differently."""
    if gap == 0:
        return "no difference"
    return f"max abs difference below {10.0 ** (floor(log10(gap)) + 1):.0e}"


def agreement(document: Document) -> str:
    """Say whether the outputs of the models equal their own."""
    models = document["models"]
    wrong = [model["name"] for model in models if not model["outputs_agree"]]
    if wrong:
        return f"outputs of {', '.join(wrong)} DO NOT AGREE WITH the pruned models' own on the CPU"
    gap = max(model["max_abs_difference"] for model in models)
    what = (
        "outputs of the model equal its"
        if len(models) == 1
        else f"outputs of the {len(models)} models equal the pruned models'"
    )
    return f"{what} own on the CPU, on every machine ({below(gap)})"


def reasons(document: Document) -> Iterator[str]:
    """Say what differs between the paper's runs and these, and why."""
    models = document["models"]
    for model in models:
        yield f"{model['name']}: {model['shapes']} ({model['source']})"
    for model in models:
        aside = [(each["machine"], each["other_cycles"]) for each in model["machines"]]
        if any(cycles for _, cycles in aside):
            added = ", ".join(f"{cycles:,} on {machine}" for machine, cycles in aside)
            yield (
                f"{model['name']}: the products of two activations are simulated, but not in these "
                f"cycles, nor in the paper's, which fit without: {added}"
            )
    yield (
        "weights: random initial ones, pruned by magnitude layer by layer, so filters keep nearly "
        "as many weights each; those of the paper were trained"
    )
    for index, figures in enumerate(models[0]["machines"]):
        name = figures["machine"]
        if name in _MACHINES:
            yield f"{name}: {_MACHINES[name].format(halved=halved(index, models))}"


# What the machines have to do with those of the paper; docs/validation/use-case-1.md shows why.
_MACHINES = {
    "tpu-16x16": "the paper's array, 32 words a cycle at most; equal shapes, equal cycles",
    "maeri-256": (
        "each of the 128 links of its tree feeds two multipliers, so layers whose windows do not "
        "overlap keep half of them busy at most, in any tile: {halved}. The paper's bars are above "
        "that: maeri-256-wide"
    ),
    "maeri-256-wide": (
        "128 words a cycle too, and a link for every multiplier. The mapper finds better tiles "
        "than the paper's, which it does not print"
    ),
    "sigma-256": (
        "distribution and reduction networks of the SIGMA paper; the bars are those of the "
        "reference's tree, sigma-tree-256, where two multipliers share a link and sums share "
        "result lines"
    ),
    "sigma-tree-256": "the public reference's sparse machine, which the paper's bars are of",
}


def halved(index: int, models: list[Document]) -> str:
    """Return how much work is in layers without overlapping windows, and their utilisation."""
    layers = [
        layer
        for model in models
        for layer in model["comparison"]["results"][index]["layers"]
        if is_weighted(layer)
    ]
    apart = [layer for layer in layers if not overlaps(layer)]
    work = sum(layer["multiplications"] for layer in layers)
    share = sum(layer["multiplications"] for layer in apart) / work
    most = max((layer["utilisation"] for layer in apart), default=0.0)
    return f"here {share:.0%} of the work, at {most:.1%} at most"


def overlaps(layer: Document) -> bool:
    """Whether neighbouring windows of a convolution share inputs."""
    sizes = layer["sizes"]
    if layer["operation"] != "conv":
        return False
    return any(size > step for size, step in zip(sizes["kernel"], sizes["stride"], strict=True))
