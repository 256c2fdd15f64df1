"""`cairn stonne`: the command lines of the reference mean the same here, or are refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli, Outcome

import cairn
from cairn import stonne

GOLDEN = Path(__file__).parents[1] / "golden"
MESH = ("-mn_type=OS_MESH", "-mem_ctrl=TPU_OS_DENSE", "-rn_type=TEMPORALRN")
MESH_4 = ("-FC", *MESH, "-ms_rows=4", "-ms_cols=4", "-dn_bw=8")
RENAMED = {"T_X": "T_X_", "T_Y": "T_Y_"}


def cases(name: str, count: int) -> list[dict[str, Any]]:
    """Return the golden cases with the fewest cycles."""
    records = map(json.loads, (GOLDEN / name).read_text().splitlines())
    return sorted(records, key=lambda each: each["expect"]["cycles"])[:count]


def words_of(case: dict[str, Any]) -> list[str]:
    """Write a golden case as a command line of the reference."""
    operation = {"CONV": "-CONV", "GEMM": "-DenseGEMM", "OSMESH": "-FC"}[case["op"]]
    mesh = MESH if case["op"] == "OSMESH" else ()
    given = {RENAMED.get(name, name): value for name, value in case.items()}
    flags = (f"-{name}={value}" for name, value in given.items() if name not in ("op", "seed"))
    return [operation, *mesh, *flags]


def cycles(result: Outcome) -> int:
    """Read the one line that scripts of the reference read."""
    assert result.code == 0, result.err
    (line,) = [each for each in result.out.splitlines() if each.startswith("Number of cycles")]
    return int(line.removeprefix("Number of cycles running: "))


@pytest.mark.parametrize("evaluator", ["flow", "step"])
@pytest.mark.parametrize(
    "record",
    [*cases("conv.jsonl", 12), *cases("gemm.jsonl", 12), *cases("systolic.jsonl", 4)],
    ids=lambda record: record["id"],
)
def test_golden_cases_as_command_lines(cli: Cli, record: dict[str, Any], evaluator: str) -> None:
    result = cli("stonne", "--evaluator", evaluator, *words_of(record["case"]))
    assert cycles(result) == record["expect"]["cycles"]
    assert "values equal NumPy's" in result.out


# Runs of the reference that are followed cycle by cycle in its description.
WORKED = {
    9: "-FC -M=1 -N=1 -K=4 -T_K=4 -num_ms=4 -dn_bw=2 -rn_bw=1",
    16: "-FC -M=1 -N=1 -K=8 -T_K=3 -num_ms=4 -dn_bw=4 -rn_bw=1",
    1476: "-CONV -R=3 -S=3 -C=4 -K=4 -X=8 -Y=8 -T_R=3 -T_S=3 -T_X_=2 -num_ms=32 -dn_bw=8 -rn_bw=8",
}


@pytest.mark.parametrize("expected", WORKED)
def test_worked_examples(cli: Cli, expected: int) -> None:
    assert cycles(cli("stonne", *WORKED[expected].split())) == expected


def test_the_defaults_are_those_of_the_reference() -> None:
    command = stonne.parse(["-CONV"])
    assert command.name == "TestLayer"
    assert (command.operation.input, command.operation.kernel) == ((1, 3), (1, 3))
    assert command.tile == {"R": 1, "S": 3, "C": 1, "K": 1, "G": 1, "N": 1, "X": 1, "Y": 1}
    assert command.objective is None
    parts = command.machine.describe()["parts"]
    assert parts["multiplier"]["multipliers"] == 64
    assert (parts["distribution"]["bandwidth"], parts["collection"]["lines"]) == (4, 4)
    assert (parts["reduction"]["type"], parts["reduction"]["accumulators"]) == ("art", False)
    gemm = stonne.parse(["-DenseGEMM"])
    assert (gemm.operation.m, gemm.operation.n, gemm.operation.k) == (1, 1, 3)
    assert gemm.tile == {"M": 1, "N": 1, "K": 1}


def test_x_and_r_are_the_first_spatial_dimension() -> None:
    sizes = {"X": 9, "Y": 7, "R": 2, "S": 3, "C": 4, "K": 6, "G": 2, "N": 5, "strides": 2}
    words = [f"-{name}={size}" for name, size in sizes.items()]
    operation = stonne.parse(["-CONV", *words]).operation
    assert (operation.input, operation.kernel, operation.stride) == ((9, 7), (2, 3), (2, 2))
    assert (operation.channels, operation.filters) == (4, 6)
    assert (operation.groups, operation.batch) == (2, 5)


@pytest.mark.parametrize(
    ("asked", "objective"),
    [
        ("performance", "cycles"),
        ("Energy", "energy"),
        ("energy_efficiency", "edp"),
        ("1", "cycles"),
        ("3", "edp"),
    ],
)
def test_generated_tiles_are_the_mappers(asked: str, objective: str) -> None:
    command = stonne.parse(["-FC", "-K=8", f"-generate_tile={asked}"])
    assert (command.tile, command.objective) == (None, objective)
    assert stonne.parse(["-FC", "-T_K=3", "-generate_tile=none"]).tile == {"M": 1, "N": 1, "K": 3}


def test_a_generated_tile_is_simulated(cli: Cli) -> None:
    sizes = ("-DenseGEMM", "-M=6", "-N=20", "-K=16", "-accumulation_buffer=1")
    assert cycles(cli("stonne", *sizes, "-generate_tile=performance")) < cycles(
        cli("stonne", *sizes, "-T_K=2")
    )


def test_the_document_is_that_of_cairn_run(cli: Cli) -> None:
    sizes = ("-M=9", "-N=7", "-K=5", "-T_M=4", "-T_N=4")
    result = cli("stonne", "--json", "-", *MESH_4, *sizes, "-layer_name=fc6")
    document = json.loads(result.out)
    assert document["schema"] == "cairn.result/1"
    assert document["context"]["values_agree"] is True
    (layer,) = document["layers"]
    assert (layer["name"], layer["multiplications"]) == ("fc6", 9 * 7 * 5)


def test_timing_only(cli: Cli) -> None:
    large = [f"-{name}=60000" for name in "MNK"]
    result = cli("stonne", "--timing-only", *MESH_4, "-T_M=4", "-T_N=4", *large)
    assert cycles(result) > 60_000**3 // 16
    assert "timing only" in result.out


@pytest.mark.parametrize("words", [("--help",), ("-h",)])
def test_help_lists_the_flags_and_has_an_example(cli: Cli, words: tuple[str, ...]) -> None:
    result = cli("stonne", *words)
    assert result.code == 0
    for expected in ("Example", "cairn stonne -CONV", "-T_X_=1", "-mem_ctrl=MAERI_DENSE_WORKLOAD"):
        assert expected in result.out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((*MESH_4, "-num_ms=64"), ["-num_ms", "4 x 4 multipliers"]),
        ((*MESH_4, "-T_K=3"), ["-T_K", "does not tile K"]),
        ((*MESH_4, "-accumulation_buffer=0"), ["-accumulation_buffer", "always accumulates"]),
        ((*MESH_4, "-generator=mRNA"), ["-generator", "one mapper"]),
        ((*MESH_4, "-generate_tile=1", "-T_M=2"), ["-T_M", "mapper chooses"]),
        (("-FC", "-rn_type=FENETWORK", "-accumulation_buffer=1"), ["-accumulation_buffer"]),
        (("-FC", "-ms_rows=4"), ["-ms_rows", "neither rows nor columns"]),
    ],
)
def test_what_has_no_effect_is_told(cli: Cli, words: tuple[str, ...], told: list[str]) -> None:
    result = cli("stonne", *words)
    assert result.code == 0, result.err
    (line,) = result.err.splitlines()
    assert line.startswith("warning: ")
    for each in told:
        assert each in line
    quiet = [word for word in words if told[0] not in word]
    assert cli("stonne", *quiet).err == ""


def test_python_hears_of_it_too() -> None:
    with pytest.warns(stonne.IgnoredWarning, match="-generator"):
        stonne.parse([*MESH_4, "-generator=mRNA"])


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("", "E107", "-CONV, -FC, -DenseGEMM"),
        ("-CNV", "E107", "did you mean '-CONV'?"),
        ("CONV -R=3", "E107", "did you mean '-CONV'?"),
        ("-SpraseGEMM", "E107", "did you mean '-SparseGEMM'?"),
        ("-CONV -R=3x", "E104", "-R=3x: '3x' is not an integer"),
        ("-CONV -R=abc", "E104", "-R=abc"),
        ("-CONV -K=-1", "E105", "-K=-1: -1 is out of range"),
        ("-CONV -R=0", "E105", "-R=0"),
        ("-CONV -T_S=0", "E105", "-T_S=0"),
        ("-CONV -strides=0", "E105", "-strides=0"),
        (f"-FC -M={'9' * 5000}", "E105", "out of range"),
        ("-CONV -num_mss=64", "E103", "did you mean '-num_ms'?"),
        ("-CONV -T_X=1", "E103", "did you mean '-T_X_'?"),
        ("-CONV -mem_ctrl=TPU_OS_DENSE", "E103", "-mem_ctrl=TPU_OS_DENSE"),
        ("-CONV -rn_type=ASNETWROK", "E107", "did you mean 'ASNETWORK'?"),
        ("-CONV -rn_type=0", "E107", "-rn_type=0"),
        ("-CONV -generate_tile=foo", "E107", "performance"),
        ("-CONV -generator=banana", "E107", "stonnemapper"),
        ("-CONV -print_stats=2", "E107", "-print_stats=2"),
        ("-CONV -accumulation_buffer=-1", "E105", "-accumulation_buffer=-1"),
        ("-CONV R=3", "E001", "-name=value"),
        ("-CONV -R", "E001", "e.g. -R=1"),
        ("-CONV -R=", "E001", "e.g. -R=1"),
        ("-CONV -R=3 -R=3", "E001", "given twice"),
        ("-CONV --json", "E001", "before the operation"),
        ("--jsn x -CONV", "E001", "--jsn"),
        ("-FC -mn_type=OS_MESH", "E201", "-mem_ctrl"),
        ("-FC -mem_ctrl=TPU_OS_DENSE", "E201", "MAERI_DENSE_WORKLOAD"),
        (f"-FC {' '.join(MESH[:2])} -ms_rows=2 -ms_cols=2", "E201", "-rn_type"),
        (f"-FC {' '.join(MESH)} -ms_rows=4", "E106", "-ms_cols"),
        (f"{' '.join(MESH_4[:-1])} -dn_bw=64", "E201", "-dn_bw: bandwidth 64 exceeds the 8"),
        (f"-FC {' '.join(MESH)} -ms_rows=4096 -ms_cols=2", "E105", "-ms_rows: rows = 4096"),
        (f"{' '.join(MESH_4)} -T_M=5", "E401", "5"),
        ("-CONV -C=3 -G=2", "E301", "groups"),
        ("-CONV -R=4", "E301", "kernel"),
        ("-CONV -num_ms=100", "", "-num_ms"),
        ("-CONV -dn_bw=128", "", "-dn_bw"),
        ("-CONV -R=8 -S=9 -X=9 -Y=9 -T_R=8 -T_S=9", "E401", ""),
        ("-FC -T_M=65536 -T_N=65536", "E401", ""),
        ("-FC -rn_type=TEMPORALRN -T_K=2", "U204", "virtual neurons"),
    ],
)
def test_bad_command_lines_are_refused(cli: Cli, words: str, code: str, said: str) -> None:
    result = cli("stonne", *words.split())
    assert (result.code, result.out) == (2, ""), result.err
    assert f"error[{code}" in result.err, result.err
    assert said in result.err, result.err
    assert "help:" in result.err


def test_all_faults_are_told_at_once(cli: Cli) -> None:
    result = cli("stonne", "-CONV", "-R=x", "-S=0", "-foo=3", "-rn_type=ART")
    assert result.err.count("error[") == 4
    both = cli("stonne", "-FC", *MESH[:2], "-ms_rows=2", "-ms_cols=2000", "-M=3")
    assert both.err.count("error[") == 1  # what the settings break comes before what they are
    result = cli("stonne", "-CONV", "-C=3", "-G=2", "-dn_bw=128")
    assert "[E301]" in result.err
    assert "-dn_bw" in result.err


def test_python_raises_them() -> None:
    with pytest.raises(cairn.CairnError) as raised:
        stonne.parse(["-CONV", "-R=3x", "-foo"])
    assert [each.code for each in raised.value.diagnostics] == ["E104", "E103"]
