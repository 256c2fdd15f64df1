"""Documentation is true: commands run, links lead somewhere, named files exist."""

import re
import shlex
from pathlib import Path

import pytest

import links
import outputs

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("tests/**/*.md")])
MAKE_TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def commands() -> list[tuple[str, str]]:
    """Every `$ ...` line of the console blocks, with its page."""
    found = []
    for page in PAGES:
        for block in re.findall(r"```console\n(.*?)```", page.read_text(), re.DOTALL):
            for line in block.splitlines():
                if line.startswith("$ "):
                    found.append((str(page.relative_to(ROOT)), line[2:].split("  #")[0].strip()))
    return found


def test_there_are_commands_to_check():
    assert len(commands()) >= 8


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    """A folder with what the commands of the documentation name."""
    place = tmp_path_factory.mktemp("docs")
    for name in ("tests", "examples", "presets", "energy"):
        (place / name).symlink_to(ROOT / name)
    return place


@pytest.mark.parametrize(("page", "command"), commands())
def test_a_documented_command_runs(page, command, workplace):
    words = shlex.split(command)
    if words[0] == "make":
        assert set(words[1:]) <= MAKE_TARGETS, f"{page}: {command}"
        return
    if words[0] in {"git", "cd"}:
        return
    done = outputs.run(command, workplace)
    assert done.returncode == 0, f"{page}: {command}\n{done.stdout}{done.stderr}"


def python_blocks(page: Path) -> list[str]:
    return re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)


@pytest.mark.filterwarnings("ignore:Using `torch.compile")
@pytest.mark.parametrize("page", [p for p in PAGES if python_blocks(p)], ids=lambda p: p.name)
def test_python_in_the_documentation_prints_what_it_says(page, capsys):
    names: dict[str, object] = {}
    for block in python_blocks(page):
        exec(block, names)
        promised = re.findall(r"^print\(.*\)  # (.*)$", block, re.MULTILINE)
        assert capsys.readouterr().out.splitlines() == promised


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    assert links.dead(page) == []


def test_dead_links_and_anchors_are_found(tmp_path):
    (tmp_path / "b.md").write_text("# One\n## `two` words, (x)\n## One\n```\n# none\n```\n")
    page = tmp_path / "a.md"
    page.write_text(
        "# A\n[1](b.md) [2](b.md#one-1) [3](b.md#two-words-x) [4](#a) [5](https://x.org/#y)\n"
        "[6](c.md) `[7](d.md)` [8](b.md#none)\n```\n[9](e.md)\n```\n![10](f.svg) [11](#b)\n"
    )
    assert [each.split(":")[0] for each in links.dead(page)] == ["c.md", "b.md#none", "f.svg", "#b"]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_named_source_files_exist(page):
    for name in re.findall(
        r"\b((?:src|include|python|tests|tools|docs|presets|cmake)/[\w/.-]*\w)", page.read_text()
    ):
        assert (ROOT / name).exists() or list(ROOT.glob(name + "*")), f"{page.name} names {name}"


def test_what_commands_print_is_written_below_them():
    page = (
        "<!-- output: \\w+ -->\n```console\n$ cairn --version\nold\n```\n```console\n$ cairn\n```\n"
    )
    assert outputs.with_outputs(page) == page.replace("old", "cairn")
    with pytest.raises(ValueError, match="rm"):
        outputs.with_outputs(page.replace("$ cairn --version", "$ rm -r x"))
