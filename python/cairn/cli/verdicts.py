"""Whether the values of a simulation are right, in words."""

from __future__ import annotations

from typing import Any

import cairn
from cairn import machines


def verdict(run: Any, count: int, framework: str) -> str:
    """Say whether the ``count`` outputs of a model equal those of its own framework."""
    outputs = "the output" if count == 1 else f"the {count} outputs"
    equal = ("equals" if count == 1 else "equal") if run.agrees else "DO NOT AGREE WITH"
    own = "own of the pruned model" if "pruning" in run.result["context"] else "own"
    gap = f"max abs difference {run.max_abs_difference:.3g}"
    return f"{outputs} {equal} {framework}'s {own} ({gap})"


def excused(machine: cairn.Machine, agrees: bool, said: str, gap: float) -> tuple[bool, str]:
    """Return whether values are as they should be, and the words: predicted ones may be off."""
    if agrees or not machines.predicts(machine):
        return agrees, said
    return True, f"values are off, as this machine predicts signs (max abs difference {gap:.3g})"
