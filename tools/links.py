"""Links and anchors of Markdown pages, as GitHub and the documentation site read them."""

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

_CODE = re.compile(r"(^```.*?^```|`[^`\n]*`)", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"(\]\()([^)\s]+)(\))")
_HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.MULTILINE)


def _prose(page: str) -> Iterator[tuple[bool, str]]:
    """Split a page into prose (true) and code (false)."""
    for index, part in enumerate(_CODE.split(page)):
        yield index % 2 == 0, part


def rewritten(page: str, change: Callable[[str], str]) -> str:
    """Change the target of every link that is not in code."""

    def changed(found: re.Match[str]) -> str:
        return f"{found[1]}{change(found[2])}{found[3]}"

    return "".join(_LINK.sub(changed, text) if prose else text for prose, text in _prose(page))


def targets(page: str) -> list[str]:
    """List the targets of all links, with their anchors."""
    return [found for prose, text in _prose(page) if prose for _, found, _ in _LINK.findall(text)]


def is_local(target: str) -> bool:
    """Whether a target is in the repository."""
    return "://" not in target and not target.startswith("mailto:")


def resolved(page: Path, target: str) -> tuple[Path, str]:
    """Return the file that a link on ``page`` names, and its anchor."""
    path, _, anchor = target.partition("#")
    return Path(os.path.normpath(page.parent / path)) if path else page, anchor


def anchors(page: str) -> set[str]:
    """Return the anchors of the headings; a repeated one gets a number."""
    text = re.sub(r"^```.*?^```", "", page, flags=re.DOTALL | re.MULTILINE)
    seen: Counter[str] = Counter()
    found = set()
    for heading in _HEADING.findall(text):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
        name = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        found.add(f"{name}-{seen[name]}" if seen[name] else name)
        seen[name] += 1
    return found


def dead(page: Path) -> list[str]:
    """List the links of a page that lead nowhere: no such file, or no such heading in it."""
    faults = []
    for target in filter(is_local, targets(page.read_text())):
        path, anchor = resolved(page, target)
        if not path.exists():
            faults.append(f"{target}: no such file")
        elif anchor and anchor not in anchors(path.read_text()):
            faults.append(f"{target}: no such heading")
    return faults
