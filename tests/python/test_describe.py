"""`cairn describe` explains every name that the core declares."""

from __future__ import annotations

import pytest
from conftest import Cli

import cairn


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


@pytest.mark.parametrize(
    ("name", "near"), [("mutliplier", "multiplier"), ("tpu-16x17", "tpu-16x16"), ("colums", "col")]
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
