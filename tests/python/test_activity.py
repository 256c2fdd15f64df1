"""Where the cycles went, on every preset: the states of the units of each slot account for all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli

import cairn

MODEL = Path(__file__).resolve().parents[2] / "examples" / "small-net.onnx"
PRESETS = [preset["name"] for preset in cairn.presets()]
SLOTS = ["memory", "distribution", "multiplier", "reduction", "collection", "writeback"]
STATES = ["busy", "operand", "port", "readout", "reconfiguring", "draining", "idle"]


def _document(cli: Cli, *arguments: object) -> dict[str, Any]:
    result = cli("run", *arguments, "--json", "-")
    assert result.code == 0, result.err
    return dict(json.loads(result.out))


@pytest.mark.parametrize("preset", PRESETS)
def test_the_states_of_each_slot_sum_to_its_units_times_the_cycles(cli: Cli, preset: str) -> None:
    document = _document(cli, MODEL, "--arch", preset)
    for place in (*document["layers"], document["totals"]):
        assert list(place["activity"]) == SLOTS
        for slot, told in place["activity"].items():
            assert list(told) == ["units", "unit", *STATES], slot
            assert min(told[state] for state in STATES) >= 0
            assert sum(told[state] for state in STATES) == told["units"] * place["cycles"], slot
        bounds = place["bound"]["cycles"]
        assert bounds[place["bound"]["by"]] == max(bounds.values())
        assert 0 < max(bounds.values()) <= place["cycles"]
        roofline = place["roofline"]
        assert 0 < roofline["performance"] <= roofline["peak"]
    assert {"activity", "bound", "roofline", *STATES} <= set(document["units"])


@pytest.mark.parametrize(
    "preset", ["tpu-16x16", "maeri-64", "maeri-rtl", "sigma-64", "axis-sa-rtl"]
)
def test_both_evaluators_tell_the_same(cli: Cli, preset: str) -> None:
    told = [
        [
            layer["activity"]
            for layer in _document(cli, MODEL, "--arch", preset, "--evaluator", evaluator)["layers"]
        ]
        for evaluator in ("flow", "step")
    ]
    assert told[0] == told[1]
