"""The main job: a pretrained network reads a scanned line on the simulated machine."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "examples" / "read_text.py"


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(EXAMPLE), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def test_the_heading_is_read(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    done = run("--arch", "tpu-32x32", "--json", path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Region-based segmentation") == 2
    assert "outputs: equal" in done.stdout
    layers = json.loads(path.read_text())["layers"]
    assert len(layers) == 51
    assert {each["operation"] for each in layers} == {"conv", "gemm"}


def test_the_heading_is_read_on_two_machines_side_by_side(tmp_path: Path) -> None:
    path = tmp_path / "comparison.json"
    done = run("--arch", "tpu-16x16,tpu-32x32", "--json", path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Region-based segmentation") == 3
    assert "outputs: equal" in done.stdout
    assert "tpu-32x32 wins" in done.stdout
    document = json.loads(path.read_text())
    assert document["schema"] == "cairn.comparison/1"
    assert [len(each["layers"]) for each in document["results"]] == [51, 51]


def test_bad_options_are_diagnosed() -> None:
    for arguments in (("--line", "last"), ("--arch", "tpu-16x17")):
        done = run(*arguments)
        assert done.returncode == 2
        assert "error[" in done.stderr
        assert "Traceback" not in done.stderr


def test_missing_packages_say_what_to_install() -> None:
    code = (
        "import importlib.util as u, runpy, sys; find = u.find_spec;"
        "u.find_spec = lambda name, *a: None if name == 'skimage' else find(name, *a);"
        f"sys.argv = ['x']; runpy.run_path({str(EXAMPLE)!r}, run_name='__main__')"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 2, done.stderr
    assert "pip install --no-deps scikit-image" in done.stderr
