"""What MkDocs does besides: pages of the whole repository, the navigation, lists and links.

Pages outside of docs/ that the navigation names are taken in as they are; other files that a page
links to get a page under repository/. Links are those of the repository and become the site's.
"""

import os
import re
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, InclusionLevel

sys.path.insert(0, str(Path(__file__).parent))
import links

ROOT = links.ROOT
LANGUAGES = {".py": "python", ".toml": "toml", ".csv": "text", ".h": "cpp", ".cpp": "cpp"}


def uri_of(path: Path, named: set[str]) -> str:
    """Return where a file of the repository stands on the site."""
    name = path.relative_to(ROOT).as_posix()
    if name.startswith("docs/"):
        return name.removeprefix("docs/")
    if name == "README.md":
        return "index.md"
    return name if name in named else f"repository/{name}{'' if path.suffix == '.md' else '.md'}"


def path_of(uri: str) -> Path:
    """Return the file of the repository that a page of the site shows."""
    if (ROOT / "docs" / uri).exists():
        return ROOT / "docs" / uri
    path = ROOT / uri.removeprefix("repository/")
    return path if path.exists() else path.with_suffix("")


def named(nav: list[dict[str, list[str]]]) -> set[str]:
    """Return the pages that the navigation names, without its patterns."""
    return {uri for section in nav for uris in section.values() for uri in uris if "*" not in uri}


def text_of(path: Path) -> str:
    """Return the page of a file: itself, or its text as code."""
    text = path.read_text()
    if path.suffix == ".md":
        return text
    name, language = path.relative_to(ROOT), LANGUAGES.get(path.suffix, "text")
    return f"# {name}\n\n```{language}\n{text}```\n"


def on_files(files: Any, config: Any) -> Any:
    """Take in what stands outside of docs/, and spread the patterns of the navigation."""
    known = named(config.nav)
    for uri in sorted(known - set(files.src_uris)):
        files.append(File.generated(config, uri, content=text_of(path_of(uri))))
    waiting = [each.src_uri for each in files.documentation_pages()]
    while waiting:
        page = path_of(waiting.pop())
        for target in filter(links.is_local, links.targets(page.read_text())):
            path, _ = links.resolved(page, target)
            if path.is_relative_to(ROOT) and path.is_file():
                uri = uri_of(path, known)
                if uri not in files.src_uris:
                    level = InclusionLevel.NOT_IN_NAV
                    text = text_of(path)
                    files.append(File.generated(config, uri, content=text, inclusion=level))
                    waiting += [uri] if path.suffix == ".md" else []
    pages = sorted(each.src_uri for each in files.documentation_pages())
    config.nav = spread(config.nav, [uri for uri in pages if not uri.startswith("repository/")])
    return files


def spread(nav: list[dict[str, list[str]]], pages: list[str]) -> list[dict[str, list[str]]]:
    """Replace each pattern by the pages of its folder that are named nowhere."""
    known = named(nav)

    def all_of(pattern: str) -> list[str]:
        if "*" not in pattern:
            return [pattern]
        folder = Path(pattern).parent
        free = (uri for uri in pages if uri not in known and Path(uri).parent == folder)
        return [uri for uri in free if fnmatch(uri, pattern)]

    return [
        {title: [uri for pattern in patterns for uri in all_of(pattern)]}
        for section in nav
        for title, patterns in section.items()
    ]


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Make the links of the repository those of the site, and lists after a line of text lists."""
    if page.parent and len(page.parent.children) == 1:
        page.meta["hide"] = ["navigation"]  # a list of one page takes room and says nothing
    source, known = path_of(page.file.src_uri), named(config.nav)
    here = Path(page.file.src_uri).parent

    def changed(target: str) -> str:
        path, anchor = links.resolved(source, target)
        if not links.is_local(target) or target.startswith("#") or not path.is_file():
            return target
        return os.path.relpath(uri_of(path, known), here) + (f"#{anchor}" if anchor else "")

    text = links.rewritten(markdown, changed) if source.suffix == ".md" else markdown
    return re.sub(r"(?m)^((?!\* |\d+\. |[|#> `]).+)\n(?=\* |\d+\. )", r"\1\n\n", text)
