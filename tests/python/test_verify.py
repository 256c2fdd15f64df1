"""`cairn verify`: golden cases pass, tampered ones are named, damaged files are refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from conftest import Cli

import cairn
from cairn import golden, operands
from cairn.stonne import Hardware
from cairn.stonne.counters import COUNTERS, TEMPORAL, translated

GOLDEN = Path(__file__).parents[1] / "golden"
SYSTOLIC = GOLDEN / "systolic.jsonl"


def lines(name: str = "systolic") -> list[str]:
    return (GOLDEN / f"{name}.jsonl").read_text().splitlines()


def small_cases(count: int, name: str = "systolic") -> list[dict]:
    """Return the golden cases with the fewest cycles."""
    cases = sorted(map(json.loads, lines(name)), key=lambda each: each["expect"]["cycles"])
    return cases[:count]


def write(path: Path, records: list[dict]) -> Path:
    path.write_text("".join(json.dumps(each) + "\n" for each in records))
    return path


@pytest.mark.parametrize(
    ("name", "closing"),
    [
        ("systolic", "120 passed, 0 failed"),
        ("conv", "178 passed, 0 failed"),
        ("gemm", "189 passed, 0 failed"),
        ("sparse", "180 passed, 0 failed"),
        ("sparse-dense", "137 passed, 0 failed"),
        ("real-layers", "12 passed, 0 failed"),
        ("reference-fails", "256 passed, 0 failed"),
        ("mapper", "24 passed, 0 failed"),
    ],
)
@pytest.mark.parametrize("evaluator", ["flow", "step"])
def test_every_golden_case_passes(cli: Cli, name: str, closing: str, evaluator: str) -> None:
    result = cli("verify", GOLDEN / f"{name}.jsonl", "--evaluator", evaluator)
    assert result.out.splitlines()[-1] == closing, result.out
    assert result.code == 0


@pytest.mark.parametrize("evaluator", ["flow", "step"])
def test_sigma_computes_with_its_own_network(evaluator: str) -> None:
    cases = golden.read(GOLDEN / "reference-fails.jsonl")
    runs = [golden._Run(case, evaluator) for case in cases if case.operation == "SPARSE"]
    assert [line for run in runs for line in run.differences()] == []
    assert len(runs) == 80
    assert all(run.cycles is not None for run in runs)  # none is refused


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let step take a cycle more than flow, and the mapper's tiles a million more."""
    simulate = golden._Run._simulate

    def slower(run: golden._Run, operation: object, given: object, tile: object) -> object:
        layer, out = simulate(run, operation, given, tile)
        more = (run.evaluator == "step") + 10**6 * (tile is None)
        return {**layer, "cycles": layer["cycles"] + more}, out

    monkeypatch.setattr(golden._Run, "_simulate", slower)


@pytest.mark.parametrize("operation", ["SPARSE", "SPARSEDENSE"])
def test_a_second_operand_of_a_sparse_case_is_stored_by_rows(operation: str) -> None:
    sizes = {"M": 3, "N": 5, "K": 7, "seed": 11, "density_a": 0.5}
    case = golden.Case("x", operation, {"op": operation, **sizes}, None, None)
    a, b = golden.operands_of(case)
    assert np.array_equal(a, operands.seeded(11, (1, 3, 7), 0.5))
    assert np.array_equal(b, operands.seeded(12, (1, 7, 5)))


@pytest.mark.usefixtures("late")
def test_evaluators_that_differ_fail_a_case_that_nobody_measured(cli: Cli, tmp_path: Path) -> None:
    case = small_cases(1)[0]
    cycles = case.pop("expect")["cycles"]
    result = cli("verify", write(tmp_path / "open.jsonl", [case]))
    assert result.code == 1
    assert f"the evaluators differ: {cycles} and {cycles + 1} cycles" in result.out


@pytest.mark.usefixtures("late")
def test_a_mapper_that_loses_to_the_references_fails(cli: Cli, tmp_path: Path) -> None:
    case = small_cases(1)[0]
    tile = {name: case["case"].pop(name) for name in ("T_M", "T_N")}
    case["reference_tile"] = ", ".join(f"{name}'={size}" for name, size in tile.items())
    case["reference_cycles"] = case.pop("expect")["cycles"]
    result = cli("verify", write(tmp_path / "mapper.jsonl", [case]), "--evaluator", "flow")
    assert result.code == 1
    (line,) = [each for each in result.out.splitlines() if each.startswith("FAIL")]
    assert "Cairn's own tile takes 1000" in line


def test_tampered_cases_are_named_with_expected_and_got(cli: Cli, tmp_path: Path) -> None:
    cases = small_cases(3)
    cycles = cases[1]["expect"]["cycles"]
    cases[1]["expect"]["cycles"] = cycles + 1
    counters = cases[2]["expect"]["counters"]
    reads = counters.pop("N_SRAM_weight_reads")
    path = write(tmp_path / "bad.jsonl", cases)
    result = cli("verify", path, "--json", "out.json")
    assert result.code == 1
    assert f"{cases[1]['id']} [flow] cycles: expected {cycles + 1}, got {cycles}" in result.out
    assert f"{cases[2]['id']} [step] N_SRAM_weight_reads: expected 0, got {reads}" in result.out
    assert result.out.splitlines()[-1] == "1 passed, 2 failed"
    document = json.loads((tmp_path / "out.json").read_text())
    assert (document["passed"], document["failed"]) == (1, 2)
    assert [each["status"] for each in document["cases"]] == ["passed", "failed", "failed"]


def test_wrong_values_fail_a_case(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cairn.operands.values_agree", lambda *_: False)
    result = cli("verify", write(tmp_path / "one.jsonl", small_cases(1)))
    assert result.code == 1
    assert "values:" in result.out


def test_a_case_that_the_reference_fails_needs_no_expectation(cli: Cli, tmp_path: Path) -> None:
    case = small_cases(1)[0]
    del case["expect"]
    refused = {**case, "id": "refused", "case": {**case["case"], "T_M": 10**6}}
    result = cli("verify", write(tmp_path / "open.jsonl", [case, refused]))
    assert result.code == 0, result.out
    assert result.out.splitlines()[-1] == "2 passed, 0 failed"


def test_a_refused_golden_case_fails(cli: Cli, tmp_path: Path) -> None:
    case = small_cases(1)[0]
    case["case"]["T_M"] = 10**6
    result = cli("verify", write(tmp_path / "tile.jsonl", [case]))
    assert result.code == 1
    assert "expected a result, got error[" in result.out


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "damaged"),
        ("[]", "an object"),
        ('{"id": "x"}', "an object"),
        ('{"id": 1, "case": {"op": "CONV"}}', "'id'"),
        ('{"id": "x", "case": {"op": "OSMEHS"}}', "did you mean 'OSMESH'?"),
        ('{"id": "x", "case": {"op": ["CONV"]}}', "unknown operation"),
        ('{"id": "x", "case": {"op": "GEMM", "rn_type": []}}', "rn_type cannot be []"),
        ('{"id": "x", "case": {"op": "OSMESH"}}', "case.M must be a positive integer"),
        ('{"id": "x", "case": {"op": "CONV"}}', "case.strides must be a positive integer"),
        ('{"id": "x", "case": {"op": "GEMM", "T_K": 0}}', "case.T_K must be a positive integer"),
        ('{"id": "x", "case": {"op": "GEMM", "rn_type": "ART"}}', "rn_type cannot be 'ART'"),
        ('{"id": "x", "case": {"op": "GEMM", "accumulation_buffer": true}}', "must be 0 or 1"),
        ('{"id": "x", "case": {"op": "SPARSE", "dataflow": "STA"}}', "dataflow cannot be 'STA'"),
        ('{"id": "x", "case": {"op": "SPARSE", "optimize": 2}}', "must be 0 or 1, not 2"),
        ('{"id": "x", "case": {"op": "SPARSE", "optimize": true}}', "must be 0 or 1, not True"),
        ('{"id": "x", "case": {"op": "SPARSEDENSE", "density_a": 1.5}}', "a number from 0 to 1"),
        ('{"id": "x", "case": {"op": "SPARSEDENSE", "density_b": "1"}}', "not '1'"),
        ('{"id": "x", "case": {"op": "SPARSEDENSE", "T_N": 0}}', "case.T_N must be a positive"),
        ('{"id": "x", "case": {"op": "CONV"}, "expect": {}}', "expect.cycles"),
        ('{"id": "x", "case": {"op": "CONV"}, "expect": {"cycles": 1, "counters": 2}}', "counters"),
        ("[" * 100_000, "damaged"),
    ],
)
def test_damaged_lines_are_placed(cli: Cli, tmp_path: Path, line: str, words: str) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text(lines()[0] + "\n" + line + "\n")
    result = cli("verify", path, "--json", "out.json")
    assert result.code == 2
    assert f"error[E601] {path}:2" in result.err
    assert words in result.err
    assert result.out == ""
    assert not (tmp_path / "out.json").exists()


def test_cut_and_empty_and_missing_files(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "cut.jsonl").write_text(lines()[0][:200])
    (tmp_path / "empty.jsonl").write_text("\n")
    result = cli("verify", "cut.jsonl", "empty.jsonl", "missing.jsonl")
    assert result.code == 2
    for place in ("[E601] cut.jsonl:1:", "[E601] empty.jsonl:", "[E101] missing.jsonl:"):
        assert place in result.err


def test_the_translation_covers_every_golden_counter() -> None:
    measured = ("systolic", "conv", "gemm", "sparse", "sparse-dense")
    every = [line for name in measured for line in lines(name)]
    names = {name for line in every for name in json.loads(line)["expect"]["counters"]}
    assert names == COUNTERS.keys() >= TEMPORAL.keys()


def test_every_counter_of_the_translation_exists() -> None:
    known = {
        f"{part['slot']}.{counter['name']}"
        for part in cairn.catalog()
        for counter in part["counters"]
    }
    ours = {name for table in (COUNTERS, TEMPORAL) for names in table.values() for name in names}
    assert ours <= known, ours - known


def mesh(rows: int, columns: int, ports: int, lines: int) -> Hardware:
    kind = {"mn_type": "OS_MESH", "mem_ctrl": "TPU_OS_DENSE", "rn_type": "TEMPORALRN"}
    return Hardware(ms_rows=rows, ms_cols=columns, dn_bw=ports, rn_bw=lines, **kind)


def test_fewer_ports_than_edges_are_one_cycle_further_away() -> None:
    assert "latency = 0" in mesh(4, 3, 7, 12).text("mesh")
    assert "latency = 1" in mesh(4, 3, 6, 12).text("mesh")


# Runs of the reference with few read ports or result lines:
# cycles, M, N, K, T_M, T_N, rows, columns, read ports, result lines.
NARROW = [
    (192, 21, 52, 46, 32, 32, 32, 32, 64, 128),
    (5935, 57, 10, 17, 2, 2, 2, 2, 2, 4),
    (35910, 19, 60, 29, 1, 2, 4, 4, 4, 16),
    (22305, 15, 49, 55, 4, 4, 4, 4, 1, 1),
    (102333, 44, 68, 57, 4, 3, 4, 4, 1, 16),
    (6476, 45, 50, 31, 4, 4, 4, 4, 8, 8),
    (1251, 18, 5, 20, 2, 2, 2, 2, 2, 2),
    (640, 32, 60, 46, 16, 16, 16, 16, 32, 16),
    (1260, 28, 1, 40, 1, 2, 2, 2, 2, 1),
    (2499, 66, 23, 13, 32, 32, 32, 32, 1, 2),
    (12785, 115, 40, 126, 16, 16, 16, 16, 8, 16),
    (41427, 133, 135, 31, 16, 16, 16, 16, 2, 64),
    (1637, 149, 61, 35, 32, 32, 32, 32, 64, 8),
    (18, 5, 2, 2, 4, 4, 4, 4, 8, 16),
]


@pytest.mark.parametrize("evaluator", ["flow", "step"])
@pytest.mark.parametrize("row", NARROW, ids=str)
def test_narrow_machines_take_the_cycles_of_the_reference(
    row: tuple[int, ...], evaluator: str
) -> None:
    cycles, m, n, k, tile_m, tile_n, rows, columns, ports, lines = row
    machine = mesh(rows, columns, ports, lines).machine("narrow", "narrow", str)
    session = cairn.Session(machine, evaluator)
    session.run("narrow", cairn.Gemm(m, n, k), tile={"M": tile_m, "N": tile_n})
    assert session.layers[0]["cycles"] == cycles


def test_translated_counters_are_sums_without_zeros() -> None:
    ours: dict[str, dict[str, int]] = {}
    for index, name in enumerate(sorted({x for each in COUNTERS.values() for x in each})):
        slot, counter = name.split(".")
        ours.setdefault(slot, {})[counter] = 10**index
    ours["multiplier"]["hops"] = 0
    theirs = translated(ours)
    assert "MSNetwork.MN_WIRE.WRITE" not in theirs
    reads = sum(ours["memory"][f"{kind}_reads"] for kind in ("weight", "input", "psum"))
    assert theirs["GlobalBuffer.GLOBALBUFFER.READ"] == reads + ours["writeback"]["psum_reads"]
    assert theirs["N_reconfigurations"] == ours["memory"]["setups"]
    assert translated(ours, 3)["N_reconfigurations"] == ours["memory"]["setups"] + 3
    assert theirs["ReduceNetwork.RN_WIRE.WRITE"] == ours["reduction"]["wire_writes"]
    del ours["reduction"]["wire_writes"], ours["writeback"]["psum_reads"]
    theirs = translated(ours)
    assert theirs["GlobalBuffer.GLOBALBUFFER.READ"] == reads
    assert theirs["ReduceNetwork.RN_WIRE.WRITE"] == ours["reduction"]["register_writes"]
