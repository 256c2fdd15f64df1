"""The sparse commands and controllers of the reference: same operands, same cycles."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Cli, Outcome

import cairn
from cairn import stonne
from cairn.stonne.hardware import INPUTS, SPARSE, SPARSE_DENSE, WEIGHTS, Hardware

# Runs of the reference, whose own operands decide the cycles.
# M, N, K, num_ms, dn_bw, rn_bw, MK_sparsity, KN_sparsity, dataflow, optimize: cycles.
SPARSE_GEMMS = {
    (6, 11, 5, 16, 2, 1, 30, 95, WEIGHTS, 0): 117,
    (2, 14, 100, 32, 2, 2, 0, 0, WEIGHTS, 1): 2726,
    (5, 22, 3, 256, 1, 256, 60, 0, INPUTS, 0): 89,
    (10, 23, 11, 128, 2, 32, 60, 0, WEIGHTS, 0): 369,
    (8, 6, 23, 256, 16, 64, 60, 95, WEIGHTS, 0): 78,
    (11, 15, 32, 256, 64, 1, 90, 30, INPUTS, 0): 177,
    (1, 12, 3, 32, 16, 8, 95, 80, WEIGHTS, 0): 23,
    (7, 22, 11, 8, 2, 8, 30, 70, INPUTS, 0): 767,
    (8, 23, 7, 8, 4, 2, 0, 70, WEIGHTS, 0): 289,
    (5, 18, 3, 16, 1, 8, 30, 95, INPUTS, 0): 77,
    (7, 13, 50, 128, 8, 8, 0, 30, INPUTS, 1): 939,
    (16, 19, 11, 64, 2, 64, 60, 10, INPUTS, 1): 379,
    (14, 4, 23, 16, 16, 8, 80, 80, WEIGHTS, 1): 43,
    (21, 9, 200, 8, 4, 4, 90, 60, INPUTS, 0): 1628,
    (39, 32, 200, 128, 64, 64, 95, 80, INPUTS, 0): 231,
    (59, 61, 384, 64, 64, 64, 90, 95, WEIGHTS, 0): 1244,
    (78, 30, 200, 64, 16, 8, 80, 95, INPUTS, 0): 10173,
    (46, 49, 384, 128, 8, 16, 0, 90, INPUTS, 0): 112360,
    (39, 22, 256, 256, 16, 8, 80, 95, INPUTS, 0): 3422,
}
# M, N, K, num_ms, dn_bw, rn_bw, MK_sparsity, T_N, T_K, rn_type, accumulation_buffer: cycles.
SPARSE_DENSES = {
    (4, 8, 3, 16, 8, 8, 30, 2, 4, "ASNETWORK", 1): 72,
    (2, 4, 5, 16, 2, 2, 0, 1, 1, "TEMPORALRN", 1): 60,
    (11, 14, 23, 64, 2, 16, 95, 3, 13, "ASNETWORK", 1): 2002,
    (3, 12, 64, 64, 4, 8, 10, 15, 1, "TEMPORALRN", 1): 2847,
    (8, 15, 3, 32, 4, 16, 80, 5, 1, "TEMPORALRN", 1): 184,
    (1, 6, 100, 256, 64, 16, 80, 5, 1, "TEMPORALRN", 1): 194,
    (3, 12, 8, 8, 8, 2, 30, 6, 1, "TEMPORALRN", 1): 78,
    (4, 2, 64, 16, 16, 16, 90, 2, 7, "ASNETWORK", 1): 42,
    (14, 5, 16, 64, 64, 32, 30, 1, 18, "ASNETWORK", 1): 210,
    (14, 15, 32, 128, 8, 64, 80, 15, 7, "ASNETWORK", 1): 554,
    (4, 9, 3, 64, 2, 4, 30, 8, 4, "ASNETWORK", 1): 300,
    (2, 8, 23, 32, 1, 2, 80, 2, 7, "ASNETWORK", 0): 140,
    (3, 11, 3, 16, 1, 2, 80, 1, 6, "ASNETWORK", 1): 240,
    (1, 4, 5, 4, 4, 4, 95, 4, 1, "ASNETWORK", 0): 8,
    (5, 5, 5, 8, 8, 4, 50, 1, 6, "ASNETWORK", 1): 65,
}
_HARDWARE = ("M", "N", "K", "num_ms", "dn_bw", "rn_bw", "MK_sparsity")
NAMES = {
    "-SparseGEMM": (*_HARDWARE, "KN_sparsity", "dataflow", "optimize"),
    "-SparseDense": (*_HARDWARE, "T_N", "T_K", "rn_type", "accumulation_buffer"),
}
RUNS = [
    *(("-SparseGEMM", values, cycles) for values, cycles in SPARSE_GEMMS.items()),
    *(("-SparseDense", values, cycles) for values, cycles in SPARSE_DENSES.items()),
]
DEFAULTS = {
    "-SparseGEMM": 56,
    "-SparseGEMM -M=8 -N=8 -K=32 -num_ms=16 -dn_bw=4 -rn_bw=4": 699,
    "-SparseDense": 3960,
}
# A temporal network adds up what one multiplier makes. The reference gives wrong results here, or
# right ones by chance, all of them zero.
WRONG = (
    "-SparseDense -M=4 -N=7 -K=3 -dn_bw=64 -MK_sparsity=30 -T_N=3 -T_K=8 -rn_type=TEMPORALRN",
    "-SparseDense -M=1 -N=8 -K=8 -num_ms=4 -dn_bw=2 -MK_sparsity=95 -T_N=1 -T_K=2"
    " -rn_type=TEMPORALRN",
    "-SparseDense -M=3 -N=7 -K=5 -num_ms=4 -MK_sparsity=95 -T_N=1 -T_K=4 -rn_type=TEMPORALRN",
)


def cycles_of(result: Outcome) -> int:
    """Read the one line that scripts of the reference read; the values were checked."""
    assert result.code == 0, result.err
    assert "values equal NumPy's" in result.out
    (line,) = [each for each in result.out.splitlines() if each.startswith("Number of cycles")]
    return int(line.removeprefix("Number of cycles running: "))


@pytest.mark.parametrize("evaluator", ["flow", "step"])
@pytest.mark.parametrize(("operation", "values", "cycles"), RUNS, ids=str)
def test_runs_of_the_reference(
    cli: Cli, operation: str, values: tuple[Any, ...], cycles: int, evaluator: str
) -> None:
    flags = [f"-{name}={value}" for name, value in zip(NAMES[operation], values, strict=True)]
    result = cli("stonne", "--evaluator", evaluator, operation, *flags)
    assert (result.err, cycles_of(result)) == ("", cycles)


@pytest.mark.parametrize(("words", "cycles"), DEFAULTS.items())
def test_the_defaults_are_those_of_the_reference(cli: Cli, words: str, cycles: int) -> None:
    assert cycles_of(cli("stonne", *words.split())) == cycles


@pytest.mark.parametrize("words", WRONG)
def test_what_the_reference_computes_wrongly_is_refused(cli: Cli, words: str) -> None:
    result = cli("stonne", *words.split())
    assert (result.code, result.out) == (2, "")
    assert "U204" in result.err


def test_what_a_command_says_of_machine_and_layer() -> None:
    command = stonne.parse(["-SparseGEMM", "-MK_sparsity=0", "-KN_sparsity=100", "-optimize=1"])
    assert (command.name, command.tile, command.objective) == ("GEMMTestLayer", None, None)
    assert (command.zeros, command.schedule) == ((0, 100), "largest")
    parts = command.machine.describe()["parts"]
    assert (parts["memory"]["type"], parts["memory"]["stationary"]) == ("bitmap", "inputs")
    assert (parts["multiplier"]["type"], parts["multiplier"]["multipliers"]) == ("disabled", 64)
    assert (parts["reduction"]["type"], parts["reduction"]["accumulators"]) == ("art", False)
    other = stonne.parse(["-SparseGEMM", f"-dataflow={WEIGHTS}", "-rn_type=FENETWORK"])
    parts = other.machine.describe()["parts"]
    assert parts["memory"]["stationary"] == "weights"
    assert parts["reduction"]["type"] == "synchronous-fan"
    assert other.schedule == "none"


def test_a_dense_operand_is_drawn_with_0_per_cent_of_zeros() -> None:
    command = stonne.parse(["-SparseDense", "-T_N=2", "-T_K=3"])
    assert (command.name, command.zeros) == ("SparseDenseTestLayer", (70, 0))
    assert command.tile == {"N": 2, "K": 3}
    a, b = command.operands()
    assert (a.shape, b.shape) == ((1, 32, 32), (1, 32, 16))
    assert 0 < np.count_nonzero(b == 0) < 20 < np.count_nonzero(a == 0)
    parts = command.machine.describe()["parts"]
    assert (parts["memory"]["type"], parts["memory"]["stationary"]) == ("csr", "inputs")
    assert parts["reduction"]["accumulators"] is True


def test_operands_without_effect_are_not_drawn_by_the_command() -> None:
    assert stonne.parse(["-DenseGEMM"]).operands() is None


def test_a_generated_tile_is_the_mappers(cli: Cli) -> None:
    command = stonne.parse(["-SparseDense", "-generate_tile=energy"])
    assert (command.tile, command.objective) == (None, "energy")
    mapped = cycles_of(cli("stonne", "-SparseDense", "-generate_tile=performance"))
    assert mapped <= DEFAULTS["-SparseDense"]


@pytest.mark.parametrize("evaluator", ["flow", "step"])
@pytest.mark.parametrize("reduction", ["ASNETWORK", "FENETWORK"])
@pytest.mark.parametrize("terms", [1, 2])
def test_fewer_terms_than_a_bitmap_wants(
    cli: Cli, terms: int, reduction: str, evaluator: str
) -> None:
    sizes = ("-SparseGEMM", f"-K={terms}", "-M=9", "-N=7", "-num_ms=8", f"-rn_type={reduction}")
    assert cycles_of(cli("stonne", "--evaluator", evaluator, *sizes)) > 0


def test_the_document_says_what_was_run(cli: Cli) -> None:
    words = ("-SparseGEMM", "-optimize=1", "-MK_sparsity=50", "-layer_name=q")
    document = json.loads(cli("stonne", "--json", "-", *words).out)
    context = document["context"]
    assert (context["target"], context["zeros_percent"]) == ("q", [50, 20])
    assert (context["schedule"], context["values_agree"]) == ("largest", True)
    assert document["layers"][0]["name"] == "q"


def test_wrong_values_are_told(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cairn.operands.values_agree", lambda *_: False)
    result = cli("stonne", "-SparseGEMM")
    assert result.code == 1
    assert "values DIFFER from NumPy's" in result.out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("-SparseGEMM -MK_sparsity=-1", "E105", "-MK_sparsity=-1: -1 is not a percentage"),
        ("-SparseGEMM -KN_sparsity=150", "E105", "0 to 100"),
        ("-SparseDense -KN_sparsity=20", "E103", "did you mean '-MK_sparsity'?"),
        ("-SparseGEMM -optimize=2", "E107", "one of: 0, 1"),
        ("-SparseGEMM -dataflow=CNN_DATAFLOW", "E107", INPUTS),
        ("-SparseGEMM -T_K=2", "E103", "-T_K=2"),
        ("-SparseGEMM -accumulation_buffer=1", "E103", "-accumulation_buffer=1"),
        ("-SparseGEMM -M=0", "E105", "-M=0"),
        ("-SparseGEMM -num_ms=100", "", "-num_ms"),
        ("-SparseGEMM -dn_bw=128", "", "-dn_bw"),
        ("-SparseGEMM -rn_type=TEMPORALRN", "", "-rn_type"),
        ("-SparseGEMM -M=70000 -K=70000", "U203", "layer GEMMTestLayer"),
        ("-SparseDense -T_N=16", "E401", ""),
        ("-SparseDense -T_N=0", "E105", "-T_N=0"),
        ("-FC -mem_ctrl=SIGMA_SPARSE_GEMM", "E201", "-SparseGEMM"),
        ("-DenseGEMM -mem_ctrl=MAGMA_SPARSE_DENSE", "E201", "-SparseDense"),
    ],
)
def test_bad_command_lines_are_refused(cli: Cli, words: str, code: str, said: str) -> None:
    result = cli("stonne", *words.split())
    assert (result.code, result.out) == (2, ""), result.err
    assert f"error[{code}" in result.err, result.err
    assert said in result.err, result.err
    assert "help:" in result.err


def test_what_has_no_effect_is_told(cli: Cli) -> None:
    result = cli("stonne", "--timing-only", "-SparseGEMM")
    assert result.err == (
        "warning: --timing-only: no effect: the zeros of the values decide the cycles\n"
    )
    assert cycles_of(result) == DEFAULTS["-SparseGEMM"]


@pytest.mark.parametrize(
    ("settings", "memory", "stationary", "accumulates"),
    [
        ({"mem_ctrl": SPARSE}, "bitmap", "weights", False),
        ({"mem_ctrl": SPARSE, "dataflow": INPUTS}, "bitmap", "inputs", False),
        ({"mem_ctrl": SPARSE_DENSE}, "csr", "weights", False),
        ({"mem_ctrl": SPARSE_DENSE, "accumulation_buffer": 1}, "csr", "weights", True),
    ],
)
def test_the_text_of_a_sparse_machine(
    settings: dict[str, Any], memory: str, stationary: str, accumulates: bool
) -> None:
    parts = tomllib.loads(Hardware(num_ms=32, dn_bw=8, rn_bw=2, **settings).text("sparse"))
    assert parts["memory"] == {"type": memory, "stationary": stationary}
    assert parts["distribution"] == {"type": "tree", "bandwidth": 8}
    assert parts["multiplier"] == {"type": "disabled", "multipliers": 32}
    assert parts["reduction"] == {"type": "art", "accumulators": accumulates}
    assert parts["collection"] == {"type": "bus", "lines": 2}


SIGMA = '[SDMemory]\ndn_bw = 64\nrn_bw = 64\ncontroller_type = "SIGMA_SPARSE_GEMM"\n'
MAGMA = (
    "[ReduceNetwork]\naccumulation_buffer_enabled = 1\n"
    '[SDMemory]\ncontroller_type = "MAGMA_SPARSE_DENSE"\n'
)


@pytest.mark.parametrize(("text", "memory"), [(SIGMA, "bitmap"), (MAGMA, "csr")])
def test_a_cfg_keeps_the_weights_as_the_references_front_end_does(
    cli: Cli, tmp_path: Path, text: str, memory: str
) -> None:
    (tmp_path / "sparse.cfg").write_text(text)
    parts = cairn.load_machine("sparse.cfg").describe()["parts"]
    assert (parts["memory"]["type"], parts["memory"]["stationary"]) == (memory, "weights")
    result = cli("run", "gemm", "--M", 10, "--N", 20, "--K", 30, "--arch", "sparse.cfg")
    assert (result.code, result.err) == (0, "")
    assert "values equal NumPy's" in result.out


def test_a_sparse_cfg_that_would_never_end_is_refused(cli: Cli, tmp_path: Path) -> None:
    text = SIGMA + "[ReduceNetwork]\naccumulation_buffer_enabled = 1\n"
    (tmp_path / "bad.cfg").write_text(text)
    result = cli("run", "gemm", "--M", 1, "--N", 1, "--K", 1, "--arch", "bad.cfg")
    assert result.code == 2
    assert "error[E201] bad.cfg:6: ReduceNetwork.accumulation_buffer_enabled" in result.err
