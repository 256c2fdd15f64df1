"""Plug-ins, libraries with components of your own, and what builds them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from cairn import files


def load_plugin(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Load a shared library with components that machines may name from then on.

    Returns ``{"name", "version", "file", "parts": ["collection.chain"]}``. A library that is loaded
    already is not loaded again. Raises CairnError, and nothing of the library is kept: E101 for a
    file that cannot be read, E109 for one that is no plug-in for this Cairn, E110 for components
    that no machine could use. See docs/your-own-accelerator.md.
    """
    from cairn import _core  # late: importing cairn stays light

    return _core.load_plugin(files.readable(str(files.existing(path))))


def cmake_dir() -> str:
    """Return the folder in which ``find_package(cairn)`` of CMake finds Cairn (``cairn_DIR``)."""
    return str(Path(__file__).resolve().parent / "lib" / "cmake" / "cairn")
