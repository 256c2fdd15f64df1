"""`cairn describe` explains every name that the core declares."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli

import cairn
from cairn import glossary
from cairn.machines import family, multipliers
from cairn.summary import STATES

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


def explained(cli: Cli, name: str) -> str:
    """Return what is said of a name, in one line."""
    result = cli("describe", name)
    assert (result.code, result.err) == (0, ""), name
    return " ".join(result.out.split())


@pytest.mark.parametrize("preset", cairn.presets(), ids=lambda each: each["name"])
def test_every_machine_is_explained(cli: Cli, preset: dict[str, str]) -> None:
    out = explained(cli, preset["name"])
    assert preset["summary"] in out
    assert " ".join(preset["follows"].split()) in out
    machine = cairn.load_machine(preset["name"])
    assert f"{multipliers(machine):,} multipliers" in out
    for slot, settings in machine.describe()["parts"].items():
        assert f"{slot} {settings.pop('type')} " in out
        for name, value in settings.items():
            assert f" {name} {str(value).lower()} " in out.replace(str(value), str(value).lower())


@pytest.mark.parametrize("part", cairn.catalog(), ids=lambda each: f"{each['slot']}.{each['type']}")
def test_every_component_parameter_and_counter_is_explained(cli: Cli, part: dict[str, Any]) -> None:
    for name in (part["slot"], part["type"], f"{part['slot']}.{part['type']}"):
        out = explained(cli, name)
        assert part["doc"] in out
        assert all(f" {each['name']} " in out for each in part["parameters"] + part["counters"])
    for each in (*part["parameters"], *part["counters"]):
        out = explained(cli, f"{part['slot']}.{each['name']}")
        assert each["doc"][1:] in out
        assert each["unit"] in out
        assert f"of {part['type']}" in out
        assert f"{part['slot']}.{each['name']}" in explained(cli, each["name"])


@pytest.mark.parametrize("code", cairn.codes(), ids=lambda each: each["code"])
def test_every_code_is_explained_with_an_example_and_a_remedy(
    cli: Cli, code: dict[str, str]
) -> None:
    out = explained(cli, code["code"])
    for key in ("kind", "title", "explanation", "example", "remedy"):
        assert code[key]
        assert code[key] in out


@pytest.mark.parametrize(
    "code", [each for each in cairn.codes() if "`cairn" in each["example"]], ids=lambda e: e["code"]
)
def test_the_example_of_a_code_provokes_it(cli: Cli, tmp_path: Path, code: dict[str, str]) -> None:
    (tmp_path / "examples").symlink_to(EXAMPLES)
    command = code["example"].strip("`").split()
    result = cli(*command[1:])
    assert (command[0], result.code) == ("cairn", 2)
    assert f"error[{code['code']}]" in result.err
    assert result.err.count("error[") == result.err.count(code["code"])


@pytest.mark.parametrize("arch", ["maeri-64", "sigma-64"])
def test_every_field_of_a_result_is_explained(cli: Cli, arch: str) -> None:
    run = ("run", EXAMPLES / "small-net.onnx", "--arch", arch, "--json", "-")
    result = json.loads(cli(*run).out)
    (layer, *_), totals = result["layers"], result["totals"]
    for name in {*result, *layer, *layer["mapping"], *totals, *result["units"]}:
        assert len(explained(cli, name)) > len(name) + 20, name


def test_every_word_of_the_glossary_is_explained(cli: Cli) -> None:
    assert {*STATES, "compute", "drain", "avoidable"} <= set(glossary.terms())
    for name, (about, text) in glossary.terms().items():
        assert text in explained(cli, name)
        assert about in explained(cli, name)


def test_units_are_said_once_and_whole(cli: Cli) -> None:
    assert "multiplications / (multipliers x cycles)" in explained(cli, "utilisation").lower()
    assert "field of the result" in explained(cli, "Cycles")


def test_names_that_many_share_and_other_words_are_searched(cli: Cli) -> None:
    out = explained(cli, "bandwidth")
    types = [
        part["type"]
        for part in cairn.catalog()
        if "bandwidth" in [parameter["name"] for parameter in part["parameters"]]
    ]
    assert out.startswith(f"{len(types)} are called bandwidth")
    assert all(f"parameter of {kind}" in out for kind in types)
    out = explained(cli, "read ports")
    assert "nothing is called read ports" in out
    assert "distribution.bandwidth parameter of tree" in out
    assert "adder" in explained(cli, "Adders")


def test_codes_are_found_in_any_case(cli: Cli) -> None:
    assert cli("describe", "e101").out == cli("describe", "E101").out


def test_machine_files_are_explained(cli: Cli, tmp_path: Path) -> None:
    result = cli("describe", EXAMPLES / "maeri-128.cfg")
    assert (result.code, result.err) == (0, "")
    assert "128 multipliers" in result.out
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
