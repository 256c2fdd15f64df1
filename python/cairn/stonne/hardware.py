"""The reference's hardware settings, and the Cairn machine that has its timing."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cairn
from cairn.errors import CairnError, diagnostic, nearest
from cairn.files import readable

if TYPE_CHECKING:
    from cairn import Machine

REDUCTIONS = {"ASNETWORK": "art", "FENETWORK": "fan", "TEMPORALRN": "temporal"}
DENSE, SYSTOLIC = "MAERI_DENSE_WORKLOAD", "TPU_OS_DENSE"
SPARSE, SPARSE_DENSE = "SIGMA_SPARSE_GEMM", "MAGMA_SPARSE_DENSE"
_MEMORIES = {
    DENSE: "dense",
    SYSTOLIC: "systolic-os",
    SPARSE: "bitmap",
    SPARSE_DENSE: "csr",
}
# The operand that a sparse machine keeps in its multipliers: MK is the first one, the inputs.
INPUTS, WEIGHTS = "MK_STA_KN_STR", "MK_STR_KN_STA"
_STATIONARY = {INPUTS: "inputs", WEIGHTS: "weights"}
CHOICES = {
    "rn_type": (*REDUCTIONS,),
    "mn_type": ("LINEAR", "OS_MESH"),
    "mem_ctrl": (*_MEMORIES,),
    "dataflow": (*_STATIONARY,),
}

# The setting that each parameter of the Cairn machine comes from.
_ORIGINS = {
    "memory.type": "mem_ctrl",
    "memory.stationary": "dataflow",
    "distribution.bandwidth": "dn_bw",
    "multiplier.type": "mn_type",
    "multiplier.multipliers": "num_ms",
    "multiplier.rows": "ms_rows",
    "multiplier.columns": "ms_cols",
    "reduction.type": "rn_type",
    "reduction.accumulators": "accumulation_buffer",
    "collection.lines": "rn_bw",
}
_LARGEST = 1 << 31

Places = Callable[[str], str]  # where a setting was given: its flag, or file and line
Fault = tuple[str, str, str]  # code, message, remedy


class IgnoredWarning(UserWarning):
    """Something in an input of the reference that has no effect, there or here."""


def ignored(place: str, message: str) -> None:
    """Tell that something at ``place`` has no effect."""
    warnings.warn(f"{place}: {message}", IgnoredWarning, stacklevel=3)


def integer_fault(value: int, low: int) -> Fault | None:
    """Return code, message and remedy if a number is not within ``low`` to 2^31."""
    if low <= value <= _LARGEST:
        return None
    return "E105", f"{value} is out of range", f"an integer from {low} to {_LARGEST}"


def choice_fault(value: str, choices: Collection[str]) -> Fault | None:
    """Return code, message and remedy if a word is none of ``choices``."""
    if value in choices:
        return None
    hint = nearest(value, choices, f"one of: {', '.join(choices)}")
    return "E107", f"'{value}' is not among the choices", hint


@dataclass(frozen=True, slots=True)
class Hardware:
    """A machine in the reference's words, with the reference's defaults.

    The dataflow is not the machine's there, but the layer's: the PyTorch front end keeps weights.
    """

    num_ms: int = 64
    ms_rows: int = 0
    ms_cols: int = 0
    dn_bw: int = 4
    rn_bw: int = 4
    rn_type: str = "ASNETWORK"
    mn_type: str = "LINEAR"
    mem_ctrl: str = DENSE
    accumulation_buffer: int = 0
    dataflow: str = WEIGHTS

    @property
    def systolic(self) -> bool:
        """Whether the multipliers form an output-stationary mesh."""
        return self.mn_type == "OS_MESH"

    @property
    def sparse(self) -> bool:
        """Whether zeros of the stationary operand are left out."""
        return self.mem_ctrl in (SPARSE, SPARSE_DENSE)

    @property
    def multipliers(self) -> int:
        """How many there are: the mesh does not heed num_ms."""
        return self.ms_rows * self.ms_cols if self.systolic else self.num_ms

    def machine(
        self, name: str, source: str, place: Places, overrides: Sequence[tuple[str, str]] = ()
    ) -> Machine:
        """Build the Cairn machine; diagnostics point to where the settings were given."""
        faults = [
            diagnostic(code, place(setting), message, remedy)
            for setting, code, message, remedy in self._faults()
        ]
        if faults:
            raise CairnError(faults)
        text, source = self.text(name), readable(source)
        try:
            return cairn.parse_machine(text, source, overrides)
        except CairnError as error:
            raise CairnError(
                [
                    replace(fault, place=place(setting)) if setting else fault
                    for fault in error.diagnostics
                    for setting in [_origin(fault.place, source, text, dict(overrides))]
                ]
            ) from error

    def text(self, name: str) -> str:
        """Return the machine file."""
        # A temporal network has one accumulator a multiplier: further lines would serve none.
        lines = min(self.rn_bw, self.multipliers) if self.rn_type == "TEMPORALRN" else self.rn_bw
        parts: dict[str, dict[str, object]] = {
            "memory": {"type": _MEMORIES[self.mem_ctrl]},
            "distribution": {"type": "tree", "bandwidth": self.dn_bw},
            "multiplier": {"type": "linear", "multipliers": self.num_ms},
            "reduction": {"type": REDUCTIONS[self.rn_type]},
            "collection": {"type": "bus", "lines": lines},
            "writeback": {"type": "write-queue"},
        }
        if self.rn_type == "ASNETWORK":
            parts["reduction"]["accumulators"] = self.accumulation_buffer > 0
        if self.systolic:
            # With fewer ports than mesh edges the endpoints share ports, one cycle further away.
            latency = 1 if self.dn_bw < self.ms_rows + self.ms_cols else 0
            parts["distribution"] |= {"type": "point-to-point", "latency": latency}
            parts["multiplier"] = {"type": "mesh", "rows": self.ms_rows, "columns": self.ms_cols}
        if self.mem_ctrl == SPARSE and self.rn_type == "FENETWORK":
            # The reference aborts: this is the network of SIGMA's own hardware.
            parts["reduction"]["type"] = "synchronous-fan"
        if self.sparse:
            parts["memory"]["stationary"] = _STATIONARY[self.dataflow]
            parts["multiplier"]["type"] = "disabled"
        head = {
            "name": readable(name),
            "summary": self._summary(),
            "follows": "STONNE (public reference)",
        }
        slots = (f"\n[{slot}]\n{_toml(settings)}" for slot, settings in parts.items())
        return _toml(head) + "".join(slots)

    def _summary(self) -> str:
        kind = f"{self.ms_rows} x {self.ms_cols} mesh of" if self.systolic else f"{self.num_ms}"
        held = f" that hold {_STATIONARY[self.dataflow]}" if self.sparse else ""
        buffered = self.rn_type == "ASNETWORK" and self.accumulation_buffer > 0
        return (
            f"{kind} multipliers{held}, {self.dn_bw} read ports, {self.rn_bw} result lines, "
            f"{self.rn_type}{' with accumulation buffer' if buffered else ''}"
        )

    def _faults(self) -> Iterator[tuple[str, str, str, str]]:
        """Yield (setting, code, message, remedy) for settings that do not fit together."""
        if self.systolic != (self.mem_ctrl == SYSTOLIC):
            rule = f"{self.mem_ctrl} does not feed {self.mn_type} multipliers"
            yield "mem_ctrl", "E201", rule, SYSTOLIC if self.systolic else DENSE
        if self.systolic and self.rn_type != "TEMPORALRN":
            rule = f"{self.rn_type} cannot reduce an OS_MESH, whose multipliers accumulate"
            yield "rn_type", "E201", rule, "TEMPORALRN"
        if self.mem_ctrl == SPARSE and self.accumulation_buffer:
            rule = f"{SPARSE} takes partial sums back from memory, not from an accumulation buffer"
            yield "accumulation_buffer", "E201", rule, "0"
        for size in ("ms_rows", "ms_cols"):
            if self.systolic and not getattr(self, size):
                yield size, "E106", f"an OS_MESH needs {size}", "both ms_rows and ms_cols, e.g. 16"

    def tell_ignored(self, given: Collection[str], place: Places) -> None:
        """Warn of the settings among ``given`` that have no effect on this machine."""
        for setting, reason in self._without_effect():
            if setting in given:
                ignored(place(setting), f"no effect: {reason}")

    def _without_effect(self) -> Iterator[tuple[str, str]]:
        if self.systolic and self.num_ms != self.multipliers:
            yield "num_ms", f"the mesh has {self.ms_rows} x {self.ms_cols} multipliers"
        if not self.systolic:
            for size in ("ms_rows", "ms_cols"):
                yield size, "LINEAR multipliers have neither rows nor columns"
        if self.rn_type == "FENETWORK" and self.accumulation_buffer:
            yield "accumulation_buffer", "a FENETWORK accumulates in its own adders"
        if self.rn_type == "TEMPORALRN" and not self.accumulation_buffer:
            yield "accumulation_buffer", "a TEMPORALRN always accumulates"


def _toml(settings: Mapping[str, object]) -> str:
    """Write one level of TOML: JSON's texts, numbers and truth values are TOML's too."""
    return "".join(
        f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in settings.items()
    )


def _origin(place: str, source: str, text: str, overrides: Mapping[str, str]) -> str | None:
    """Find the setting behind ``SOURCE: slot.parameter`` or ``SOURCE:line:column``."""
    if not place.startswith(f"{source}:"):
        return None
    parameter = place.removeprefix(f"{source}:").strip()
    line = parameter.partition(":")[0]
    if line.isdigit():
        above = text.splitlines()[: int(line)]
        slot = next(each for each in [*reversed(above), "[]"] if each.startswith("["))
        parameter = f"{slot.strip('[]')}.{above[-1].partition(' ')[0]}"
    return None if parameter in overrides else _ORIGINS.get(parameter)
