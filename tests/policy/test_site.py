"""The documentation site is whole: it builds, no page is missing, nothing comes from afar."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SECTIONS = ["Start", "Tutorial", "How-to", "Reference", "Validation", "Design", "Project"]


def build(root: Path, site: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(site)]
    quiet = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    return subprocess.run(
        command, cwd=root, env=quiet, capture_output=True, text=True, check=False, timeout=120
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the built site."""
    folder = tmp_path_factory.mktemp("site")
    done = build(ROOT, folder)
    assert done.returncode == 0, done.stderr
    return folder


def linked(page: Path) -> set[Path]:
    """The pages that a page of the site links to."""
    names = re.findall(r'href="([^"#:]+\.html)(?:#[^"]*)?"', page.read_text())
    return {(page.parent / name).resolve() for name in names}


def test_every_page_can_be_reached_from_the_first(site):
    waiting, seen = [site / "index.html"], set()
    while waiting:
        page = waiting.pop()
        if page not in seen:
            seen.add(page)
            waiting += linked(page)
    for page in [*ROOT.glob("docs/**/*.md"), ROOT / "ARCHITECTURE.md", ROOT / "CHANGELOG.md"]:
        name = str(page.relative_to(ROOT)).removeprefix("docs/").replace(".md", ".html")
        assert site / name in seen, name
    assert all(page.exists() for page in seen)


def test_the_navigation_has_its_sections_in_order(site):
    tabs = (site / "index.html").read_text().split('class="md-tabs"')[1].split("</nav>")[0]
    assert [each.strip() for each in re.findall(r">\s*([\w-]+)\s*</a>", tabs)] == SECTIONS


def test_files_of_the_repository_that_pages_link_to_are_pages(site):
    page = (site / "repository/examples/small_net.py.html").read_text()
    assert "<h1" in page
    assert "small_net.py.html" in (site / "pytorch.html").read_text()


def test_nothing_is_loaded_from_elsewhere(site):
    for page in site.rglob("*.html"):
        text = page.read_text()
        loaded = re.findall(r'<(?:script|img|iframe)\b[^>]*\bsrc="([^"]*)"', text)
        loaded += re.findall(r'<link\b[^>]*\brel="(?!canonical)[^>]*\bhref="([^"]*)"', text)
        assert loaded
        assert not [each for each in loaded if "//" in each and not each.startswith("data:")]
    for style in site.rglob("*.css"):
        assert not re.search(r"(url\(|@import)\s*[\"']?(https?:)?//", style.read_text())


def test_the_site_can_be_searched(site):
    index = (site / "search/search_index.json").read_text()
    assert "utilisation" in index
    assert "tutorial.html" in index
    assert 'data-md-component="search"' in (site / "index.html").read_text()


def test_a_dead_link_or_anchor_ends_the_build(tmp_path):
    listed = subprocess.run(
        [
            "git",
            "ls-files",
            "*.md",
            "docs",
            "tools",
            "examples",
            "energy",
            "tests/python",
            "mkdocs.yml",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in listed.splitlines():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    with (tmp_path / "docs/pytorch.md").open("a") as page:
        page.write("\n[a](missing.md) [b](stonne-users.md#nowhere)\n")
    (tmp_path / "docs/new.md").write_text("# A new guide\n")
    done = build(tmp_path, tmp_path / "site")
    assert done.returncode != 0
    assert "'missing.md'" in done.stderr
    assert "#nowhere" in done.stderr
    assert done.stderr.count("WARNING") == 2, done.stderr  # the new page has its place
