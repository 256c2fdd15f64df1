"""The reference's own files: its lines and its statistics, of every golden case.

tests/golden/instances.jsonl has digests of the files that the reference wrote, the folder
tests/golden/instances a few of them whole.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli

import cairn
from cairn import golden, stonne
from cairn.stonne.command import Command, operation_of
from cairn.stonne.report import Report

GOLDEN = Path(__file__).parents[1] / "golden"
WHOLE = sorted((GOLDEN / "instances").glob("*.counters"))
DIGESTS = {
    each["id"]: each
    for each in map(json.loads, (GOLDEN / "instances.jsonl").read_text().splitlines())
}
LETTERS = {"OSMESH": "MN", "GEMM": "MNK", "CONV": "RSCKGNXY", "SPARSE": "", "SPARSEDENSE": "NK"}
FILES = ("systolic", "conv", "gemm", "sparse", "sparse-dense", "real-layers")
CASES = {case.name: case for name in FILES for case in golden.read(GOLDEN / f"{name}.jsonl")}
SMALL = ("-CONV", "-R=2", "-S=2", "-X=4", "-Y=4", "-T_R=2", "-T_S=2", "-num_ms=8")


def command_of(case: golden.Case) -> Command:
    """Make of a golden case what a command line would have asked for."""
    given = dict(case.parameters)
    if case.operation == "OSMESH":  # as it was measured
        given |= {"num_ms": given["ms_rows"] * given["ms_cols"], "accumulation_buffer": 1}
    hardware = golden.hardware(given)
    tile = {letter: given.get(f"T_{letter}", 1) for letter in LETTERS[case.operation]}
    return Command(
        "layer",
        operation_of(given),
        hardware.machine("golden", case.name, str),
        hardware,
        tile or None,
        None,
        schedule="largest" if given.get("optimize") else "none",
    )


def files_of(case: golden.Case) -> tuple[str, str]:
    """Run a case: the text of its statistics and of its counters."""
    command = command_of(case)
    sparse = case.operation in ("SPARSE", "SPARSEDENSE")
    drawn = golden.operands_of(case) if sparse else None
    session = cairn.Session(command.machine)
    a, b = drawn or (None, None)
    session.run("layer", command.operation, a, b, command.tile, schedule=command.schedule)
    report = Report(command, lambda: drawn)
    (layer,) = session.layers
    return report.statistics(layer), report.counters(layer)


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def sums(counters: str) -> dict[str, int]:
    """Add up the lines of the file, as the golden counters are: without polls and zeros."""
    total: Counter[str] = Counter()
    section = ""
    for line in counters.splitlines():
        if line.startswith("["):
            section = line.strip("[]")
            continue
        component, *fields = line.split() or [""]
        for each in fields:
            name, count = each.split("=")
            if (name, component) != ("READ", component) or not component.endswith("WIRE"):
                total[f"{section}.{component}.{name}"] += int(count)
    return {name: count for name, count in total.items() if count}


@pytest.mark.parametrize("name", DIGESTS)
def test_golden_cases_line_for_line(name: str) -> None:
    case, expected = CASES[name], DIGESTS[name]
    statistics, counters = files_of(case)
    assert [digest(each) for each in counters.split("\n[")] == expected["counters"]
    assert digest(json.dumps(json.loads(statistics))) == expected["statistics"]
    assert case.counters is not None
    in_file = {key: count for key, count in case.counters.items() if not key.startswith("N_")}
    assert sums(counters) == in_file


def test_every_golden_case_has_its_digests() -> None:
    assert DIGESTS.keys() == CASES.keys()
    assert len(WHOLE) == 6


@pytest.mark.parametrize("path", WHOLE, ids=lambda path: path.stem)
def test_whole_files(path: Path) -> None:
    _, counters = files_of(CASES[path.stem])
    assert counters.splitlines() == path.read_text().splitlines()


def written(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def test_files_have_the_names_of_the_reference(cli: Cli, tmp_path: Path) -> None:
    for _ in range(3):  # within a second
        assert cli("stonne", "--files", tmp_path, *SMALL, "-layer_name=a/b").code == 0
    names = written(tmp_path)
    assert len(names) == 6
    pattern = r"output_stats_layer_a_b_architecture_MSes_8_dnbw_4_rn_bw_4timestamp_(\d+)\.(\w+)"
    found = [re.fullmatch(pattern, name) for name in names]
    assert all(found)
    seconds = Counter((each[1]) for each in found if each)
    assert list(seconds.values()) == [2, 2, 2]
    (statistics, *_) = sorted(tmp_path.glob("*.txt"))
    assert json.loads(statistics.read_text())["LayerConfiguration"]["X_"] == 3
    counters = statistics.with_suffix(".counters").read_text()
    assert counters.startswith("CYCLES=") and counters.endswith("\n\n")


@pytest.mark.parametrize(
    ("words", "environment", "place"),
    [
        ((), None, None),
        (("-print_stats=1",), None, "."),
        (("-print_stats=1",), "out", "out"),
        ((), "out", "out"),
        (("-print_stats=0",), "out", None),
    ],
)
def test_where_files_go(
    cli: Cli,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    environment: str | None,
    place: str | None,
) -> None:
    (tmp_path / "out").mkdir()
    if environment:
        monkeypatch.setenv("OUTPUT_DIR", environment)
    result = cli("stonne", *SMALL, *words)
    assert (result.code, result.err) == (0, "")
    found = {
        folder: any("output_stats" in name for name in written(tmp_path / folder))
        for folder in (".", "out")
    }
    assert found == {folder: folder == place for folder in (".", "out")}


SPARSE = ("-SparseGEMM", "-M=6", "-N=5", "-K=9", "-num_ms=16")


@pytest.mark.parametrize(
    "words",
    [SMALL, SPARSE, ("-SparseDense", "-M=4", "-N=5", "-K=9"), ("-FC", "-K=9", "-generate_tile=1")],
)
@pytest.mark.parametrize("evaluator", ["flow", "step"])
def test_files_agree_with_the_document(
    cli: Cli, tmp_path: Path, words: tuple[str, ...], evaluator: str
) -> None:
    cli("stonne", "--evaluator", evaluator, "--json", "out.json", "--files", ".", *words)
    document: dict[str, Any] = json.loads((tmp_path / "out.json").read_text())
    (path,) = tmp_path.glob("*.counters")
    text = path.read_text()
    assert text.splitlines()[0] == f"CYCLES={document['totals']['cycles']}"
    told = sums(text)
    (layer,) = document["layers"]
    assert told["GlobalBuffer.GLOBALBUFFER.READ"] == layer["buffer_reads"]
    multiplied = layer["counters"]["multiplier"]["multiplications"]
    assert told["MSNetwork.MULTIPLIER.MULTIPLICATION"] == multiplied


def test_a_machine_that_the_reference_has_not(cli: Cli) -> None:
    words = (*SPARSE, "-rn_type=FENETWORK")
    result = cli("stonne", "--files", ".", *words)
    assert result.code == 2
    assert "error[U204] -rn_type" in result.err
    assert "-rn_type=ASNETWORK" in result.err
    assert cli("stonne", "--files", ".", *words, "-print_stats=0").code == 0


def test_a_folder_that_is_not_there(cli: Cli) -> None:
    result = cli("stonne", "--files", "nowhere", *SMALL)
    assert result.code == 2
    assert "error[E602]" in result.err


@pytest.mark.parametrize(
    ("preset", "changes", "slot"),
    [
        ("maeri-64", [("memory.words_per_cycle", "2")], "memory"),
        ("maeri-64", [("reduction.switches", "double")], "reduction"),
        ("maeri-64", [("multiplier.forwarding", "right")], "multiplier"),
        ("maeri-64", [("distribution.type", "unicast")], "distribution"),
        ("tpu-16x16", [("distribution.bandwidth", "3")], "distribution"),
    ],
)
def test_instances_of_other_parts_are_refused(
    preset: str, changes: list[tuple[str, str]], slot: str
) -> None:
    machine = cairn.load_machine(preset, changes)
    with pytest.raises(cairn.CairnError) as refused:
        cairn._core.instances(machine, cairn.Gemm(2, 2, 2), {"M": 1, "N": 1})
    (fault,) = refused.value.diagnostics
    assert fault.code == "U204"
    assert slot in fault.place


def test_operands_of_another_shape_are_refused() -> None:
    a, b = cairn.operands.for_gemm(cairn.Gemm(4, 4, 4), 1, 0.0)
    machine = stonne.parse(SPARSE).machine
    with pytest.raises(cairn.CairnError) as refused:
        cairn._core.instances(machine, cairn.Gemm(4, 4, 5), None, a, b)
    assert refused.value.diagnostics[0].code == "E302"
