"""Result documents for tests of the page: real small runs, and the fields that need no machine.

Activity, bound, roofline, energy and area follow the laws of the result document: the seven states
of a slot add up to units x cycles, sums over layers are the totals, parts add up to the whole.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from typing import Any

import cairn
from cairn import effective, machines

STATES = ("busy", "operand", "port", "readout", "reconfiguring", "draining", "idle")
SLOTS = ("memory", "distribution", "multiplier", "reduction", "collection", "writeback")
_UNITS = ("read ports", "read ports", "multipliers", "adders", "lines", "write ports")


def run(
    layers: Sequence[tuple[str, Any]], arch: str = "tpu-16x16", target: str = "made.csv"
) -> dict[str, Any]:
    """Run operations, timing only, and return the result document."""
    session = cairn.Session(cairn.load_machine(arch))
    for name, operation in layers:
        session.run(name, operation)
    context = {"target": target, "evaluator": "flow", "objective": "cycles"}
    return effective.completed(session.document(context))


def chain(count: int) -> list[tuple[str, Any]]:
    """Return layers of a made-up network of many blocks, small enough to be run quickly."""
    named = ("attn.qkv", "attn.out", "mlp.up", "mlp.down")
    shapes = ((96, 32), (32, 32), (128, 32), (32, 128))
    return [
        (
            f"encoder.blocks.{at // 4}.{named[at % 4]}",
            cairn.Gemm(16 + at // 4 % 3, *shapes[at % 4]),
        )
        for at in range(count)
    ]


def complete(result: Mapping[str, Any], seed: int = 1) -> dict[str, Any]:
    """Return a copy of a result with activity, bound, roofline, energy and area added."""
    document: dict[str, Any] = json.loads(json.dumps(result))
    draw = random.Random(seed)
    peak = machines.multipliers(cairn.load_machine(document["context"]["machine"]["name"]))
    units = dict(zip(SLOTS, (32, 32, peak, peak, 16, 16), strict=True))
    for layer in document["layers"]:
        layer["activity"] = _activity(layer, units, draw)
        layer["bound"] = _bound(layer["activity"])
        words = layer["buffer_reads"] + layer["buffer_writes"]
        layer["roofline"] = {
            "intensity": layer["multiplications"] / words,
            "performance": layer["multiplications"] / layer["cycles"],
            "peak": peak,
            "bandwidth": 48,
        }
        layer["energy"] = _energy(layer)
    totals, layers = document["totals"], document["layers"]
    totals["activity"] = {
        slot: {
            "units": units[slot],
            "unit": layers[0]["activity"][slot]["unit"],
            **{state: sum(each["activity"][slot][state] for each in layers) for state in STATES},
        }
        for slot in SLOTS
    }
    totals["energy"] = _total([layer["energy"] for layer in layers])
    document["context"]["energy"] = {
        "table": "made-up",
        "unit": "pJ",
        "clock": 1000,
        "node": "28 nm",
        "datatype": "float32",
        "source": "a test",
    }
    parts = {slot: 1000.0 * (at + 1) for at, slot in enumerate(SLOTS)}
    document["area"] = {"unit": "um2", "total": sum(parts.values()), "parts": parts}
    return document


def _activity(
    layer: Mapping[str, Any], units: Mapping[str, int], draw: random.Random
) -> dict[str, Any]:
    found = {}
    for slot, unit in zip(SLOTS, _UNITS, strict=True):
        left = units[slot] * layer["cycles"]
        counts = {}
        for state in STATES[:-1]:
            counts[state] = int(left * draw.random() * 0.6)
            left -= counts[state]
        found[slot] = {"units": units[slot], "unit": unit, **counts, "idle": left}
    return found


def _bound(activity: Mapping[str, Any]) -> dict[str, Any]:
    array = activity["multiplier"]
    cycles = {"compute": array["busy"] // array["units"]}
    for slot in ("distribution", "collection", "writeback"):
        cycles[slot] = activity[slot]["busy"] // activity[slot]["units"]
    cycles["drain"] = (array["reconfiguring"] + array["draining"]) // array["units"]
    return {"by": max(cycles, key=cycles.__getitem__), "cycles": cycles}


def _energy(layer: Mapping[str, Any]) -> dict[str, Any]:
    parts = {
        slot: {"dynamic": 0.25 * layer["buffer_reads"] * (at + 1), "static": 0.5 * layer["cycles"]}
        for at, slot in enumerate(SLOTS)
    }
    return _whole(parts, layer["cycles"])


def _total(many: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    parts = {
        slot: {kind: sum(each["parts"][slot][kind] for each in many) for kind in _KINDS}
        for slot in SLOTS
    }
    return _whole(parts, sum(each["edp"] / each["total"] for each in many))


_KINDS = ("dynamic", "static")


def _whole(parts: Mapping[str, Mapping[str, float]], cycles: float) -> dict[str, Any]:
    sums = {kind: sum(part[kind] for part in parts.values()) for kind in _KINDS}
    total = sum(sums.values())
    power = total * 1e-12 / (cycles / 1e9)
    return {**sums, "total": total, "parts": parts, "power": power, "edp": total * cycles}
