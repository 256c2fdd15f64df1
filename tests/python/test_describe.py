"""`cairn describe` explains every name that the core declares."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Cli

import cairn
from cairn.machines import family

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_the_overview_lists_presets_components_and_codes(cli: Cli) -> None:
    result = cli("describe")
    assert result.code == 0
    for preset in cairn.presets():
        assert preset["name"] in result.out
    for part in cairn.catalog():
        assert part["type"] in result.out
    for code in cairn.codes():
        assert code["code"] in result.out


def test_every_preset_component_parameter_counter_and_code_is_explained(cli: Cli) -> None:
    names = [preset["name"] for preset in cairn.presets()]
    names += [code["code"] for code in cairn.codes()]
    for part in cairn.catalog():
        names += [part["slot"], part["type"]]
        for each in (*part["parameters"], *part["counters"]):
            names += [each["name"], f"{part['slot']}.{each['name']}"]
    for name in names:
        result = cli("describe", name)
        assert result.code == 0, name
        assert result.out.strip(), name


def test_codes_are_found_in_any_case(cli: Cli) -> None:
    assert cli("describe", "e101").out == cli("describe", "E101").out


def test_machine_files_are_explained(cli: Cli, tmp_path: Path) -> None:
    result = cli("describe", EXAMPLES / "maeri-128.cfg")
    assert (result.code, result.err) == (0, "")
    assert "multipliers = 128" in result.out
    assert "Family: flexible" in result.out
    preset = EXAMPLES.parent / "presets/tpu-32x32.toml"
    assert cli("describe", preset).out == cli("describe", "tpu-32x32").out
    (tmp_path / "old.cfg").write_text("print_stats_enabled = 1\n")
    told = cli("describe", "old.cfg")
    assert told.code == 0
    assert told.err.startswith("warning: old.cfg:1: ")


@pytest.mark.parametrize("ending", ["toml", "cfg"])
def test_machine_files_that_are_wrong_are_refused(cli: Cli, tmp_path: Path, ending: str) -> None:
    (tmp_path / f"mine.{ending}").write_text("= 3")
    assert f"did you mean 'mine.{ending}'?" in cli("describe", f"main.{ending}").err
    result = cli("describe", f"mine.{ending}")
    assert (result.code, result.out) == (2, "")
    assert f"[E102] mine.{ending}:1" in result.err


@pytest.mark.parametrize("name", ["flexible", "systolic"])
def test_a_family_is_the_parts_that_fit_together(cli: Cli, name: str) -> None:
    out = cli("describe", name).out
    for part in cairn.catalog():
        shown = f"{part['slot']}  " in out and f"  {part['type']}  " in out
        assert shown == (part["family"] in (name, "")), part["type"]
    for preset in cairn.presets():
        machine = cairn.load_machine(preset["name"])
        assert (f"  {machine.name}  " in out) == (family(machine) == name)
        assert f"Family: {family(machine)}" in cli("describe", machine.name).out


def test_components_tell_their_family(cli: Cli) -> None:
    assert "component of flexible machines" in cli("describe", "multiplier.linear").out
    assert "component of all machines" in cli("describe", "writeback").out


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("flexibel", "flexible"),
        ("mutliplier", "multiplier"),
        ("tpu-16x17", "tpu-16x16"),
        ("colums", "col"),
    ],
)
def test_unknown_names_get_the_nearest(cli: Cli, name: str, near: str) -> None:
    result = cli("describe", name)
    assert result.code == 2
    assert "[E107]" in result.err
    assert near in result.err


def test_the_codes_that_python_raises_are_in_the_table() -> None:
    known = {code["code"] for code in cairn.codes()}
    ours = "E001 E101 E107 E501 E502 E503 E601 E602 U201 U202 U203 I001"
    assert set(ours.split()) <= known
