"""Sparse machines from the command line: zeros that are drawn or pruned, and the schedule."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from conftest import Cli
from models import small_network

import cairn
import cairn.onnx
from cairn import operands

SIGMA = ("--arch", "sigma-64")
GEMM = ("gemm", "--M", 12, "--N", 40, "--K", 90)
CONV = ("conv", "--channels", 8, "--filters", 24, "--input", 7, "--kernel", 3, "--groups", 2)
TABLE = "Layer, M, N, K,\nwide, 9, 40, 70,\nsmall, 5, 6, 7,\nlong, 8, 12, 300,\n"


@pytest.fixture
def net(tmp_path: Path) -> str:
    onnx.save(small_network(), tmp_path / "net.onnx")
    return "net.onnx"


@pytest.fixture
def table(tmp_path: Path) -> str:
    (tmp_path / "table.csv").write_text(TABLE)
    return "table.csv"


def run(cli: Cli, *arguments: object) -> dict[str, Any]:
    result = cli("run", *arguments, "--json", "-")
    assert (result.code, result.err) == (0, "")
    return dict(json.loads(result.out))


@pytest.mark.parametrize("arch", ["sigma-64", "sigma-tree-256", "magma-128"])
@pytest.mark.parametrize("per", ["tensor", "filter", "2:4"])
def test_a_pruned_model_runs_and_agrees_on_a_sparse_machine(arch: str, per: str) -> None:
    ratio = None if ":" in per else 0.75
    runs = [
        cairn.onnx.run(small_network(), arch=arch, evaluator=each, sparsity=ratio, prune=per)
        for each in ("flow", "step")
    ]
    assert all(each.agrees for each in runs)
    keys = ("cycles", "effective_multiplications", "effective_utilisation", "sparsity", "counters")
    flow, step = (
        [[layer[key] for key in keys] for layer in each.result["layers"]] for each in runs
    )
    assert flow == step
    reached = [each["sparsity"] for each in runs[0].result["context"]["pruning"]["layers"]]
    shares = [layer["sparsity"]["weights"] for layer in runs[0].result["layers"]]
    assert shares == pytest.approx(reached)


def test_zeros_save_cycles_and_the_dense_work_stays(cli: Cli, net: str) -> None:
    plain, pruned = run(cli, net, *SIGMA), run(cli, net, *SIGMA, "--sparsity", 0.9)
    assert pruned["totals"]["cycles"] < plain["totals"]["cycles"]
    assert pruned["totals"]["multiplications"] == plain["totals"]["multiplications"]
    assert pruned["totals"]["effective_multiplications"] < pruned["totals"]["multiplications"]
    for each in (*pruned["layers"], pruned["totals"]):
        capacity = 64 * each["cycles"]
        assert each["utilisation"] == pytest.approx(each["multiplications"] / capacity)
        share = each["effective_multiplications"] / capacity
        assert each["effective_utilisation"] == pytest.approx(share)
        assert share <= 1
    assert "above 1" in pruned["units"]["utilisation"]
    shown = cli("run", net, *SIGMA, "--sparsity", 0.9).out
    assert "effective utilisation" in shown
    assert "above 100 % where zeros are left out" in shown


def test_effective_multiplications_are_those_of_two_non_zeros(cli: Cli) -> None:
    (layer,) = run(cli, *GEMM, *SIGMA, "--sparsity", 0.7, "--seed", 4)["layers"]
    a, b = operands.for_gemm(cairn.Gemm(12, 40, 90), 4, 0.7)
    pairs = np.count_nonzero(a[0], axis=0) @ np.count_nonzero(b[0], axis=1)
    assert layer["effective_multiplications"] == pairs
    assert layer["sparsity"] == pytest.approx({"weights": np.mean(b == 0), "inputs": 0.0})
    assert layer["sparsity"]["weights"] == pytest.approx(0.7, abs=0.03)


@pytest.mark.parametrize("operation", [GEMM, CONV])
@pytest.mark.parametrize("schedule", ["none", "random", "largest", "fullest"])
@pytest.mark.parametrize("arch", ["sigma-64", "magma-128"])
def test_timing_only_draws_the_zeros_that_the_values_have(
    cli: Cli, operation: tuple[object, ...], schedule: str, arch: str
) -> None:
    options = ("--arch", arch, "--sparsity", 0.6, "--schedule", schedule, "--seed", 3)
    values = run(cli, *operation, *options)
    timing = run(cli, *operation, *options, "--timing-only")
    assert values["context"].pop("values_agree")
    assert values["context"] == timing["context"]
    assert values["context"]["weight_sparsity"] == 0.6
    assert values["layers"] == timing["layers"]


def test_tables_run_with_drawn_zeros(cli: Cli, table: str) -> None:
    timing = run(cli, table, *SIGMA, "--sparsity", 0.8)
    values = run(cli, table, *SIGMA, "--sparsity", 0.8, "--values")
    assert timing["layers"] == values["layers"]
    assert len({layer["sparsity"]["weights"] for layer in timing["layers"]}) == 3
    other = run(cli, table, *SIGMA, "--sparsity", 0.8, "--seed", 2)
    assert other["layers"] != timing["layers"]
    dense = run(cli, table, *SIGMA)
    assert dense["totals"]["cycles"] > timing["totals"]["cycles"]
    assert dense["totals"]["effective_multiplications"] == dense["totals"]["multiplications"]


def test_the_schedule_packs_filters(cli: Cli) -> None:
    def rounds(schedule: str, *extra: object) -> int:
        result = run(cli, *wide, *SIGMA, "--sparsity", 0.8, "--schedule", schedule, *extra)
        assert result["context"].get("schedule", "none") == schedule
        return int(result["layers"][0]["mapping"]["rounds"])

    wide = ("gemm", "--M", 4, "--N", 300, "--K", 120)
    none, largest, fullest = map(rounds, ("none", "largest", "fullest"))
    assert none > largest >= fullest
    assert rounds("random", "--seed", 1) == rounds("random", "--seed", 1)


def test_a_model_takes_its_filters_in_the_order_of_the_schedule() -> None:
    def made(schedule: str, seed: int = 1) -> cairn.onnx.Run:
        return cairn.onnx.run(
            small_network(), arch="sigma-64", sparsity=0.5, schedule=schedule, seed=seed
        )

    runs = {each: made(each) for each in ("none", "random", "largest", "fullest")}
    assert all(each.agrees for each in runs.values())
    assert "schedule" not in runs["none"].result["context"]
    assert runs["largest"].result["context"]["schedule"] == "largest"
    assert len({each.result["totals"]["effective_multiplications"] for each in runs.values()}) == 1
    assert made("random").result == runs["random"].result
    with pytest.raises(cairn.CairnError, match="schedule"):
        made("best")


def test_a_dense_machine_is_compared_on_the_same_pruned_model(cli: Cli, net: str) -> None:
    options = ("--sparsity", 0.8, "--schedule", "largest")
    result = cli("compare", net, "--arch", "tpu-16x16,sigma-64", *options, "--json", "both.json")
    assert (result.code, result.err) == (0, ""), result.err
    document = json.loads(Path("both.json").read_text())
    dense, sparse = document["results"]
    assert document["context"]["pruning"]["sparsity"] == 0.8
    assert "schedule" not in dense["context"]
    assert sparse["context"]["schedule"] == "largest"
    assert "effective_multiplications" not in dense["totals"]
    effective = sparse["totals"]["effective_multiplications"]
    share = 100 * effective / (256 * dense["totals"]["cycles"])
    (totals,) = [line.split() for line in result.out.splitlines() if " total " in line]
    assert f"{share:.1f}" in totals
    assert result.out.count("equals ONNX Runtime's own of the pruned model") == 1


def test_a_seed_of_any_size_is_taken(cli: Cli) -> None:
    run(cli, *GEMM, *SIGMA, "--sparsity", 0.5, "--schedule", "random", "--seed", 1 << 70)
