"""Energy and area: the reference's totals, results priced again, `cairn energy`, Accelergy."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import Cli

import cairn
from cairn import energy, stonne

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = [
    json.loads(line) for line in (ROOT / "tests/golden/energy.jsonl").read_text().splitlines()
]
# The sections of the reference's counters, and the slots of the parts that they are.
SECTIONS = {
    "DSNetwork": "distribution",
    "MSNetwork": "multiplier",
    "ReduceNetwork": "reduction",
    "GlobalBuffer": "memory",
    "CollectionBus": "collection",
}
# The reference's script adds up a line for each unit, thousands of them, in binary fractions: of
# the 16 or 17 digits that it prints, the last ones are the roundings of its sum.
EXACT = 1e-12

Document = dict[str, Any]


def result(machine: str = "maeri-64", table: str | None = None, **options: Any) -> Document:
    """Simulate two layers and return the document."""
    given = () if table is None else (table,)
    prices = cairn.load_energy_table(*given, **options)
    session = cairn.Session(cairn.load_machine(machine), energy=prices)
    session.run("a", cairn.Gemm(20, 30, 40))
    session.run("b", cairn.Conv(1, 6, 8, (9, 9), (3, 3)))
    document: Document = json.loads(session.document({}))
    return document


@pytest.mark.parametrize("case", GOLDEN, ids=[case["id"] for case in GOLDEN])
def test_the_table_of_the_reference_gives_the_totals_of_its_script(case: Document) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stonne.IgnoredWarning)
        command = stonne.parse(case["command"].split())
    session = cairn.Session(command.machine, energy=cairn.load_energy_table("stonne"))
    a, b = command.operands() or (None, None)
    session.run(case["id"], command.operation, a, b, command.tile, schedule=command.schedule)
    document = json.loads(session.document({}))
    total, area = document["totals"]["energy"], document["area"]
    assert document["totals"]["cycles"] == case["cycles"]
    for section, slot in SECTIONS.items():
        expected = case["parts"][section]
        for kind in ("static", "dynamic"):
            got = total["parts"][slot][kind]
            assert got == pytest.approx(float(expected[kind]), rel=EXACT), (section, kind)
        assert area["parts"][slot] == pytest.approx(float(expected["area"]), rel=EXACT), section
    for kind in ("static", "dynamic", "total"):
        assert total[kind] == pytest.approx(float(case["total"][kind]), rel=EXACT), kind
    assert area["total"] == pytest.approx(float(case["total"]["area"]), rel=EXACT)


@pytest.mark.parametrize("preset", [each["name"] for each in cairn.presets()])
def test_every_preset_has_area_and_energy_in_every_part_that_works(preset: str) -> None:
    document = result(preset)
    for layer in document["layers"]:
        total = layer["energy"]
        assert total["total"] == pytest.approx(total["dynamic"] + total["static"])
        assert total["dynamic"] == pytest.approx(
            sum(part["dynamic"] for part in total["parts"].values())
        )
        assert all(part["dynamic"] > 0 for slot, part in total["parts"].items())
    assert document["area"]["total"] == pytest.approx(sum(document["area"]["parts"].values()))
    assert all(
        document["area"]["parts"][slot] > 0 for slot in ("memory", "multiplier", "reduction")
    )


def test_energy_adds_up_over_layers_and_power_and_delay_follow_from_the_clock() -> None:
    document = result(clock_mhz=200)
    total = document["totals"]["energy"]
    layers = [layer["energy"] for layer in document["layers"]]
    assert total["total"] == pytest.approx(sum(layer["total"] for layer in layers))
    components = sum(each["dynamic"] for each in total["components"].values())
    assert total["dynamic"] == pytest.approx(components)
    seconds = document["totals"]["cycles"] / 200e6
    assert total["power"] == pytest.approx(total["total"] * 1e-12 / seconds)
    assert total["edp"] == pytest.approx(total["total"] * seconds)
    # Leakage is power: at half the clock a cycle leaks twice as much.
    slower = result(clock_mhz=100)["totals"]["energy"]
    assert slower["static"] == pytest.approx(2 * total["static"])
    assert slower["dynamic"] == pytest.approx(total["dynamic"])


def test_the_reference_has_no_joules_so_it_has_no_watts() -> None:
    document = result(table="stonne")
    about = document["context"]["energy"]
    assert (about["unit"], about["node"]) == ("unit of the table", None)
    assert "15 times" in about["note"]
    assert document["totals"]["energy"]["power"] is None


@pytest.mark.parametrize("machine", ["tpu-16x16", "maeri-64", "sigma-rtl", "magma-128"])
@pytest.mark.parametrize(
    ("table", "options"),
    [("stonne", {}), ("cmos-45nm", {"datatype": "int8", "buffer_kib": 64.0, "clock_mhz": 800.0})],
)
def test_a_result_priced_again_is_that_of_a_run_with_the_table(
    machine: str, table: str, options: dict[str, Any]
) -> None:
    prices = cairn.load_energy_table(table, **options)
    assert energy.price(result(machine), prices) == result(machine, table, **options)


def test_every_result_in_a_comparison_or_a_suite_is_priced() -> None:
    comparison = {"schema": "cairn.comparison/1", "results": [result(), result("tpu-16x16")]}
    suite = {"schema": "cairn.suite/1", "models": [{"comparison": comparison}]}
    priced = energy.results(energy.price(suite, cairn.load_energy_table("stonne")))
    assert priced == [result(table="stonne"), result("tpu-16x16", "stonne")]


def test_the_shape_of_costs() -> None:
    fp32, int8, big = (
        result(**options)["totals"]["energy"]["parts"]
        for options in ({}, {"datatype": "int8"}, {"buffer_kib": 4096.0})
    )
    assert int8["multiplier"]["dynamic"] < fp32["multiplier"]["dynamic"] / 4
    assert big["memory"]["dynamic"] > fp32["memory"]["dynamic"]
    assert big["multiplier"] == fp32["multiplier"]


def test_the_mapper_minimises_by_the_table_that_it_is_given() -> None:
    conv = cairn.Conv(1, 64, 64, (56, 56), (3, 3), pad_begin=(1, 1), pad_end=(1, 1))
    machine = cairn.load_machine("maeri-64")
    tables = [cairn.load_energy_table(name) for name in ("cmos-45nm", "stonne")]
    sessions = [cairn.Session(machine, energy=table) for table in tables]
    tiles = [session.map(conv, "energy")["tile"] for session in sessions]
    assert tiles[0] != tiles[1]  # reads of the buffer cost most in one, additions in the other
    for session, own, other in zip(sessions, tiles, reversed(tiles), strict=True):
        costs = [session.map(conv, "energy", tile)["energy"] for tile in (own, other)]
        assert costs[0] < costs[1]


def test_every_component_is_in_a_slot_once_and_accelergy_reads_both_tables(tmp_path: Path) -> None:
    document = result(datatype="int8")
    prices = cairn.load_energy_table(datatype="int8")
    paths = energy.export(document, prices, tmp_path / "tables")
    assert [path.name for path in paths] == ["ERT.yaml", "ART.yaml"]
    ert, art = (yaml.safe_load(path.read_text()) for path in paths)
    assert (ert["ERT"]["version"], art["ART"]["version"]) == ("0.4", "0.4")
    energies = {row["name"]: row["actions"] for row in ert["ERT"]["tables"]}
    areas = {row["name"]: row["area"] for row in art["ART"]["tables"]}
    assert energies.keys() == areas.keys()
    adders = {each["name"]: each["energy"] for each in energies["maeri_64.reduction.adder[1..63]"]}
    assert (adders["add2"], adders["add3"]) == (0.1, 0.2)
    assert all(
        {"name", "arguments", "energy"} == set(row) for rows in energies.values() for row in rows
    )
    units = {name: int(name.rpartition("..")[2].rstrip("]")) for name in areas}
    total = sum(areas[name] * units[name] for name in areas)
    assert total == pytest.approx(document["area"]["total"])


def test_the_command_prices_a_saved_result_and_a_comparison(cli: Cli, tmp_path: Path) -> None:
    saved, priced = tmp_path / "result.json", tmp_path / "priced.json"
    run = cli("run", "gemm", "--M", 9, "--N", 9, "--K", 9, "--arch", "maeri-64", "--json", saved)
    assert "(table cmos-45nm, fp32)" in run.out
    shown = cli("energy", saved, "--table", "stonne", "--json", priced)
    assert shown.code == 0, shown.err
    for word in ("reduction.adder", "unit of the table", "15 times a multiplication"):
        assert word in shown.out
    assert json.loads(priced.read_text())["context"]["energy"]["table"] == "stonne"
    both = tmp_path / "both.json"
    same = ("gemm", "--M", 9, "--N", 9, "--K", 9, "--arch", "maeri-64,tpu-16x16")
    assert cli("compare", *same, "--energy-table", "stonne", "--json", both, "--quiet").code == 0
    tables = [
        each["context"]["energy"]["table"] for each in json.loads(both.read_text())["results"]
    ]
    assert tables == ["stonne", "stonne"]
    folder = tmp_path / "tables"
    shown = cli("energy", both, "--datatype", "int8", "--clock", 100, "--accelergy", folder)
    assert shown.code == 0, shown.err
    assert shown.out.count("cmos-45nm: 45 nm, int8, 100 MHz") == 2
    assert (folder / "tpu_16x16" / "ERT.yaml").exists()
    warned = cli("energy", both, "--table", "stonne", "--accelergy", folder, "--quiet")
    assert "have no unit" in warned.err


def test_a_table_of_ones_own(cli: Cli, tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    shipped = (ROOT / "energy/cmos-45nm.toml").read_text()
    mine.write_text(shipped.replace('name = "cmos-45nm"', 'name = "mine"').replace("3.7", "37.0"))
    ten = result(table=str(mine))["totals"]["energy"]["components"]["multiplier.multiplier"]
    one = result()["totals"]["energy"]["components"]["multiplier.multiplier"]
    assert ten["dynamic"] > 9 * one["dynamic"]
    run = cli("run", "gemm", "--M", 9, "--N", 9, "--K", 9, "--energy-table", mine, "--clock", 250)
    assert "W at 250 MHz" in run.out
    assert "(table mine, fp32)" in run.out


def damaged(change: Any) -> Document:
    document = result()
    change(document)
    return document


@pytest.mark.parametrize(
    ("code", "document"),
    [
        ("E104", []),
        ("E104", {"schema": "cairn.mapping/1"}),
        ("E104", {"schema": "cairn.result/1", "layers": 3} | {"context": result()["context"]}),
        ("E106", {"schema": "cairn.result/1"}),
        ("E104", damaged(lambda d: d["layers"][0].pop("counters"))),
        ("E104", damaged(lambda d: d["layers"][0]["counters"]["memory"].update(steps="many"))),
        ("E104", damaged(lambda d: d["layers"][1].update(cycles=-1))),
        ("E106", damaged(lambda d: d["context"]["machine"]["parts"].pop("memory"))),
        ("E107", damaged(lambda d: d["context"]["machine"]["parts"]["memory"].update(type="x"))),
        ("E103", damaged(lambda d: d["context"]["machine"]["parts"]["memory"].update(x=1))),
    ],
)
def test_what_is_no_result_is_refused(code: str, document: Any) -> None:
    with pytest.raises(cairn.CairnError) as caught:
        energy.price(document, cairn.load_energy_table())
    assert caught.value.diagnostics[0].code == code


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (("--table", "stone"), "E107", "did you mean 'stonne'?"),
        (("--table", "no-such.toml"), "E101", "the energy table cannot be read"),
        (("--datatype", "int9"), "E107", "did you mean 'int8'?"),
        (("--clock", 0), "E105", "out of range"),
        (("--buffer", -3), "E105", "out of range"),
        (("--table", "stonne", "--buffer", 64), "E303", "no figure of the table 'stonne'"),
    ],
)
def test_options_that_no_table_can_follow(
    cli: Cli, tmp_path: Path, options: tuple[Any, ...], code: str, message: str
) -> None:
    saved = tmp_path / "result.json"
    saved.write_text(json.dumps(result()))
    shown = cli("energy", saved, *options)
    assert shown.code == 2
    assert code in shown.err
    assert message in shown.err


def test_a_file_that_is_no_json_and_a_folder_that_cannot_be_made(cli: Cli, tmp_path: Path) -> None:
    saved, text = tmp_path / "result.json", tmp_path / "text.json"
    saved.write_text(json.dumps(result()))
    text.write_text("{")
    assert "E104" in cli("energy", text).err
    assert "E602" in cli("energy", saved, "--accelergy", text / "below").err
