"""Machines: presets and files, and what their descriptions say."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cairn
from cairn import files
from cairn.errors import refusal

if TYPE_CHECKING:
    from cairn import Machine


def load_machine(name_or_path: str, overrides: Sequence[tuple[str, str]] = ()) -> Machine:
    """Load a preset, a machine file (.toml), or a hardware file of the reference (.cfg)."""
    from cairn import _core, stonne

    name, ending = files.readable(name_or_path), Path(name_or_path).suffix.lower()
    if ending == ".cfg":
        return stonne.load_machine(name_or_path, overrides)
    if ending == ".toml":
        return _core.parse_machine(files.read_text(name_or_path), name, overrides)
    return _core.load_machine(name, overrides)


def family(machine: Machine) -> str:
    """Return the family of a machine: that of its memory controller."""
    controller = machine.describe()["parts"]["memory"]["type"]
    rows = (part for part in cairn.catalog() if part["slot"] == "memory")
    return next(str(part["family"]) for part in rows if part["type"] == controller)


def multipliers(machine: Machine) -> int:
    """Return how many multipliers a machine has."""
    part = machine.describe()["parts"]["multiplier"]
    return int(part.get("multipliers") or part["rows"] * part["columns"])


def compares(machine: Machine) -> bool:
    """Whether a machine has adders that compare, for max-pooling."""
    return machine.describe()["parts"]["memory"]["type"] == "dense"


# What may go to the machine besides the products.
OFFLOADS = ("maxpool",)


def pools(machine: Machine, offload: str | None) -> bool:
    """Whether max-pooling goes to the machine: if it is asked for, and the machine can.

    Raises E107 for anything else that is asked for.
    """
    if offload not in (None, *OFFLOADS):
        raise refusal("E107", "offload", f"unknown '{offload}'", f"use {', '.join(OFFLOADS)}")
    return offload is not None and compares(machine)


def left_on_host(machine: Machine) -> str:
    """Say that max-pooling was asked for in vain."""
    return f"max-pooling ran on the host: {machine.name} has no adders that compare"


# The memory controllers that leave zeros of the stationary operand out.
_SPARSE = ("bitmap", "csr")


def is_sparse(machine: Machine) -> bool:
    """Whether zeros, and the order of the filters that hold them, decide a machine's cycles."""
    return machine.describe()["parts"]["memory"]["type"] in _SPARSE


def stops_early(machine: Machine) -> bool:
    """Whether a machine checks the sign of a sum and leaves one that a ReLU makes 0."""
    return machine.describe()["parts"]["reduction"]["type"] == "sign-check"


def asks_for_relus(session: Any) -> bool:
    """Whether a session wants to know of the ReLUs behind products: to stop, or to keep them."""
    return bool(getattr(session, "keeps_relus", False)) or stops_early(session.machine)


NO_NEGATIVE = (
    "an input of the model has no negative value here and counts as one that never has: of layers "
    "that read it sums may be left early"
)


def predicts(machine: Machine) -> bool:
    """Whether a machine leaves sums that may yet become positive: its outputs are not exact."""
    return stops_early(machine) and machine.describe()["parts"]["memory"]["prefix"] > 0
