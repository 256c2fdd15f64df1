"""What the commands of the documentation print, written below them.

A console block under `<!-- output -->` shows all that its commands print; under
`<!-- output: WORDS -->` only what of each line matches WORDS, a regular expression.
"""

import re
import shlex
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_BLOCK = re.compile(r"(<!-- output(?:: (.*?))? -->\n```console\n)(.*?)```", re.DOTALL)


def with_outputs(page: str) -> str:
    """Run the commands of all marked blocks, one page in one folder, and write what they print."""
    if not _BLOCK.search(page):
        return page
    with tempfile.TemporaryDirectory() as folder:
        for name in ("examples", "presets"):
            (Path(folder) / name).symlink_to(ROOT / name)

        def filled(block: re.Match[str]) -> str:
            head, words, body = block.groups()
            commands = [line for line in body.splitlines() if line.startswith("$ ")]
            shown = [f"{line}\n{_chosen(_printed(line[2:], folder), words)}" for line in commands]
            text = "\n".join(shown)
            return f"{head}{text}```"

        return _BLOCK.sub(filled, page)


@cache
def _printed(command: str, folder: str) -> str:
    """Run a `cairn` command; its output, without spaces at the ends of lines."""
    program, *arguments = shlex.split(command)
    if program != "cairn":
        raise ValueError(f"only the output of cairn is written, not that of `{command}`")
    run = [sys.executable, "-m", "cairn", *arguments]
    done = subprocess.run(run, cwd=folder, capture_output=True, text=True, check=True)
    return re.sub(r" +$", "", done.stdout, flags=re.MULTILINE).strip("\n") + "\n"


def _chosen(text: str, words: str | None) -> str:
    if words is None:
        return text
    found = (re.search(words, line) for line in text.splitlines())
    return "".join(f"{match[0]}\n" for match in found if match)
