"""Hardware files of the reference (.cfg)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cairn.errors import CairnError, diagnostic, nearest
from cairn.stonne import toml
from cairn.stonne.hardware import CHOICES, Hardware, choice_fault, ignored, integer_fault

if TYPE_CHECKING:
    from cairn import Machine

_SETTINGS = {
    "MSNetwork.ms_size": "num_ms",
    "MSNetwork.ms_rows": "ms_rows",
    "MSNetwork.ms_cols": "ms_cols",
    "MSNetwork.type": "mn_type",
    "ReduceNetwork.type": "rn_type",
    "ReduceNetwork.accumulation_buffer_enabled": "accumulation_buffer",
    "SDMemory.dn_bw": "dn_bw",
    "SDMemory.rn_bw": "rn_bw",
    "SDMemory.controller_type": "mem_ctrl",
}
# Keys that the reference reads, and that change neither its cycles nor its counters.
_PORTS = ("latency", "input_ports", "output_ports", "forwarding_ports", "port_width")
_IDLE = {
    "print_stats_enabled",
    "DSNetwork.n_switches_traversed_by_cycle",
    "LookUpTable.latency",
    "LookUpTable.port_width",
    "SDMemory.port_width",
    *(f"{unit}.{port}" for unit in ("DSwitch", "MSwitch", "ASwitch") for port in _PORTS),
    "MSwitch.buffers_capacity",
    "ASwitch.buffers_capacity",
}
_ABSENT = {"ms_rows", "ms_cols", "accumulation_buffer"}  # may be 0
_DEFAULTS = {each.name: each.default for each in fields(Hardware)}


def load_machine(
    path: str | os.PathLike[str], overrides: Sequence[tuple[str, str]] = ()
) -> Machine:
    """Read a hardware file and return the Cairn machine with the same timing.

    Keys without effect and values of a wrong type, which the reference skips, are told as
    :class:`IgnoredWarning`; values that it cannot run are refused, all at once.
    """
    document = toml.read(path)
    keys = {setting: key for key, setting in _SETTINGS.items()}

    def place(setting: str) -> str:
        return f"{document.place(keys[setting])}: {keys[setting]}"

    given: dict[str, Any] = {}
    faults = []
    for key, value in document.values.items():
        setting = _SETTINGS.get(key)
        if setting is None:
            _tell_unused(document, key)
        elif type(value) is not type(_DEFAULTS[setting]):
            kind = "a text" if isinstance(_DEFAULTS[setting], str) else "an integer"
            message = f"{key} = {value!r} is not {kind} and has no effect"
            ignored(document.place(key), f"{message}: {_DEFAULTS[setting]!r} counts")
        else:
            given[setting] = value
            fault = (
                choice_fault(value, CHOICES[setting])
                if setting in CHOICES
                else integer_fault(value, 0 if setting in _ABSENT else 1)
            )
            if fault:
                code, message, remedy = fault
                faults.append(diagnostic(code, place(setting), message, remedy))
    if faults:
        raise CairnError(faults)

    hardware = Hardware(**given)
    machine = hardware.machine(Path(path).stem, document.path, place, overrides)
    hardware.tell_ignored(given, place)
    return machine


def _tell_unused(document: toml.Document, key: str) -> None:
    if key in _IDLE:
        ignored(document.place(key), f"{key} has no effect, as in the reference")
    else:
        hint = nearest(key, (*_SETTINGS, *_IDLE), "the reference has no such key either")
        ignored(document.place(key), f"{key} is unknown and has no effect; {hint}")
