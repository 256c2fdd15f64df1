"""Writes the golden timelines anew; check by hand what has changed before you keep it.

The first line of each file in tests/golden/timelines is the command whose output the rest is.
"""

import shlex
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "tests/golden/timelines"

for path in sorted(FOLDER.glob("*.txt")):
    command = path.read_text().splitlines()[0]
    words = shlex.split(command.removeprefix("$ cairn "))
    done = subprocess.run(
        [sys.executable, "-m", "cairn", *words], capture_output=True, text=True, check=True
    )
    path.write_text(f"{command}\n{done.stdout}")
