"""The machine `sigma-rtl` against RTL of SIGMA's Flex-DPE, and the reference on the same rows."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

import cairn
import sigma_rtl

EVALUATORS = ("flow", "step")

with (Path(__file__).parents[1] / "golden/rtl/sigma.csv").open() as file:
    ROWS = list(csv.DictReader(file))
DENSE = [row for row in ROWS if sigma_rtl.dense(row)]


def test_there_are_dense_and_sparse_rows_on_five_sizes() -> None:
    assert (len(ROWS), len(DENSE)) == (100, 50)
    assert {int(row["num_pes"]) for row in ROWS} == {8, 16, 32, 64, 128}


@pytest.mark.parametrize("evaluator", EVALUATORS)
def test_dense_rows_take_the_cycles_of_the_rtl(evaluator: str) -> None:
    for row in DENSE:
        found = sigma_rtl.run(row, "sigma-rtl", evaluator)
        assert found["cycles"] == int(row["rtl_cycles"]), row
        assert found["mapping"]["rounds"] == int(row["rtl_folds"]), row


@pytest.mark.parametrize("evaluator", EVALUATORS)
def test_sparse_rows_take_the_cycles_of_the_rtl_given_their_folds(evaluator: str) -> None:
    for row in ROWS:
        if not sigma_rtl.dense(row):
            found = sigma_rtl.run(row, "sigma-rtl", evaluator)
            assert found["mapping"]["rounds"] == int(row["rtl_folds"]), row
            assert found["cycles"] == int(row["rtl_cycles"]), row


def test_a_made_pattern_keeps_three_non_zeros_of_each_row() -> None:
    for row in ROWS:
        found = sigma_rtl.pattern(row)
        assert found.shape == (1, int(row["M"]), int(row["K"]))
        assert np.count_nonzero(found, axis=2).min() >= min(3, int(row["K"]))


@pytest.mark.parametrize("evaluator", EVALUATORS)
def test_dense_rows_take_the_references_cycles_on_its_machine(evaluator: str) -> None:
    for row in DENSE:
        found = sigma_rtl.run(row, "sigma-tree-256", evaluator)
        assert found["cycles"] == int(row["stonne_cycles"]), row


@pytest.mark.parametrize("multipliers", [8, 32, 128])
def test_zeros_act_through_the_number_of_folds_alone(multipliers: int) -> None:
    """Whatever the pattern: a fold is a cycle and a cycle a column, the pipeline is paid once."""
    numbers = np.random.default_rng(multipliers)
    words = str(multipliers)
    machine = cairn.load_machine(
        "sigma-rtl",
        [
            ("multiplier.multipliers", words),
            ("distribution.bandwidth", words),
            ("memory.stationary", "inputs"),
        ],
    )
    for _ in range(25):
        m, n, k = (int(each) for each in numbers.integers(3, 40, 3))
        a = (numbers.random((1, m, k)) < numbers.random((1, m, 1))).astype(np.float32)
        b = (numbers.random((1, k, n)) < numbers.random()).astype(np.float32)
        sizes = [max(3, int(each)) for each in np.count_nonzero(a[0], axis=1)]
        folds = sigma_rtl.folds_of(sizes, multipliers)
        session = cairn.Session(machine)
        out = session.run("layer", cairn.Gemm(m, n, k), a, b)
        layer = session.layers[0]
        assert np.array_equal(out, a @ b)
        assert layer["mapping"]["rounds"] == folds, (m, n, k)
        levels = multipliers.bit_length() - 1
        assert layer["cycles"] == folds * (1 + n) + levels + 4, (m, n, k)
