"""Golden cases: measured runs of the public reference, read, simulated and compared.

A file holds one JSON object a line: ``id``, ``case`` (operation, sizes, tile, machine, seed) and
``expect`` (cycles and the reference's counters; zero counters are left out).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cairn
from cairn import files, operands
from cairn.errors import CairnError, Diagnostic, diagnostic, nearest

# Operations of the golden files: whether a machine for them exists here.
OPERATIONS = {"OSMESH": True, "CONV": False, "GEMM": False, "SPARSE": False, "SPARSEDENSE": False}
STATES = ("passed", "failed", "skipped")

_SIZES = ("M", "N", "K", "T_M", "T_N", "ms_rows", "ms_cols", "dn_bw", "rn_bw")
# Values are compared when the reference product is cheap; in step they are simulated, so always.
_CHEAP_PRODUCTS = 2_000_000

# The reference's counter = the sum of these of ours. It passes each product, and each operand that
# it forwards, through a FIFO of its own: so hops and multiplications are among its pushes and pops.
_READS = ("memory.weight_reads", "memory.input_reads")
_THROUGH = ("multiplier.hops", "multiplier.multiplications")
COUNTERS: dict[str, tuple[str, ...]] = {
    "N_SRAM_weight_reads": ("memory.weight_reads",),
    "N_SRAM_input_reads": ("memory.input_reads",),
    "N_SRAM_psum_writes": ("writeback.output_writes",),
    "N_reconfigurations": ("memory.setups",),
    "GlobalBuffer.GLOBALBUFFER.READ": _READS,
    "GlobalBuffer.GLOBALBUFFER.WRITE": ("writeback.output_writes",),
    "DSNetwork.DN_WIRE.WRITE": ("distribution.words",),
    "MSNetwork.MULTIPLIER.MULTIPLICATION": ("multiplier.multiplications",),
    "MSNetwork.MULTIPLIER.CONFIGURATION": ("multiplier.configurations",),
    "MSNetwork.MN_WIRE.WRITE": ("multiplier.hops",),
    "MSNetwork.FIFO.PUSH": ("multiplier.operand_pushes", *_THROUGH),
    "MSNetwork.FIFO.POP": ("multiplier.operand_pops", *_THROUGH),
    "ReduceNetwork.ACCUMULATOR.WRITE": ("reduction.register_writes",),
    "ReduceNetwork.ACCUMULATOR.READ": ("reduction.register_reads",),
    "ReduceNetwork.ACCUMULATOR.ADD": ("reduction.additions",),
    "ReduceNetwork.RN_WIRE.WRITE": ("reduction.register_writes",),
    "ReduceNetwork.FIFO.PUSH": ("reduction.register_writes", "reduction.results"),
    "ReduceNetwork.FIFO.POP": ("reduction.register_writes", "reduction.results"),
    "CollectionBus.FIFO.PUSH": ("collection.results_in",),
    "CollectionBus.FIFO.POP": ("collection.results_out",),
    "CollectionBus.CB_WIRE.WRITE": ("collection.results_in", "collection.results_out"),
}


@dataclass(frozen=True, slots=True)
class Case:
    """One golden case; ``cycles`` and ``counters`` are None where the reference gave none."""

    name: str
    operation: str
    parameters: Mapping[str, Any]
    cycles: int | None
    counters: Mapping[str, int] | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a case: ``passed``, ``failed`` (with differences) or ``skipped``."""

    case: Case
    state: str
    differences: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The case's id."""
        return self.case.name

    def as_dict(self) -> dict[str, Any]:
        """Return the outcome for a JSON document."""
        return {"id": self.name, "status": self.state, "differences": self.differences}


def read(path: Path) -> list[Case]:
    """Read a golden file. Raises E101, or E601 with ``file:line`` for all malformed lines."""
    cases, faults = [], []
    for number, line in enumerate(files.read_text(path).splitlines(), 1):
        if not line.strip():
            continue
        found = list(_faults(line))
        faults += [diagnostic("E601", f"{path}:{number}{at}", text, fix) for at, text, fix in found]
        if not found:
            cases.append(_case(json.loads(line)))
    if not cases and not faults:
        faults.append(diagnostic("E601", str(path), "the file holds no cases", "is it complete?"))
    if faults:
        raise CairnError(faults)
    return cases


def _faults(line: str) -> Iterator[tuple[str, str, str]]:
    """Yield (column suffix, message, remedy) for everything wrong with a line."""
    try:
        record = json.loads(line)
    except (json.JSONDecodeError, RecursionError) as error:
        column = f":{error.colno}" if isinstance(error, json.JSONDecodeError) else ""
        yield column, "not a JSON object: the line is damaged or cut short", "restore the file"
        return
    if not isinstance(record, dict) or not isinstance(record.get("case"), dict):
        yield "", "a case is an object with 'id', 'case' and 'expect'", "see tests/golden/README.md"
        return
    if not isinstance(record.get("id"), str):
        yield "", "'id' must be a text", "give the case a name"
    case, operation = record["case"], record["case"].get("op")
    if operation not in OPERATIONS:
        known = ", ".join(OPERATIONS)
        yield "", f"unknown operation {operation!r}", nearest(str(operation), OPERATIONS, known)
    elif OPERATIONS[operation]:
        for key in _SIZES:
            if not _counts(case.get(key), 1):
                yield "", f"case.{key} must be a positive integer, not {_shown(case, key)}", ""
        if not _counts(case.get("seed"), 0):
            yield "", f"case.seed must be an integer, not {_shown(case, 'seed')}", ""
    yield from _expect_faults(record)


def _expect_faults(record: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    if "expect" not in record:
        return
    expect = record["expect"]
    if not isinstance(expect, dict) or not _counts(expect.get("cycles"), 0):
        yield "", "expect.cycles must be an integer", ""
        return
    counters = expect.get("counters", {})
    if not isinstance(counters, dict) or not all(_counts(each, 0) for each in counters.values()):
        yield "", "expect.counters must map names to integers", ""
    elif record["case"].get("op") == "OSMESH":
        for name in counters.keys() - COUNTERS.keys():
            yield "", f"unknown counter '{name}'", nearest(name, COUNTERS)


def _shown(case: Mapping[str, Any], key: str) -> str:
    return repr(case[key]) if key in case else "missing"


def _counts(value: Any, low: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value < 1 << 62


def _case(record: Mapping[str, Any]) -> Case:
    expect = record.get("expect")
    cycles = expect["cycles"] if expect else record.get("reference_cycles")
    counters = expect.get("counters", {}) if expect else None
    return Case(record["id"], record["case"]["op"], record["case"], cycles, counters)


def machine_text(parameters: Mapping[str, Any]) -> str:
    """Return the machine of an OSMESH case as a machine file."""
    rows, columns, bandwidth = (parameters[key] for key in ("ms_rows", "ms_cols", "dn_bw"))
    # With fewer ports than mesh edges the reference's endpoints share ports, one cycle further
    # away.
    latency = 1 if bandwidth < rows + columns else 0
    return f"""name = "golden"
summary = "the machine of a golden case"
follows = "stonne"

[memory]
type = "systolic-os"

[distribution]
type = "point-to-point"
bandwidth = {bandwidth}
latency = {latency}

[multiplier]
type = "mesh"
rows = {rows}
columns = {columns}

[reduction]
type = "temporal"

[collection]
type = "bus"
lines = {parameters["rn_bw"]}

[writeback]
type = "write-queue"
"""


def reference_counters(counters: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    """Translate the counters of a layer to the reference's names, without the zero ones."""
    translated = {}
    for name, ours in COUNTERS.items():
        parts = (each.split(".") for each in ours)
        total = sum(counters[slot][counter] for slot, counter in parts)
        if total:
            translated[name] = total
    return translated


def check(case: Case, evaluators: Sequence[str]) -> Outcome:
    """Simulate a case under each evaluator and compare cycles, counters and values."""
    if not OPERATIONS[case.operation]:
        return Outcome(case, "skipped")
    differences = []
    for evaluator in evaluators:
        differences += [f"[{evaluator}] {line}" for line in _check_one(case, evaluator)]
    return Outcome(case, "failed" if differences else "passed", differences)


def _check_one(case: Case, evaluator: str) -> Iterator[str]:
    """Yield one line for every difference between what was expected and what came out."""
    parameters = case.parameters
    m, n, k = (parameters[key] for key in "MNK")
    with_values = evaluator == "step" or m * n * k <= _CHEAP_PRODUCTS
    a = b = out = None
    try:
        if with_values:
            a = operands.seeded(parameters["seed"], (1, m, k))
            b = operands.seeded(parameters["seed"] + 1, (1, n, k)).transpose(0, 2, 1)
        machine = cairn.parse_machine(machine_text(parameters), case.name)
        session = cairn.Session(machine, evaluator)
        tile = {"M": parameters["T_M"], "N": parameters["T_N"]}
        out = session.run(case.name, cairn.Gemm(m, n, k), a, b, tile)
    except CairnError as error:
        # Where the reference itself failed, a refusal that names the rule is an answer.
        if case.counters is not None or any(map(_is_internal, error.diagnostics)):
            yield f"expected a result, got {error}"
        return
    yield from _compare(case, session.layers[-1])
    if a is not None and b is not None and out is not None:
        expected = operands.reference_gemm(a, b)
        if not operands.values_agree(out, expected, k):
            wrong = int((out != expected).sum())
            yield f"values: {wrong} of {expected.size} differ from the product"


def _is_internal(fault: Diagnostic) -> bool:
    return fault.kind == "internal"


def _compare(case: Case, layer: Mapping[str, Any]) -> Iterator[str]:
    if case.cycles is not None and layer["cycles"] != case.cycles:
        yield f"cycles: expected {case.cycles}, got {layer['cycles']}"
    if case.counters is None:
        return
    got = reference_counters(layer["counters"])
    for name in sorted(case.counters.keys() | got.keys()):
        if case.counters.get(name, 0) != got.get(name, 0):
            yield f"{name}: expected {case.counters.get(name, 0)}, got {got.get(name, 0)}"
