"""The two files that the reference writes for a run."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cairn import _core
from cairn.errors import refusal
from cairn.stonne.command import Command
from cairn.stonne.counters import translated
from cairn.stonne.hardware import SPARSE, SPARSE_DENSE
from cairn.stonne.instances import lines
from cairn.stonne.statistics import Ran, statistics

if TYPE_CHECKING:
    from cairn.operands import Floats

Layer = Mapping[str, Any]  # of a result document
Draw = Callable[[], "tuple[Floats, Floats] | None"]


class Report:
    """The statistics and the ``.counters`` of one run, by the reference's names.

    ``draw`` gives the operands of a sparse product. Raises CairnError (U204) where the reference
    has no such machine.
    """

    def __init__(self, command: Command, draw: Draw) -> None:
        """Remember what is run."""
        if command.hardware.mem_ctrl == SPARSE and command.hardware.rn_type == "FENETWORK":
            rule = "the reference has no such machine, and so no file about its instances"
            raise refusal("U204", "-rn_type", rule, "-rn_type=ASNETWORK, or -print_stats=0")
        self._command, self._draw = command, draw
        self._ran: Ran | None = None

    def paths(self, directory: str) -> tuple[Path, Path]:
        """Name the statistics and the counters: both by the same second, the first that is free."""
        hardware = self._command.hardware
        name = (
            f"output_stats_layer_{self._command.name.replace('/', '_')}_architecture_MSes_"
            f"{hardware.num_ms}_dnbw_{hardware.dn_bw}_rn_bw_{hardware.rn_bw}timestamp_"
        )
        second = int(time.time())
        while True:
            both = [Path(directory, f"{name}{second}{suffix}") for suffix in (".txt", ".counters")]
            if not any(each.exists() for each in both):
                return both[0], both[1]
            second += 1

    def statistics(self, layer: Layer) -> str:
        """Return the text of the statistics: JSON, whatever the file's name ends in."""
        content = statistics(self._of(layer)).items()
        rows = ",\n".join(f"    {json.dumps(key)}: {json.dumps(value)}" for key, value in content)
        return f"{{\n{rows}\n}}\n"

    def counters(self, layer: Layer) -> str:
        """Return the text of the counters."""
        ran = self._of(layer)
        return "".join(f"{each}\n" for each in lines(ran))

    def _of(self, layer: Layer) -> Ran:
        if self._ran is None:
            command, mapping = self._command, layer["mapping"]
            operands = self._draw()
            a, b = operands or (None, None)
            # A fold is a configuration; of a sparse x dense machine the reference counts only one.
            folds = {SPARSE: mapping["rounds"], SPARSE_DENSE: 1}
            self._ran = Ran(
                command.hardware,
                command.operation,
                mapping["tile"],
                mapping["rounds"],
                layer["cycles"],
                translated(layer["counters"], folds.get(command.hardware.mem_ctrl, 0)),
                _core.instances(
                    command.machine,
                    command.operation,
                    mapping["tile"],
                    a,
                    b,
                    command.schedule == "largest",
                ),
                operands,
            )
        return self._ran
