"""The machine `maeri-rtl` against RTL, and the parameters that make it on random machines."""

from __future__ import annotations

import csv
import random
from pathlib import Path
from statistics import median

import numpy as np
import pytest

from cairn import CairnError, _core

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "rtl"
EVALUATORS = ("flow", "step")
Row = dict[str, int]


def measured(name: str) -> list[Row]:
    """The rows on which the RTL came to an end."""
    with (GOLDEN / name).open() as file:
        rows = [{key: int(value) for key, value in row.items()} for row in csv.DictReader(file)]
    return [row for row in rows if row["rtl_cycles"] > 0]


def cycles(row: Row, evaluator: str) -> int:
    sizes = [
        ("multiplier.multipliers", str(row["multipliers"])),
        ("distribution.bandwidth", str(row["ports"])),
        ("collection.lines", str(row["lines"])),
    ]
    session = _core.Session(_core.load_machine("maeri-rtl", sizes), evaluator)
    layer = _core.Conv(1, row["C"], row["K"], (row["Y"], row["X"]), (row["R"], row["S"]))
    neurons = min(row["K"], row["multipliers"] // (row["R"] * row["S"]))
    session.run("layer", layer, tile={"R": row["R"], "S": row["S"], "K": neurons})
    return session.layers[0]["cycles"]


@pytest.mark.parametrize("evaluator", EVALUATORS)
def test_rows_of_one_layer(evaluator):
    """All but one kernel on 4 ports, where the test bench offers weights to idle multipliers."""
    rows = measured("maeri_rows.csv")
    assert len(rows) == 356
    off = [(row, cycles(row, evaluator) - row["rtl_cycles"]) for row in rows]
    off = [(row, difference) for row, difference in off if difference != 0]
    assert [difference for _, difference in off] == [-1, -1, -1]
    assert {(r["ports"], r["K"], r["R"], r["S"]) for r, _ in off} == {(4, 1, 1, 3)}


def test_every_slope_of_a_row():
    """Cycles for each further output column, whatever a row costs at its ends."""
    lines: dict[tuple[int, ...], list[Row]] = {}
    for row in measured("maeri_rows.csv"):
        if row["Y"] == row["R"] and row["C"] == 1:
            key = (row["ports"], row["K"], row["R"], row["S"])
            lines.setdefault(key, []).append(row)
    lines = {key: rows for key, rows in lines.items() if len(rows) > 1}
    assert len(lines) == 111
    for rows in lines.values():
        offsets = {cycles(row, "flow") - row["rtl_cycles"] for row in rows}
        assert len(offsets) == 1, rows


@pytest.mark.parametrize("evaluator", EVALUATORS)
def test_whole_layers(evaluator):
    rows = measured("maeri_layers.csv")
    assert len(rows) == 44
    errors = [abs(cycles(row, evaluator) / row["rtl_cycles"] - 1) for row in rows]
    assert median(errors) == 0
    assert sum(error == 0 for error in errors) == 40
    assert max(errors) < 0.017


def layer(rng: random.Random, folding: str) -> tuple[_core.Conv, dict[str, int]]:
    channels, filters = rng.randint(1, 4), rng.randint(1, 5)
    kernel = (rng.randint(1, 3), rng.randint(1, 4))
    size = tuple(k + rng.randint(0, 6) for k in kernel)
    stride = rng.choice([1, 1, 1, 2])
    groups, images = rng.choice([1, 1, 2]), rng.choice([1, 1, 2])
    operation = _core.Conv(
        images, channels * groups, filters * groups, size, kernel, groups, (stride, stride), (1, 0)
    )
    if folding == "temporal":
        return operation, {"K": rng.randint(1, filters), "X": rng.choice([1, 2])}
    sizes = {"R": kernel[0], "S": kernel[1], "C": channels, "K": filters, "G": groups, "N": images}
    tile = {name: rng.choice([size, rng.randint(1, size)]) for name, size in sizes.items()}
    return operation, tile | {"X": rng.choice([1, 1, 2]), "Y": rng.choice([1, 1, 2])}


def overrides(rng: random.Random, folding: str, barrier: bool) -> list[tuple[str, str]]:
    def flag() -> str:
        return rng.choice(["true", "false"])

    chosen = {
        "multiplier.multipliers": rng.choice([8, 16, 32]),
        "distribution.bandwidth": rng.choice([1, 2, 4, 8]),
        "collection.lines": rng.choice([1, 2, 4, 8]),
        "memory.words_per_cycle": rng.choice([0, 1, 2, 3]),
        "memory.setup_cycles": rng.choice([0, 1, 3]),
        "memory.row_barrier": str(barrier).lower(),
        "memory.folds": "outer" if folding == "buffer" else "inner",
        "distribution.interval": rng.choice([1, 2, 3]),
        "multiplier.forwarding": rng.choice(["left", "right"]),
        "multiplier.ripple": flag(),
        "multiplier.latency": rng.choice([1, 2]),
        "collection.restart": flag(),
        "writeback.drain": rng.choice(["half", "all"]),
    }
    if folding in ("fan", "temporal"):
        chosen = {"reduction.type": folding, **chosen}
    else:
        chosen["reduction.accumulators"] = str(folding == "accumulators").lower()
        chosen["reduction.switches"] = rng.choice(["linked", "double"])
        chosen["reduction.level_latency"] = rng.choice([1, 2, 3])
    return [(name, str(value)) for name, value in chosen.items()]


def run(evaluator: str, machine: _core.Machine, case, operands):
    operation, tile = case
    session = _core.Session(machine, evaluator)
    return session.run("layer", operation, *operands, tile=tile), session.layers[0]


@pytest.mark.parametrize("barrier", [False, True])
@pytest.mark.parametrize("folding", ["accumulators", "multipliers", "buffer", "fan", "temporal"])
def test_both_evaluators_agree_on_random_machines(folding, barrier):
    rng = random.Random(f"{folding} {barrier}")
    numbers = np.random.default_rng(1)
    compared = 0
    while compared < 60:
        chosen = overrides(rng, folding, barrier)
        machine = _core.load_machine("maeri-64", chosen)
        case = layer(rng, folding)
        conv = case[0]
        operands = [
            numbers.integers(-3, 4, shape).astype(np.float32)
            for shape in (
                (conv.batch, conv.channels, *conv.input),
                (conv.filters, conv.channels // conv.groups, *conv.kernel),
            )
        ]
        try:
            values, stepped = run("step", machine, case, operands)
        except CairnError as refusal:
            assert "internal" not in str(refusal)
            continue
        expected, flowed = run("flow", machine, case, operands)
        context = (chosen, case[1], case[0].input, case[0].kernel)
        assert np.array_equal(values, expected), context
        assert stepped["cycles"] == flowed["cycles"], context
        assert stepped["counters"] == flowed["counters"], context
        compared += 1


def test_only_the_barrier_has_no_streams():
    conv = _core.Conv(1, 8, 8, (12, 12), (3, 3))
    tile = {"R": 3, "S": 3, "K": 3}
    _, layer = run("flow", _core.load_machine("maeri-rtl"), (conv, tile), ())
    assert "stepped" in layer["evaluator"]
    free = _core.load_machine("maeri-rtl", [("memory.row_barrier", "false")])
    _, layer = run("flow", free, (conv, tile), ())
    assert layer["evaluator"] == "flow"


def test_a_large_layer_is_stepped_in_a_few_rows():
    """2 of 224 rows, a few rounds of 1,408."""
    conv = _core.Conv(1, 64, 64, (226, 226), (3, 3))
    tile = {"R": 3, "S": 3, "K": 3}
    _, layer = run("flow", _core.load_machine("maeri-rtl"), (conv, tile), ())
    assert layer["cycles"] == 431_483_008
    assert layer["counters"]["writeback"]["psum_reads"] == 63 * 64 * 224 * 224
    assert layer["mapping"]["evaluated_rounds"] <= 4


def test_folds_in_the_buffer_leave_none_to_accumulators():
    for overrides in (
        [("memory.folds", "outer")],
        [("reduction.type", "fan"), ("memory.folds", "outer")],
        [("reduction.type", "temporal"), ("memory.folds", "outer")],
    ):
        with pytest.raises(CairnError, match="E201") as refused:
            _core.load_machine("maeri-64", overrides)
        assert "memory.folds" in str(refused.value)
