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
    """Run a command; its output, without spaces at the ends of lines."""
    done = run(command, folder)
    if done.returncode != 0:
        raise ValueError(f"{command}\n{done.stdout}{done.stderr}")
    return re.sub(r" +$", "", done.stdout, flags=re.MULTILINE).strip("\n") + "\n"


def run(command: str, folder: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command of the documentation in a folder, with `$(command)` replaced by its output.

    It is one of cairn, python, cmake and ctest, or a program that those made in build/.
    """
    whole = re.sub(r"\$\((.*?)\)", lambda inner: _printed(inner[1], str(folder)).strip(), command)
    program, *arguments = shlex.split(whole)
    python = [sys.executable]
    known = {"cairn": [*python, "-m", "cairn"], "python": python}
    known |= {name: [name] for name in ("cmake", "ctest")}
    if program not in known and not program.startswith("build/"):
        raise ValueError(f"do not know how to check `{command}`")
    start = known.get(program, [str(Path(folder) / program)])
    return subprocess.run(
        [*start, *arguments], cwd=folder, capture_output=True, text=True, check=False, timeout=600
    )


def _chosen(text: str, words: str | None) -> str:
    if words is None:
        return text
    found = (re.search(words, line) for line in text.splitlines())
    return "".join(f"{match[0]}\n" for match in found if match)
