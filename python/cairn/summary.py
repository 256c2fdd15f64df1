"""What a result says in a few lines: where the cycles went, the layers to begin with, the part.

Everything here is computed from a result document; a field that it lacks is not spoken of.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cairn
from cairn import effective, energy
from cairn.errors import CairnError

Document = Mapping[str, Any]

# The seven states of a unit, in the order in which they are told, each with its mark in a bar.
STATES = {
    "busy": "busy",
    "operand": "waiting for operands",
    "port": "waiting for a port or line",
    "readout": "waiting for results to leave",
    "reconfiguring": "reconfiguring",
    "draining": "draining",
    "idle": "without work",
}
_MARKS = dict(zip(STATES, "█▓▒◆┅┄░", strict=True))
_BAR = 32

# What bounds a layer: how it is called, and the slot whose parameters change it.
_RESOURCES = {
    "compute": ("the multipliers", "multiplier"),
    "distribution": ("the distribution network", "distribution"),
    "collection": ("the collection network", "collection"),
    "writeback": ("the write-back", "writeback"),
    "drain": ("the begin and the end of rounds", "memory"),
}

# Units of parameters that say how much of something there is: twice as much helps.
_AMOUNTS = ("words/cycle", "results/cycle", "multipliers", "elements")

# Of the memory controllers: what lets a round follow the last one sooner, with the better value.
SOONER = {"overlap": "true", "fold_barrier": "false", "row_barrier": "false"}

_MOST_LAYERS = 3
_AVOIDABLE = (
    "most avoidable cycles, cycles x (1 - utilisation), which all multipliers at work would save:"
)


@dataclass(frozen=True)
class Costly:
    """A layer with the cycles that it would not take if all multipliers were always at work."""

    number: int
    name: str
    cycles: int
    avoidable: float
    reason: str


@dataclass(frozen=True)
class Lever:
    """A parameter that changes what bounds the work: its value now, and one to try."""

    name: str
    now: str
    then: str
    unit: str


@dataclass(frozen=True)
class Resource:
    """What alone would take most of the cycles: its key in ``bound``.

    ``share``: of all cycles, those that it alone would take. ``layers``: how many it bounds.
    Without a ``lever``, ``cairn describe`` says of ``term`` what else helps.
    """

    by: str
    share: float
    layers: int
    lever: Lever | None
    term: str

    @property
    def name(self) -> str:
        """What it is called."""
        return _called(self.by)


def avoidable(layer: Document) -> float:
    """Return cycles x (1 - utilisation), by the effective utilisation where that is known."""
    share = layer.get(effective.UTILISATION)
    share = layer["utilisation"] if share is None else share
    return float(layer["cycles"] * (1 - min(share, 1.0)))


def states(layers: Iterable[Document]) -> dict[str, float]:
    """Return the share of the multipliers' cycles in each state; empty if a layer tells none."""
    total: Counter[str] = Counter()
    for layer in layers:
        told = layer.get("activity", {}).get("multiplier")
        if told is None:
            return {}
        total.update({state: told[state] for state in STATES})
    whole = total.total()
    return {state: total[state] / whole for state in STATES} if whole else {}


def costliest(layers: Sequence[Document]) -> list[Costly]:
    """Return up to three layers, those with the most avoidable cycles, each with its reason."""
    order = sorted(enumerate(layers, 1), key=lambda each: -avoidable(each[1]))
    return [
        Costly(number, each["name"], each["cycles"], avoidable(each), _reason(each))
        for number, each in order[:_MOST_LAYERS]
        if avoidable(each) >= 1
    ]


def _reason(layer: Document) -> str:
    """Say what the multipliers did instead, and what bounds the layer, as far as it is known."""
    shares = states([layer])
    shares.pop("busy", None)
    words = []
    if shares and max(shares.values()) > 0:
        state = max(shares, key=shares.__getitem__)
        words.append(f"multipliers {percent(shares[state])} {STATES[state]}")
    bound = layer.get("bound", {})
    if bound:
        words.append(f"bound by {_called(bound['by'])}")
    return ", ".join(words)


def _called(by: str) -> str:
    return _RESOURCES.get(by, (by, ""))[0]


def resource(document: Document) -> Resource | None:
    """Return what bounds the whole; None if a layer does not tell what bounds it."""
    bounds = [layer.get("bound") for layer in document["layers"]]
    cycles = document["totals"]["cycles"]
    if None in bounds or not cycles:
        return None
    alone: Counter[str] = Counter()
    for bound in bounds:
        alone.update(bound["cycles"])
    by = max((*_RESOURCES, *alone), key=alone.__getitem__)  # of equals the first, as in a layer
    found = by, alone[by] / cycles, sum(bound["by"] == by for bound in bounds)
    shares = states(document["layers"])
    if by == "compute" and shares.get("idle", 0) > shares.get("busy", 1):
        return Resource(*found, None, "idle")  # more multipliers would have no work, either
    return Resource(*found, next(levers(document["context"]["machine"], by), None), by)


def levers(machine: Document, by: str) -> Iterator[Lever]:
    """Yield changes of one parameter that ease what bounds; each gives a machine that is valid."""
    slot = _RESOURCES.get(by, ("", ""))[1]
    part = machine.get("parts", {}).get(slot)
    if part is None:
        return
    for each in _declared(slot, part["type"]):
        now, name = part.get(each["name"]), f"{slot}.{each['name']}"
        then = SOONER.get(each["name"]) if by == "drain" else _more(each, now, slot)
        if then is not None and then != _text(now) and _valid(machine, name, then):
            yield Lever(name, _text(now), then, each["unit"])


def _declared(slot: str, kind: str) -> list[dict[str, Any]]:
    rows = (part for part in cairn.catalog() if (part["slot"], part["type"]) == (slot, kind))
    return [parameter for part in rows for parameter in part["parameters"]]


def _more(parameter: Document, now: Any, slot: str) -> str | None:
    """Return twice of what there is; of how much the write-back stores, the last choice: all."""
    if parameter["unit"] in _AMOUNTS and now:
        return str(2 * now)
    choices = parameter["choices"]
    return str(choices[-1]) if slot == "writeback" and choices else None


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _valid(machine: Document, name: str, value: str) -> bool:
    """Whether the machine with this change keeps all rules."""
    lines = [f"{key} = {json.dumps(machine[key])}" for key in ("name", "summary", "follows")]
    for slot, settings in machine["parts"].items():
        lines += [f"[{slot}]", *(f"{key} = {json.dumps(each)}" for key, each in settings.items())]
    try:
        cairn.parse_machine("\n".join(lines), machine["name"], [(name, value)])
    except CairnError:
        return False
    return True


def lines(document: Document) -> list[str]:
    """Return the summary below the totals: energy, multipliers, layers, and what to change."""
    layers = document["layers"]
    told = energy.totals_text(document) if "energy" in document["totals"] else ""
    found = [told, _multipliers(layers), _left(layers)]
    if costly := costliest(layers):
        found.append(_AVOIDABLE)
        for each in costly:
            reason = f"; {each.reason}" if each.reason else ""
            cost = f"{each.avoidable:,.0f} of its {each.cycles:,}"
            found.append(f"  {each.number} {each.name}: {cost}{reason}")
    if bound := resource(document):
        found.append(_advice(bound, len(layers)))
    return [each for each in found if each]


def _advice(bound: Resource, layers: int) -> str:
    many = f"alone {percent(bound.share)} of the cycles, bounds {bound.layers} of {layers} layers"
    if bound.lever is None:
        return f"look first at {bound.name}: {many}; next: cairn describe {bound.term}"
    change = f"--set {bound.lever.name}={bound.lever.then}"
    now = " ".join(filter(None, (bound.lever.now, bound.lever.unit)))
    return f"look first at {bound.name}: {many}; next: the same with {change} (now {now})"


def _multipliers(layers: Sequence[Document]) -> str:
    """Write where the multipliers' cycles went: a bar, and each state that there was."""
    shares = {state: share for state, share in states(layers).items() if share}
    shown = [f"{_MARKS[state]} {STATES[state]} {percent(share)}" for state, share in shares.items()]
    return f"multipliers: {_bar(shares)}  {', '.join(shown)}" if shown else ""


def _left(layers: Sequence[Document]) -> str:
    """Say what a machine that checks signs has left out, if it checks them."""
    stops = [layer["early_stop"] for layer in layers if "early_stop" in layer]
    if not stops:
        return ""
    checked = sum(each["checked"] for each in stops)
    if not checked:
        return "no sum was left early: no layer is known to have a ReLU behind it and inputs >= 0"
    left = sum(each["outputs_stopped"] for each in stops)
    skipped = sum(each["products_skipped"] for each in stops)
    share = skipped / max(sum(layer["multiplications"] for layer in layers), 1)
    told = (
        f"left early: {left:,} sums that a ReLU makes 0, in {checked} of {len(layers)} layers; "
        f"{percent(share)} of all products skipped"
    )
    wrong = [each["wrong_zeros"] for each in stops if "wrong_zeros" in each]
    return f"{told}; {sum(wrong):,} of them would have been positive" if wrong else told


def _bar(shares: Mapping[str, float]) -> str:
    """Draw shares that sum to 1; each ends where the sum of those up to it does."""
    drawn, until = "", 0.0
    for state, share in shares.items():
        until += share
        drawn += _MARKS[state] * (round(_BAR * until) - len(drawn))
    return drawn


def percent(share: float) -> str:
    """Write a share; one that is there never reads as nothing."""
    return "<1 %" if 0 < share < 0.005 else f"{100 * share:.0f} %"


def folded(layers: Sequence[Document], most: int | None) -> tuple[list[str], list[Document]]:
    """Return the rows of a table of layers with their numbers: the ``most`` that take most cycles.

    They stay in their order; the others are one row behind them, of sums. None shows them all.
    """
    numbers = [str(number) for number, _ in enumerate(layers, 1)]
    if most is None or len(layers) <= most:
        return numbers, list(layers)
    order = sorted(range(len(layers)), key=lambda index: -layers[index]["cycles"])
    kept, rest = sorted(order[: most - 1]), [layers[index] for index in order[most - 1 :]]
    return [*(numbers[index] for index in kept), ""], [*(layers[i] for i in kept), _others(rest)]


def _others(layers: Sequence[Document]) -> Document:
    """Sum layers up to a row; their utilisation is that of all their cycles."""
    cycles = sum(layer["cycles"] for layer in layers)
    row = {
        "name": f"{len(layers)} others",
        "operation": "",
        "sizes": {},
        "evaluator": "",
    }
    for key in ("cycles", "multiplications", "buffer_reads", "buffer_writes", effective.COUNT):
        counts = [layer.get(key) for layer in layers]
        row[key] = None if None in counts else sum(counts)
    for key in ("utilisation", effective.UTILISATION):
        shares = [layer.get(key) for layer in layers]
        if None not in shares and cycles:
            spent = (share * each["cycles"] for share, each in zip(shares, layers, strict=True))
            row[key] = sum(spent) / cycles
    return row
