"""The summary of a run: where cycles went, three layers, one resource, on a screen."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

import cairn
from cairn import summary, tables

EXAMPLES = Path(__file__).parents[2] / "examples"
ALL_BUSY = dict.fromkeys(summary.STATES, 0) | {"busy": 1}


def layer(name: str, cycles: int, utilisation: float, **more: Any) -> dict[str, Any]:
    """Return a layer on 256 multipliers."""
    work = round(256 * cycles * utilisation)
    counts = {"cycles": cycles, "utilisation": utilisation, "multiplications": work}
    counts |= {"buffer_reads": 2 * cycles, "buffer_writes": cycles}
    what = {"name": name, "operation": "gemm", "sizes": {"M": 1, "N": 2, "K": 3}}
    return {**what, "evaluator": "flow", **counts, **more}


def document(*layers: dict[str, Any], arch: str = "maeri-256") -> dict[str, Any]:
    keys = ("cycles", "multiplications", "buffer_reads", "buffer_writes")
    totals = {key: sum(each[key] for each in layers) for key in keys}
    totals["utilisation"] = totals["multiplications"] / (256 * totals["cycles"])
    machine = cairn.load_machine(arch).describe()
    return {"layers": list(layers), "totals": totals, "context": {"machine": machine}}


def activity(**states: int) -> dict[str, Any]:
    return {"multiplier": {"units": 256, "unit": "multipliers", **ALL_BUSY, **states}}


def test_layers_are_ordered_by_avoidable_cycles_not_by_cycles() -> None:
    full, half, empty, small = (
        layer("full", 9000, 0.99),
        layer("half", 4000, 0.5),
        layer("empty", 1000, 0.0),
        layer("small", 110, 0.0),
    )
    found = summary.costliest([small, full, empty, half])
    assert [(each.number, each.name) for each in found] == [(4, "half"), (3, "empty"), (1, "small")]
    assert [each.avoidable for each in found] == pytest.approx([2000, 1000, 110])
    assert summary.costliest([layer("a", 100, 1.0)]) == []


def test_where_zeros_are_left_out_the_effective_utilisation_counts() -> None:
    sparse = layer("sparse", 100, 1.6, effective_utilisation=0.25)
    assert summary.avoidable(sparse) == pytest.approx(75)
    assert summary.avoidable(layer("dense", 100, 1.6, effective_utilisation=None)) == 0


def test_states_are_shares_of_all_layers() -> None:
    layers = [
        layer("a", 10, 0.5, activity=activity(busy=500, operand=300, idle=200)),
        layer("b", 20, 0.5, activity=activity(busy=1000, draining=2000)),
    ]
    shares = summary.states(layers)
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["busy"] == pytest.approx(1500 / 4000)
    assert shares["draining"] == pytest.approx(2000 / 4000)
    assert summary.states([*layers, layer("untold", 1, 0.1)]) == {}
    (line,) = [each for each in summary.lines(document(*layers)) if "multipliers:" in each]
    assert "busy 38 %" in line
    assert "waiting for operands 8 %" in line
    assert "reconfiguring" not in line
    bar = line.split()[1]
    assert (len(bar), bar.count("█")) == (32, 12)


def bound(by: str, **cycles: int) -> dict[str, Any]:
    return {"bound": {"by": by, "cycles": cycles}}


def test_the_resource_is_what_alone_takes_most_cycles() -> None:
    layers = [
        layer("a", 100, 0.5, **bound("compute", compute=90, distribution=80)),
        layer("b", 100, 0.5, **bound("compute", compute=80, distribution=70)),
        layer("c", 300, 0.5, **bound("distribution", compute=20, distribution=150)),
    ]
    found = summary.resource(document(*layers))
    assert found is not None
    assert (found.by, found.share, found.layers) == ("distribution", 0.6, 1)
    assert found.lever == summary.Lever("distribution.bandwidth", "128", "256", "words/cycle")
    text = "\n".join(summary.lines(document(*layers)))
    assert "the distribution network: alone 60 % of the cycles, bounds 1 of 3 layers" in text
    assert "--set distribution.bandwidth=256 (now 128 words/cycle)" in text
    assert "3 c: 150 of its 300; bound by the distribution network" in text
    assert summary.resource(document(*layers, layer("untold", 1, 0.1))) is None
    one_cause = document(layer("a", 9, 0.5, **bound("compute", compute=5, distribution=5)))
    assert summary.resource(one_cause).by == "compute"  # of equals the first


def test_without_a_parameter_that_helps_a_page_is_named() -> None:
    wide = bound("distribution", distribution=9)
    full = document(layer("a", 9, 0.5, **wide), arch="maeri-128")
    assert summary.lines(full)[-1].endswith("next: cairn describe distribution")
    empty = activity(busy=10, idle=990)
    few = document(layer("a", 9, 0.1, **bound("compute", compute=9), activity=empty))
    assert summary.lines(few)[-1].endswith("next: cairn describe idle")
    assert "multipliers 99 % without work" in "\n".join(summary.lines(few))


@pytest.mark.parametrize("preset", [each["name"] for each in cairn.presets()])
def test_what_is_advised_makes_a_valid_machine(preset: str) -> None:
    machine = cairn.load_machine(preset)
    for by in ("compute", "distribution", "collection", "writeback", "drain"):
        for lever in summary.levers(machine.describe(), by):
            changed = cairn.load_machine(preset, [(lever.name, lever.then)])
            assert changed.describe() != machine.describe(), lever


def test_each_bound_has_a_machine_with_a_parameter_that_eases_it() -> None:
    machines = [cairn.load_machine(each["name"]).describe() for each in cairn.presets()]
    eased = {
        by: {lever.name for machine in machines for lever in summary.levers(machine, by)}
        for by in ("compute", "distribution", "collection", "writeback", "drain")
    }
    assert {"multiplier.multipliers", "multiplier.rows"} <= eased["compute"]
    assert eased["distribution"] == {"distribution.bandwidth"}
    assert eased["collection"] == {"collection.lines"}
    assert eased["writeback"] == {"writeback.drain"}
    assert "memory.row_barrier" in eased["drain"]
    controllers = [part for part in cairn.catalog() if part["slot"] == "memory"]
    declared = {each["name"] for part in controllers for each in part["parameters"]}
    assert set(summary.SOONER) <= declared


def test_energy_has_the_unit_of_its_table() -> None:
    made = document(layer("a", 100, 0.5))
    made["area"] = {"total": 2e6}
    made["totals"]["energy"] = {"dynamic": 3e6, "static": 1e6, "total": 4e6, "power": 0.25}
    made["context"]["energy"] = {"table": "t", "unit": "pJ", "clock": 1000, "datatype": "fp16"}
    told = "energy: 4 uJ, 25 % of it static, 0.25 W at 1000 MHz, area 2 mm2 (table t, fp16)"
    assert summary.lines(made)[0] == told
    made["totals"]["energy"] = {"dynamic": 5, "static": 0, "total": 5, "power": None}
    made["context"]["energy"] |= {"unit": "unit of the table", "clock": None}
    told = "energy: 5 (unit of the table), 0 % of it static, area 2 mm2 (table t, fp16)"
    assert summary.lines(made)[0] == told


def test_folding_keeps_the_layers_that_take_most_cycles_and_all_sums() -> None:
    layers = [layer(f"l{n}", 10 * (n % 7 + 1), 0.5) for n in range(60)]
    numbers, rows = summary.folded(layers, 8)
    assert len(rows) == 8
    assert numbers[-1] == ""
    assert all(
        layers[int(number) - 1] is row for number, row in zip(numbers[:-1], rows, strict=False)
    )
    assert min(row["cycles"] for row in rows[:-1]) >= 70
    for key in ("cycles", "multiplications", "buffer_reads", "buffer_writes"):
        assert sum(row[key] for row in rows) == sum(each[key] for each in layers)
    assert rows[-1]["name"] == "53 others"
    assert rows[-1]["utilisation"] == pytest.approx(0.5)
    assert summary.folded(layers, None)[1] == summary.folded(layers, 60)[1] == layers


class Terminal(io.StringIO):
    """A file that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("width", "height"), [(80, 40), (140, 40), (120, 26)])
def test_a_long_model_fits_a_screen(width: int, height: int) -> None:
    more = bound("distribution", distribution=700) | {"activity": activity(operand=3, idle=4)}
    layers = [layer(f"/encoder/layer.{n}/query/MatMul", 900 + n, 0.3, **more) for n in range(90)]
    made = {**document(*layers), "notes": ["weights are drawn"]}
    out = Console(file=Terminal(), width=width, height=height, color_system=None)
    out.print(tables.result(made, width, tables.screen(out)))
    lines = out.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert len(lines) <= height - 2  # the verdict, and the next prompt
    assert "90 layers: " in "\n".join(lines)
    assert " others " in "\n".join(lines)
    log = Console(file=io.StringIO(), width=width, height=height)
    assert tables.screen(log) is None


@pytest.mark.parametrize("arch", ["tpu-16x16", "maeri-256", "sigma-256", "magma-128"])
def test_a_real_run_ends_in_its_summary(cli: Any, arch: str) -> None:
    run = ("run", EXAMPLES / "small-net.onnx", "--arch", arch)
    text = cli(*run).out
    result = json.loads(cli(*run, "--json", "-").out)
    shown = re.findall(r"^  (\d) (\w+): ([\d,]+) of its ([\d,]+)", text, re.MULTILINE)
    worst = sorted(result["layers"], key=summary.avoidable, reverse=True)[:3]
    assert [name for _, name, *_ in shown] == [each["name"] for each in worst]
    assert [int(each[-1].replace(",", "")) for each in shown] == [each["cycles"] for each in worst]
    for told in summary.lines(result):
        assert " ".join(told.split()) in " ".join(text.split())
