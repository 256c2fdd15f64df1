"""Result files appear whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cairn import CairnError, files


def test_the_text_appears_only_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    with files.Output(str(path)) as output:
        output.write("{}")
        assert not path.exists()
    assert path.read_text() == "{}\n"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), files.Output(str(tmp_path / "out.json")) as output:
        output.write("{}")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_permissions_are_those_of_an_ordinary_file(tmp_path: Path) -> None:
    path, plain = tmp_path / "out.json", tmp_path / "plain"
    plain.touch()
    with files.Output(str(path)) as output:
        output.write("1")
    assert path.stat().st_mode == plain.stat().st_mode
    path.chmod(0o640)
    with files.Output(str(path)) as output:
        output.write("2")
    assert path.stat().st_mode & 0o777 == 0o640
    assert path.read_text() == "2\n"


def test_links_and_devices_are_written_through(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    link.symlink_to(target)
    with files.Output(str(link)) as output:
        output.write("x")
    assert link.is_symlink()
    assert target.read_text() == "x\n"
    with files.Output(os.devnull) as output:
        output.write("x")
    assert Path(os.devnull).is_char_device()


@pytest.mark.parametrize("place", ["missing/out.json", "."])
def test_unwritable_places_are_refused_on_entry(tmp_path: Path, place: str) -> None:
    with pytest.raises(CairnError, match="E602"), files.Output(str(tmp_path / place)):
        pytest.fail("the work must not start")
