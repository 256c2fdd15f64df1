"""The conventions of the repository, as tests: layering, side effects, sizes of files."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src"


def tracked(*patterns: str) -> list[Path]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / line for line in listed.splitlines() if (ROOT / line).is_file()]


def declared_layers() -> dict[str, set[str]]:
    """Layer -> layers it may see, read from the build files."""
    text = (SOURCE / "CMakeLists.txt").read_text() + (SOURCE / "fabric/CMakeLists.txt").read_text()
    layers = {}
    for name, arguments in re.findall(r"cairn_layer\(\s*(\w+)([^)]*)\)", text):
        seen = re.search(r"SEES ([\w\s]+?)(?:LINKS|$)", arguments.strip())
        layers[name] = set(seen[1].split()) if seen else set()
    return layers


def includes(path: Path) -> list[str]:
    return re.findall(r'^#include "([^"]+)"', path.read_text(), re.MULTILINE)


def test_the_layers_are_known_and_have_no_cycle():
    layers = declared_layers()
    assert {"util", "kernel", "fabric", "engine", "api"} <= set(layers)
    assert {p.name for p in SOURCE.iterdir() if p.is_dir()} == set(layers)
    placed: set[str] = set()
    while len(placed) < len(layers):
        ready = {name for name, seen in layers.items() if name not in placed and seen <= placed}
        assert ready, f"a cycle among {set(layers) - placed}"
        placed |= ready


def test_no_link_leads_out_of_the_repository():
    listed = subprocess.run(
        ["git", "ls-files", "--stage"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert not [line for line in listed.splitlines() if line.startswith("120000")]


@pytest.mark.parametrize("layer", sorted(declared_layers()))
def test_a_layer_includes_only_what_it_may_see(layer):
    may_see = declared_layers()[layer] | {layer, "cairn"}
    for path in [*(SOURCE / layer).rglob("*.h"), *(SOURCE / layer).rglob("*.cpp")]:
        for include in includes(path):
            assert include.split("/")[0] in may_see, f"{path.relative_to(ROOT)} includes {include}"


def test_fabric_knows_no_workload_mapping_or_machine_description():
    assert declared_layers()["fabric"].isdisjoint({"workload", "mapping", "arch", "engine"})


def test_parts_in_different_slots_do_not_know_each_other():
    for path in (SOURCE / "fabric").glob("*/*.cpp"):
        for include in includes(path):
            parts = include.split("/")
            same_slot = len(parts) == 2 or parts[1] == path.parent.name
            assert parts[0] != "fabric" or same_slot, f"{path.name} includes {include}"


def test_every_part_is_one_file_and_one_line():
    listed = (SOURCE / "fabric/CMakeLists.txt").read_text().split("set(PARTS")[1].split(")")[0]
    files = {
        str(p.relative_to(SOURCE / "fabric").with_suffix(""))
        for p in (SOURCE / "fabric").glob("*/*.cpp")
    }
    assert set(listed.split()) == files


def test_public_headers_stand_alone():
    for path in (ROOT / "include").rglob("*.h"):
        assert all(i.startswith("cairn/") for i in includes(path)), path.name


FORBIDDEN = re.compile(
    r"\b(std::cout|std::cerr|printf|puts|std::exit|std::abort|abort\(|getenv|std::time|::now\(\)"
    r"|random_device|rand\(|assert\()"
)


def test_the_core_does_not_print_exit_or_read_clock_and_environment():
    for path in [*SOURCE.rglob("*.cpp"), *SOURCE.rglob("*.h")]:
        for number, line in enumerate(path.read_text().splitlines(), 1):
            code = line.split("//")[0]
            assert not FORBIDDEN.search(code), f"{path.relative_to(ROOT)}:{number}: {line.strip()}"


def test_files_stay_under_400_lines():
    for path in tracked("*.cpp", "*.h", "*.py", "*.cmake", "Makefile"):
        lines = len(path.read_text().splitlines())
        assert lines < 400, f"{path.relative_to(ROOT)} has {lines} lines"


def test_no_unfinished_marks():
    marks = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX)\b")
    for path in tracked("*.cpp", "*.h", "*.py", "*.md", "*.toml", "*.cmake", "Makefile"):
        assert not marks.search(path.read_text()), path.relative_to(ROOT)
