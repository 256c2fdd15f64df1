"""The TOML files of the reference, flattened, with the line of every key."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cairn import files
from cairn.errors import refusal
from cairn.files import readable

_TABLE = re.compile(r"\s*\[\s*([\w.-]+)\s*\]")
_KEY = re.compile(r"""\s*"?([\w.'-]+)"?\s*=""")


@dataclass(frozen=True, slots=True)
class Document:
    """The tables of a file, and all values in them by ``table.key``."""

    path: str
    tables: dict[str, Any]
    values: dict[str, Any]
    lines: dict[str, int]

    def place(self, key: str) -> str:
        """Say where a key stands: ``file:line``, or the file if the key is absent."""
        return f"{self.path}:{self.lines[key]}" if key in self.lines else self.path


def read(path: str | os.PathLike[str]) -> Document:
    """Read a file; raises E101, or E102 with line and column of a syntax error."""
    text, name = files.read_text(path), readable(os.fspath(path))
    # The reference writes T_X' and T_Y', which TOML wants quoted.
    quoted = re.sub(r"(?m)^(\s*)(T_[XY]')(\s*=)", r'\1"\2"\3', text)
    try:
        tables = tomllib.loads(quoted)
        values = dict(_flat(tables))
    except (ValueError, RecursionError) as error:
        message, _, at = str(error).partition(" (at ")
        position = ":".join(re.findall(r"\d+", at))
        place = f"{name}:{position}" if position else name
        raise refusal("E102", place, f"not valid TOML: {message}", "correct the line") from error
    return Document(name, tables, values, dict(_lines(text)))


def _flat(table: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _lines(text: str) -> Iterator[tuple[str, int]]:
    """Yield every ``table.key`` that starts a line, with the number of that line."""
    prefix = ""
    for number, line in enumerate(text.splitlines(), 1):
        if table := _TABLE.match(line):
            prefix = f"{table[1]}."
        elif key := _KEY.match(line):
            yield f"{prefix}{key[1]}", number
