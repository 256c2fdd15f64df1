"""Golden cases: measured runs of the public reference, read, simulated and compared.

A file holds one JSON object a line: ``id``, ``case`` (operation, sizes, tile, machine, seed) and
``expect`` (cycles and the reference's counters; zero counters are left out).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

import cairn
from cairn import files, operands
from cairn.errors import CairnError, diagnostic, nearest
from cairn.stonne.command import operation_of
from cairn.stonne.counters import COUNTERS, translated
from cairn.stonne.hardware import CHOICES, INPUTS, SPARSE, SPARSE_DENSE, SYSTOLIC, Hardware

STATES = ("passed", "failed")

# What a case must give, and the tile that it may give (1 where it does not).
_GEMM, _PORTS = ("M", "N", "K"), ("dn_bw", "rn_bw")
_SIZES = {
    "OSMESH": (*_GEMM, "ms_rows", "ms_cols", *_PORTS),
    "GEMM": (*_GEMM, "num_ms", *_PORTS),
    "CONV": ("R", "S", "C", "K", "G", "N", "X", "Y", "strides", "num_ms", *_PORTS),
    "SPARSE": (*_GEMM, "num_ms", *_PORTS),
    "SPARSEDENSE": (*_GEMM, "num_ms", *_PORTS),
}
_TILES = {"OSMESH": "MN", "GEMM": "MNK", "CONV": "RSCKGNXY", "SPARSE": "", "SPARSEDENSE": "NK"}
# What an operation says of the machine without a key.
_IMPLIED: dict[str, dict[str, Any]] = {
    "OSMESH": {"mn_type": "OS_MESH", "mem_ctrl": SYSTOLIC, "rn_type": "TEMPORALRN"},
    "SPARSE": {"mem_ctrl": SPARSE},
    "SPARSEDENSE": {"mem_ctrl": SPARSE_DENSE, "dataflow": INPUTS, "accumulation_buffer": 1},
}
_SPARSE = ("SPARSE", "SPARSEDENSE")  # whose operands decide the cycles
_SETTINGS = [each.name for each in fields(Hardware)]
_SCHEDULES = {0: "none", 1: "largest"}
# Values are compared when the reference product is cheap; in step they are simulated, so always.
_CHEAP_PRODUCTS = 2_000_000


@dataclass(frozen=True, slots=True)
class Case:
    """One golden case; ``cycles`` and ``counters`` are None where the reference gave none.

    ``mapped``: the tile is the one that the reference's own mapper chose for the layer.
    """

    name: str
    operation: str
    parameters: Mapping[str, Any]
    cycles: int | None
    counters: Mapping[str, int] | None
    mapped: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a case: ``passed``, or ``failed`` with differences."""

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
    case, operation = record["case"], str(record["case"].get("op"))
    if operation not in _SIZES:
        known = ", ".join(_SIZES)
        yield "", f"unknown operation {operation!r}", nearest(operation, _SIZES, known)
    else:
        yield from _case_faults(case)
    yield from _expect_faults(record)


def _case_faults(case: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield what is wrong with a case."""
    tile = [f"T_{letter}" for letter in _TILES[case["op"]] if f"T_{letter}" in case]
    for key in (*_SIZES[case["op"]], *tile):
        if not _counts(case.get(key), 1):
            yield "", f"case.{key} must be a positive integer, not {_shown(case, key)}", ""
    if not _counts(case.get("seed"), 0):
        yield "", f"case.seed must be an integer, not {_shown(case, 'seed')}", ""
    if not _counts(case.get("accumulation_buffer", 0), 0):
        shown = _shown(case, "accumulation_buffer")
        yield "", f"case.accumulation_buffer must be 0 or 1, not {shown}", ""
    words = {"OSMESH": (), "SPARSE": ("rn_type", "dataflow")}.get(case["op"], ("rn_type",))
    for key in words:
        if case.get(key) not in CHOICES[key]:
            known = f"one of: {', '.join(CHOICES[key])}"
            yield "", f"case.{key} cannot be {_shown(case, key)}", known
    if not _counts(case.get("optimize", 0), 0) or case.get("optimize", 0) not in _SCHEDULES:
        yield "", f"case.optimize must be 0 or 1, not {_shown(case, 'optimize')}", ""
    for key in ("density_a", "density_b"):
        density = case.get(key, 1)
        if type(density) not in (int, float) or not 0 <= density <= 1:
            yield "", f"case.{key} must be a number from 0 to 1, not {_shown(case, key)}", ""


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
    else:
        for name in counters.keys() - COUNTERS.keys():
            yield "", f"unknown counter '{name}'", nearest(name, COUNTERS)


def _shown(case: Mapping[str, Any], key: str) -> str:
    return repr(case[key]) if key in case else "missing"


def _counts(value: Any, low: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value < 1 << 62


def _case(record: Mapping[str, Any]) -> Case:
    expect, tile = record.get("expect"), record.get("reference_tile", "")
    cycles = expect["cycles"] if expect else record.get("reference_cycles")
    counters = expect.get("counters", {}) if expect else None
    # "T_R=3, T_X'=1": the reference's mapper reports its tile as a text.
    sizes = {name: int(size) for name, size in re.findall(r"(T_\w)'?=(\d+)", str(tile))}
    parameters = record["case"] | sizes
    return Case(record["id"], parameters["op"], parameters, cycles, counters, bool(sizes))


def hardware(parameters: Mapping[str, Any]) -> Hardware:
    """Return the machine of a case in the reference's words."""
    given = _IMPLIED.get(parameters["op"], {}) | parameters
    return Hardware(**{name: given[name] for name in _SETTINGS if name in given})


def operands_of(case: Case) -> tuple[operands.Floats, operands.Floats]:
    """Draw the operands in the memory order of the reference: channels innermost, B by columns.

    The second operand of a sparse product is stored by rows.
    """
    size, seed = case.parameters, case.parameters["seed"]
    if case.operation in _SPARSE:
        a = operands.seeded(seed, (1, size["M"], size["K"]), size.get("density_a", 1))
        return a, operands.seeded(seed + 1, (1, size["K"], size["N"]), size.get("density_b", 1))
    if case.operation != "CONV":
        a = operands.seeded(seed, (1, size["M"], size["K"]))
        return a, operands.seeded(seed + 1, (1, size["N"], size["K"])).transpose(0, 2, 1)
    x = operands.seeded(seed, tuple(size[each] for each in "NXYC"))
    w = operands.seeded(seed + 1, (*(size[each] for each in "KRS"), size["C"] // size["G"]))
    return tuple(np.ascontiguousarray(each.transpose(0, 3, 1, 2)) for each in (x, w))


def check(case: Case, evaluators: Sequence[str]) -> Outcome:
    """Simulate a case under each evaluator and compare cycles, counters and values."""
    differences, cycles = [], []
    for evaluator in evaluators:
        run = _Run(case, evaluator)
        differences += [f"[{evaluator}] {line}" for line in run.differences()]
        cycles.append(run.cycles)
    if not differences and len(set(cycles)) > 1:
        differences.append(f"the evaluators differ: {' and '.join(map(str, cycles))} cycles")
    return Outcome(case, "failed" if differences else "passed", differences)


class _Run:
    """A case under one evaluator; ``cycles`` stays None if it is refused."""

    def __init__(self, case: Case, evaluator: str) -> None:
        self._case, self.evaluator = case, evaluator
        self.cycles: int | None = None

    def differences(self) -> Iterator[str]:
        """Yield one line for every difference between what was expected and what came out."""
        case = self._case
        letters = _TILES[case.operation]
        tile = {letter: case.parameters.get(f"T_{letter}", 1) for letter in letters} or None
        try:
            operation = operation_of(case.parameters)
            cheap = operation.multiplications <= _CHEAP_PRODUCTS
            sparse = case.operation in _SPARSE
            given = operands_of(case) if cheap or sparse or self.evaluator == "step" else None
            layer, out = self._simulate(operation, given, tile)
        except CairnError as error:
            # Where the reference itself failed, a refusal that names the rule is an answer.
            expected = case.counters is not None or case.mapped
            if expected or any(fault.kind == "internal" for fault in error.diagnostics):
                yield f"expected a result, got {error}"
            return
        self.cycles = layer["cycles"]
        yield from _compare(case, layer)
        if given is not None:
            yield from _compare_values(operation, given, out)
        if case.mapped:
            own, _ = self._simulate(operation, given if sparse else None, None)
            if own["cycles"] > layer["cycles"]:
                yield f"Cairn's own tile takes {own['cycles']} cycles: {own['mapping']['tile']}"

    def _simulate(self, operation: Any, given: Any, tile: dict[str, int] | None) -> tuple[Any, Any]:
        parameters = self._case.parameters
        machine = hardware(parameters).machine("golden", self._case.name, str)
        session = cairn.Session(machine, self.evaluator)
        a, b = given or (None, None)
        schedule = _SCHEDULES[parameters.get("optimize", 0)]
        out = session.run(self._case.name, operation, a, b, tile, schedule=schedule)
        return session.layers[-1], out


def _compare(case: Case, layer: Mapping[str, Any]) -> Iterator[str]:
    if case.cycles is not None and layer["cycles"] != case.cycles:
        yield f"cycles: expected {case.cycles}, got {layer['cycles']}"
    if case.counters is None:
        return
    # A fold is a configuration; of a sparse x dense machine the reference counts only the first.
    folds = {"SPARSE": layer["mapping"]["rounds"], "SPARSEDENSE": 1}
    got = translated(layer["counters"], folds.get(case.operation, 0))
    for name in sorted(case.counters.keys() | got.keys()):
        if case.counters.get(name, 0) != got.get(name, 0):
            yield f"{name}: expected {case.counters.get(name, 0)}, got {got.get(name, 0)}"


def _compare_values(operation: Any, given: Any, out: operands.Floats) -> Iterator[str]:
    if isinstance(operation, cairn.Gemm):
        expected, terms = operands.reference_gemm(*given), operation.k
    else:
        expected, terms = operands.reference_conv(operation, *given), given[1][0].size
    if not operands.values_agree(out, expected, terms):
        wrong = int((out != expected).sum())
        yield f"values: {wrong} of {expected.size} differ from the product"
