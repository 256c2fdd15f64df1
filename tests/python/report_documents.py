"""Result documents for tests of the page: real small runs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import cairn
from cairn import effective

STATES = ("busy", "operand", "port", "readout", "reconfiguring", "draining", "idle")
SLOTS = ("memory", "distribution", "multiplier", "reduction", "collection", "writeback")


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


def older(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of a result as it was before documents told of energy and of units' states."""
    document: dict[str, Any] = json.loads(json.dumps(result))
    for counts in (*document["layers"], document["totals"]):
        for name in ("activity", "bound", "energy", "roofline"):
            del counts[name]
    del document["area"], document["context"]["energy"]
    return document
