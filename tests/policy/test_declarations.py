"""What is declared is documented and tested: components, counters, presets, diagnostic codes."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from cairn import _core

ROOT = Path(__file__).resolve().parents[2]


def test_every_declaration_has_a_sentence_and_every_number_a_unit():
    for part in _core.catalog():
        assert part["doc"], part["type"]
        for counter in part["counters"]:
            assert counter["doc"] and counter["unit"], (part["type"], counter["name"])
        for parameter in part["parameters"]:
            assert parameter["doc"], (part["type"], parameter["name"])
            assert parameter["unit"] or parameter["type"] != "integer", parameter["name"]


def test_reference_pages_and_quotes_are_fresh():
    command = [sys.executable, str(ROOT / "tools/make_reference.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def text_of_tests() -> str:
    """The tests, less the one that lists the codes without provoking them."""
    files = [*ROOT.glob("tests/cpp/**/*.cpp"), *ROOT.glob("tests/python/*.py")]
    return "\n".join(f.read_text() for f in files if f.name != "test_describe.py")


ENUM_NAMES = dict(
    re.findall(r"Code::(\w+),\s*\"(\w\d+)\"", (ROOT / "src/util/diagnostics.cpp").read_text())
)


@pytest.mark.parametrize("name", sorted(ENUM_NAMES))
def test_every_diagnostic_is_provoked_by_a_test(name):
    text = text_of_tests()
    code = ENUM_NAMES[name]
    assert re.search(rf"Code::{name}\b|\b{code}\b", text), f"{code} ({name}) has no test"


def test_the_table_of_codes_is_complete():
    assert {c["code"] for c in _core.codes()} == set(ENUM_NAMES.values())
    enumerators = re.search(
        r"enum class Code \{(.*?)\}", (ROOT / "include/cairn/error.h").read_text(), re.DOTALL
    )
    assert set(re.findall(r"^\s*(\w+),", enumerators[1], re.MULTILINE)) == set(ENUM_NAMES)


def test_every_preset_says_whom_it_follows():
    names = [p["name"] for p in _core.presets()]
    assert names == sorted(p.stem for p in (ROOT / "presets").glob("*.toml"))
    assert all(p["summary"] and p["follows"] for p in _core.presets())
