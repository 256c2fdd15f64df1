"""Command lines of the reference: ``-CONV -R=3 -S=3 ...``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import cairn
from cairn.errors import CairnError, Diagnostic, diagnostic, nearest, refusal
from cairn.files import readable
from cairn.stonne.hardware import (
    CHOICES,
    INPUTS,
    SPARSE,
    SPARSE_DENSE,
    Fault,
    Hardware,
    choice_fault,
    ignored,
    integer_fault,
)
from cairn.stonne.rand import sparse_operands
from cairn.stonne.tile import GENERATORS, OBJECTIVES, Tiling, named

if TYPE_CHECKING:
    from cairn import Conv, Gemm, Machine
    from cairn.operands import Floats

Values = dict[str, Any]  # whole numbers and words

_HARDWARE = {each.name: each.default for each in fields(Hardware)}
_LINEAR = {name: _HARDWARE[name] for name in ("num_ms", "dn_bw", "rn_bw", "rn_type")}
_MAPPER = {"generate_tile": "none", "generator": "auto"}
_OTHER = {"layer_name": "TestLayer", **_MAPPER, "print_stats": "1"}
_CONV: Values = {
    **{"R": 1, "S": 3, "C": 1, "K": 1, "G": 1, "N": 1, "X": 1, "Y": 3, "strides": 1},
    **{"T_R": 1, "T_S": 3, "T_C": 1, "T_K": 1, "T_G": 1, "T_N": 1, "T_X_": 1, "T_Y_": 1},
    **_LINEAR,
    "accumulation_buffer": 0,
    **_OTHER,
}
_GEMM: Values = {
    **{"M": 1, "N": 1, "K": 3, "T_M": 1, "T_N": 1, "T_K": 1},
    **{name: value for name, value in _HARDWARE.items() if name != "dataflow"},
    **_OTHER,
}
_SPARSE_GEMM: Values = {
    **{"M": 4, "N": 4, "K": 8, "MK_sparsity": 20, "KN_sparsity": 20},
    **{"dataflow": INPUTS, "optimize": "0"},
    **_LINEAR,
    **{"layer_name": "GEMMTestLayer", "print_stats": "1"},
}
_SPARSE_DENSE: Values = {
    **{"M": 32, "N": 16, "K": 32, "MK_sparsity": 70, "T_N": 4, "T_K": 8},
    **_LINEAR,
    "accumulation_buffer": 1,
    **{"layer_name": "SparseDenseTestLayer", **_MAPPER, "print_stats": "1"},
}
# The flags of each operation with their defaults, which are the reference's.
OPERATIONS = {
    "-CONV": _CONV,
    "-FC": _GEMM,
    "-DenseGEMM": _GEMM,
    "-SparseGEMM": _SPARSE_GEMM,
    "-SparseDense": _SPARSE_DENSE,
}
# What the sparse operations say of the machine without a flag.
_IMPLIED = {
    "-SparseGEMM": {"mem_ctrl": SPARSE},
    "-SparseDense": {"mem_ctrl": SPARSE_DENSE, "dataflow": INPUTS},
}

_NUMBERED = {"generate_tile": tuple(OBJECTIVES), "generator": GENERATORS}
_CHOICES = {**CHOICES, **_NUMBERED, "optimize": ("0", "1"), "print_stats": ("0", "1")}
_PERCENT = ("MK_sparsity", "KN_sparsity")
_MAY_BE_ZERO = {"ms_rows", "ms_cols", "accumulation_buffer"}


@dataclass(frozen=True, slots=True)
class Command:
    """What a command line of the reference asks for.

    ``zeros``: per cent of them in each operand; None: the operation does not heed them.
    ``schedule``: the order in which the vectors of the stationary operand are taken.
    ``print_stats``: whether to write the reference's files; None: it is not said.
    """

    name: str
    operation: Conv | Gemm
    machine: Machine
    hardware: Hardware
    tile: dict[str, int] | None
    objective: str | None
    zeros: tuple[int, int] | None = None
    schedule: str = "none"
    print_stats: bool | None = None

    def operands(self) -> tuple[Floats, Floats] | None:
        """Draw the operands whose zeros are heeded, as the reference does; None: any will do."""
        size = self.operation
        return sparse_operands(size.m, size.n, size.k, *self.zeros) if self.zeros else None


def parse(words: Sequence[str]) -> Command:
    """Translate a command line: the operation, then its flags.

    Raises CairnError with all faults. What has no effect is told as IgnoredWarning.
    """
    operation = words[0] if words else ""
    if operation not in OPERATIONS:
        hint = nearest(operation, OPERATIONS, f"one of: {', '.join(OPERATIONS)}")
        raise refusal("E107", operation, "a command line starts with an operation", hint)
    given = _given(OPERATIONS[operation], words[1:])
    values = {**OPERATIONS[operation], **given}
    settings = {**values, **_IMPLIED.get(operation, {})}
    hardware = Hardware(**{name: settings[name] for name in _HARDWARE if name in settings})
    layer, machine = _build(operation, values, hardware)
    hardware.tell_ignored(given, _flag)
    tile, objective = _tiling(values, given, hardware)
    return Command(
        readable(values["layer_name"]),
        layer,
        machine,
        hardware,
        tile,
        objective,
        # The dense operand of -SparseDense is drawn like one with 0 per cent of zeros.
        (values["MK_sparsity"], values.get("KN_sparsity", 0)) if hardware.sparse else None,
        "largest" if values.get("optimize") == "1" else "none",
        given["print_stats"] == "1" if "print_stats" in given else None,
    )


def _flag(setting: str) -> str:
    return f"-{setting}"


def _given(known: Values, flags: Sequence[str]) -> Values:
    """Read the flags; raises CairnError for all that are not understood."""
    given: Values = {}
    faults = []
    for word in flags:
        name = word.removeprefix("-").partition("=")[0]
        value, fault = _read(word, known)
        if fault is None and name in given:
            fault = "E001", "the flag is given twice", "give it once"
        if fault is not None:
            code, message, remedy = fault
            faults.append(diagnostic(code, word, message, remedy))
        given[name] = value
    if faults:
        raise CairnError(faults)
    return given


def _read(word: str, known: Values) -> tuple[int | str, Fault | None]:
    """Read one ``-name=value``: its value, and what is wrong with it."""
    flag, equals, text = word.partition("=")
    name = flag.removeprefix("-")
    if word.startswith("--"):
        hint = "options of Cairn come before the operation"
        return text, ("E001", "this is no flag of the reference", hint)
    if name not in known:
        hint = nearest(_flag(name), map(_flag, known), "`cairn stonne --help` lists the flags")
        return text, ("E103", "this operation has no such flag", hint)
    example = f"e.g. -{name}={known[name]}"
    if flag == name or not (equals and text):
        return text, ("E001", "a flag has the form -name=value", example)
    if name == "layer_name":
        return text, None
    if name in _CHOICES:
        value = named(text, _NUMBERED[name]) if name in _NUMBERED else text
        return value, choice_fault(value, _CHOICES[name])
    if not re.fullmatch(r"[+-]?[0-9]+", text):
        return text, ("E104", f"'{text}' is not an integer", example)
    number = int(text[:20])  # longer ones are out of range, whatever follows
    if name in _PERCENT:
        percent = "E105", f"{text} is not a percentage", "an integer from 0 to 100"
        return number, None if 0 <= number <= 100 else percent
    return number, integer_fault(number, 0 if name in _MAY_BE_ZERO else 1)


def _build(operation: str, values: Values, hardware: Hardware) -> tuple[Conv | Gemm, Machine]:
    """Make operation and machine; the faults of both are told at once."""
    if hardware.sparse and operation not in _IMPLIED:
        rule = f"{hardware.mem_ctrl} does not run {operation}"
        runs = next(each for each in _IMPLIED if _IMPLIED[each]["mem_ctrl"] == hardware.mem_ctrl)
        raise refusal("E201", "-mem_ctrl", rule, f"it runs {runs}")
    faults: list[Diagnostic] = []
    built: list[Any] = []
    for make in (
        lambda: operation_of(values),
        lambda: hardware.machine("stonne", "cairn stonne", _flag),
    ):
        try:
            built.append(make())
        except CairnError as error:
            faults += error.diagnostics
    if faults:
        raise CairnError(faults)
    return built[0], built[1]


def operation_of(values: Mapping[str, Any]) -> Conv | Gemm:
    """Make the operation from the reference's letters; X and R are the first spatial dimension."""
    if "M" in values:
        return cairn.Gemm(values["M"], values["N"], values["K"])
    return cairn.Conv(
        batch=values["N"],
        channels=values["C"],
        filters=values["K"],
        groups=values["G"],
        input=(values["X"], values["Y"]),
        kernel=(values["R"], values["S"]),
        stride=(values["strides"],) * 2,
    )


def _tiling(values: Values, given: Values, hardware: Hardware) -> Tiling:
    """Return the tile and the objective of the mapper; tell the flags that take no part."""
    if "generator" in given:
        ignored("-generator", "no effect: Cairn has one mapper")
    objective = OBJECTIVES[values.get("generate_tile", "none")]
    if objective:
        for name in given:
            if name.startswith("T_"):
                ignored(_flag(name), "no effect: the mapper chooses the tile")
        return None, objective
    if hardware.systolic and values["T_K"] != 1:
        ignored("-T_K", "no effect: an OS_MESH does not tile K")
    tiled = (name for name in values if name.startswith("T_"))
    tile = {name[2]: values[name] for name in tiled if not (hardware.systolic and name == "T_K")}
    return tile or None, None
