"""``cairn verify``: golden cases against the simulator."""

from __future__ import annotations

import json as json_module
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cairn import files, golden, tables
from cairn.cli import boundary
from cairn.cli.progress import Progress
from cairn.errors import CairnError


class Evaluators(StrEnum):
    """Which evaluators to verify."""

    FLOW = "flow"
    STEP = "step"
    BOTH = "both"


def verify(
    paths: Annotated[list[Path], typer.Argument(metavar="FILE.jsonl...", help="Golden cases.")],
    evaluator: Annotated[
        Evaluators, typer.Option("--evaluator", "-e", help="Which evaluators must reproduce them.")
    ] = Evaluators.BOTH,
    json: Annotated[
        str | None, typer.Option("--json", metavar="FILE", help="Write the outcome of every case.")
    ] = None,
) -> None:
    """Check golden cases: cycles, every counter and the computed values must be equal.

    Exit code 1 on any difference; each differing case is named with what was expected and got.

    Example: `cairn verify tests/golden/systolic.jsonl --evaluator step`
    """
    chosen = ["flow", "step"] if evaluator is Evaluators.BOTH else [evaluator.value]
    cases = _read_all(paths)
    out = tables.console()
    with files.Output(json) as output, Progress(quiet=False) as progress:
        outcomes = []
        for index, case in enumerate(cases):
            progress.layer(index, len(cases), case.name)
            outcomes.append(golden.check(case, chosen))
        document = {
            "schema": "cairn.verify/1",
            "evaluators": chosen,
            **{state: sum(each.state == state for each in outcomes) for state in golden.STATES},
            "cases": [each.as_dict() for each in outcomes],
        }
        output.write(json_module.dumps(document, indent=2))
    for each in outcomes:
        for line in each.differences:
            out.print(f"FAIL {each.name} {line}", soft_wrap=True)
    out.print(f"{document['passed']} passed, {document['failed']} failed")
    if document["failed"]:
        raise typer.Exit(boundary.DIFFERENT)


def _read_all(paths: list[Path]) -> list[golden.Case]:
    """Read every file; the faults of all of them are told at once."""
    cases: list[golden.Case] = []
    faults = []
    for path in paths:
        try:
            cases += golden.read(path)
        except CairnError as error:
            faults += error.diagnostics
    if faults:
        raise CairnError(faults)
    return cases
