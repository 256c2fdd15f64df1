"""What the computed validation pages share: golden data, tables, counts of golden cases."""

import csv
from collections.abc import Iterable
from pathlib import Path

from cairn import golden

GOLDEN = Path(__file__).resolve().parent.parent / "tests" / "golden"
Row = dict[str, str]


def table(header: list[str], body: Iterable[Iterable[object]]) -> str:
    """Return a Markdown table."""
    lines = [header, ["---"] * len(header), *body]
    return "".join(f"| {' | '.join(map(str, cells))} |\n" for cells in lines)


def rows(name: str) -> list[Row]:
    """Read a CSV file of tests/golden."""
    with (GOLDEN / name).open() as file:
        return list(csv.DictReader(file))


def cases(name: str, *operations: str) -> list[golden.Case]:
    """Read the cases of a golden file that are one of the operations."""
    return [each for each in golden.read(GOLDEN / name) if each.operation in operations]


def passed(chosen: Iterable[golden.Case], evaluator: str) -> int:
    """Count the cases that pass."""
    return sum(golden.check(case, [evaluator]).state == "passed" for case in chosen)


def percent(found: int, published: int) -> str:
    """Return by how much a number differs from the published one."""
    return f"{100 * (found - published) / published:+.2f} %"
