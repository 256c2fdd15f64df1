"""What use case 2 shows: each machine beside its baseline and the paper's bars."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from cairn import tables
from cairn.suites.report import below
from cairn.tables import Column

Document = Mapping[str, Any]

RATIOS = ("operations", "accesses", "energy")


def view(document: Document) -> RenderableType:
    """Build the table, the verdict on the outputs, and where the weights are from."""
    key = (
        "paper: digitised; speed-up: cycles of the baseline / cycles; operations, accesses to the "
        "buffer, energy: shares of the baseline's"
    )
    return Group(
        tables.assembled([*_columns(document)]),
        Text(key, style="dim"),
        *(Text(line, style="bold") for line in means(document)),
        Text(agreement(document)),
        Text("weights:"),
        *(Text(f"- {model['name']}: {model['weights']}") for model in document["models"]),
    )


def compared(document: Document) -> list[tuple[Document, Document]]:
    """Return (model, figures) of every machine but the baselines."""
    return [(model, each) for model in document["models"] for each in model["machines"][1:]]


def published(model: Document, key: str) -> float:
    """Return a ratio of the paper's: of the SNAPEA-like machine to its baseline."""
    value = model["paper"][key]
    return float(value[1] / value[0] if isinstance(value, list) else value)


def _columns(document: Document) -> Iterator[Column]:
    rows = compared(document)
    new = [each is model["machines"][1] for model, each in rows]
    yield Column(
        "model", [model["name"] * first for (model, _), first in zip(rows, new, strict=True)] + [""]
    )
    yield Column("machine", [each["machine"] for _, each in rows] + [""])
    yield Column("cycles", [f"{each['cycles']:,}" for _, each in rows] + [""], right=True)
    yield _beside(
        "speed-up", [(each["speedup"], published(model, "speedup")) for model, each in rows]
    )
    for key in RATIOS:
        yield _beside(key, [(each["ratios"][key], published(model, key)) for model, each in rows])
    stops = [(each["layers_checked"], each["layers"]) for _, each in rows]
    yield Column(
        "layers\nchecked", [f"{some} of {all_}" for some, all_ in stops] + [""], right=True
    )
    yield Column(
        "outputs\nstopped", [f"{each['outputs_stopped']:,}" for _, each in rows] + [""], right=True
    )


def _beside(title: str, pairs: list[tuple[float, float]]) -> Column:
    return Column(
        f"{title}\n(paper)",
        [f"{own:.2f} ({theirs:.2f})" for own, theirs in pairs] + [""],
        right=True,
    )


def means(document: Document) -> Iterator[str]:
    """Say what a machine is to its baseline on the mean of the models, and in the paper."""
    models = document["models"]
    for at, figures in enumerate(models[0]["machines"][1:], 1):
        rows = [(model, model["machines"][at]) for model in models]
        faster, paper = (
            sum(values) / len(rows)
            for values in (
                [each["speedup"] for _, each in rows],
                [published(model, "speedup") for model, _ in rows],
            )
        )
        less = ", ".join(
            f"{key} {_less(rows, key, own=True)} ({_less(rows, key, own=False)})" for key in RATIOS
        )
        yield (
            f"{figures['machine']}, mean of {len(rows)} model{'s' * (len(rows) > 1)}: "
            f"{faster:.2f} times as fast (paper {paper:.2f}), {less}"
        )


def _less(rows: list[tuple[Document, Document]], key: str, own: bool) -> str:
    """Return the mean change of a ratio, here or in the paper."""
    values = [each["ratios"][key] if own else published(model, key) for model, each in rows]
    return f"{sum(values) / len(values) - 1:+.0%}"


def agreement(document: Document) -> str:
    """Say whether the outputs of the models equal their own."""
    models = document["models"]
    wrong = [model["name"] for model in models if not model["outputs_agree"]]
    if wrong:
        return f"outputs of {', '.join(wrong)} DO NOT AGREE WITH the models' own on the CPU"
    gap = max(model["max_abs_difference"] for model in models)
    return (
        "outputs equal the models' own on the CPU, on every machine that predicts nothing "
        f"({below(gap)})"
    )
