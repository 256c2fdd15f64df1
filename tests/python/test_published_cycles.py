"""Cycles that others published or measured: the paper, RTL, the reference with few ports."""

import csv
from pathlib import Path

import pytest

from cairn import _core

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
EVALUATORS = ("flow", "step")


def rows(name: str) -> list[dict[str, str]]:
    with (GOLDEN / name).open() as file:
        return list(csv.DictReader(file))


def cycles(machine: _core.Machine, row: dict[str, str], evaluator: str, tile=None) -> int:
    session = _core.Session(machine, evaluator)
    session.run("layer", _core.Gemm(int(row["M"]), int(row["N"]), int(row["K"])), tile=tile)
    return session.layers[0]["cycles"]


def sized(preset: str, row_count: str, column_count: str) -> _core.Machine:
    return _core.load_machine(
        preset, [("multiplier.rows", row_count), ("multiplier.columns", column_count)]
    )


@pytest.mark.parametrize(
    "row", rows("paper-systolic.csv"), ids=lambda r: f"{r['layer']}-{r['array']}"
)
def test_the_papers_systolic_rows_and_bars(row):
    """Table III exactly; the bars of Figure 1a within what digitising them lost."""
    machine = sized("tpu-16x16", row["array"], row["array"])
    found = cycles(machine, row, "flow")
    assert abs(found - int(row["published"])) <= int(row["tolerance"])
    if row["rerun"]:
        assert found == int(row["rerun"])
    if found < 30_000:
        assert cycles(machine, row, "step") == found


@pytest.mark.parametrize("evaluator", EVALUATORS)
def test_a_bare_mesh_in_rtl(evaluator):
    measured = rows("rtl/systolic_os_mesh.csv")
    assert len(measured) == 42
    for row in measured:
        machine = sized("os-mesh-rtl", row["rows"], row["cols"])
        assert cycles(machine, row, evaluator) == int(row["rtl_cycles"]), row


@pytest.mark.parametrize("evaluator", EVALUATORS)
def test_a_shift_out_array_in_rtl(evaluator):
    """On the rows where the RTL itself works; on the others it loses values or never ends."""
    measured = [r for r in rows("rtl/systolic_axis_sa.csv") if r["rtl_bad"] == "0"]
    measured = [r for r in measured if int(r["rtl_cycles"]) > 0]
    assert len(measured) == 46
    for row in measured:
        machine = sized("axis-sa-rtl", row["rows"], row["cols"])
        assert cycles(machine, row, evaluator) == int(row["rtl_cycles"]), row


@pytest.mark.parametrize("evaluator", EVALUATORS)
def test_the_reference_with_few_ports_and_lines(evaluator):
    for row in rows("spec-systolic.csv"):
        few = int(row["bandwidth"]) < int(row["rows"]) + int(row["columns"])
        overrides = [
            ("multiplier.rows", row["rows"]),
            ("multiplier.columns", row["columns"]),
            ("distribution.bandwidth", row["bandwidth"]),
            ("distribution.latency", "1" if few else "0"),  # a tree behind each port
            ("collection.lines", row["lines"]),
        ]
        machine = _core.load_machine("tpu-16x16", overrides)
        tile = {"M": int(row["tile_m"]), "N": int(row["tile_n"])}
        assert cycles(machine, row, evaluator, tile) == int(row["cycles"]), row
