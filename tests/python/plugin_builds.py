"""Builds programs and plug-ins against the installed package, as users do."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import cairn

ROOT = Path(__file__).resolve().parents[2]


@cache
def built(source: str, cmake_dir: str = cairn.cmake_dir()) -> Path:
    """Build a CMake project of the repository; return the folder of what was built."""
    folder = Path(mkdtemp(prefix="cairn-"))
    for command in (
        ["cmake", "-S", str(ROOT / source), "-B", str(folder), f"-Dcairn_DIR={cmake_dir}"],
        ["cmake", "--build", str(folder)],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
        assert done.returncode == 0, done.stdout + done.stderr
    return folder
