"""`cairn run` on single operations and tables, and what it prints and writes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import onnx
import pytest
from conftest import Cli
from models import small_network

GEMM = ("run", "gemm", "--M", 20, "--N", 18, "--K", 9)
CONV = ("run", "conv", "--channels", 4, "--filters", 6, "--input", "9x8", "--kernel", 3)


@pytest.mark.parametrize("evaluator", ["flow", "step"])
def test_gemm_shows_a_table_totals_and_the_check_of_values(cli: Cli, evaluator: str) -> None:
    result = cli(*GEMM, "--evaluator", evaluator)
    assert result.code == 0, result.err
    assert result.err == ""
    assert "M20 N18 K9" in result.out
    assert evaluator in result.out
    assert "3,240 multiplications" in result.out
    assert "values equal NumPy's" in result.out


@pytest.mark.parametrize("evaluator", ["flow", "step"])
@pytest.mark.parametrize(
    "extra",
    [
        (),
        ("--stride", "2x1", "--pad", "1"),
        ("--dilation", 2, "--pad", "0x1:2x0"),
        ("--groups", 2, "--batch", 3),
    ],
)
def test_conv_values_equal_numpy(cli: Cli, extra: tuple[object, ...], evaluator: str) -> None:
    result = cli(*CONV, *extra, "--evaluator", evaluator)
    assert result.code == 0, result.err
    assert "values equal NumPy's" in result.out


def test_one_and_three_dimensional_convolutions(cli: Cli) -> None:
    base = ("run", "conv", "--channels", 2, "--filters", 3, "--kernel", 2)
    assert cli(*base, "--input", "11").code == 0
    assert cli(*base, "--input", "4x5x3").code == 0


def test_both_evaluators_give_the_same_cycles_and_counters(cli: Cli, tmp_path: Path) -> None:
    layers = []
    for evaluator in ("flow", "step"):
        path = tmp_path / f"{evaluator}.json"
        assert cli(*GEMM, "--evaluator", evaluator, "--json", path, "--quiet").code == 0
        (layer,) = json.loads(path.read_text())["layers"]
        layers.append((layer["cycles"], layer["counters"], layer["utilisation"]))
    assert layers[0] == layers[1]


def test_json_document_has_schema_context_layers_and_totals(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    result = cli(*GEMM, "--json", path, "--seed", 7)
    assert result.code == 0
    document = json.loads(path.read_text())
    assert document["schema"] == "cairn.result/1"
    assert document["context"]["seed"] == 7
    assert document["context"]["values_agree"] is True
    assert document["totals"]["cycles"] == sum(each["cycles"] for each in document["layers"])
    assert document["totals"]["multiplications"] == 20 * 18 * 9
    assert document["units"]
    assert [each.name for each in tmp_path.iterdir()] == ["result.json"]


def test_json_to_the_standard_output_is_all_that_is_printed(cli: Cli) -> None:
    assert json.loads(cli(*GEMM, "--json", "-").out)["layers"][0]["operation"] == "gemm"


def test_quiet_prints_nothing(cli: Cli) -> None:
    result = cli(*GEMM, "--quiet")
    assert (result.code, result.out, result.err) == (0, "", "")


def test_timing_only_needs_no_memory_for_operands(cli: Cli) -> None:
    size = 60_000
    result = cli("run", "gemm", "--M", size, "--N", size, "--K", size, "--timing-only")
    assert result.code == 0, result.err
    assert f"{size**3:,}" in result.out


def test_tile_and_overrides_change_the_cycles(cli: Cli) -> None:
    def cycles(*extra: str) -> int:
        return int(json.loads(cli(*GEMM, "--json", "-", *extra).out)["totals"]["cycles"])

    assert cycles("--tile", "M=4,N=16") > cycles()
    assert cycles("--arch", "tpu-32x32") < cycles()


def test_options_may_come_before_the_target(cli: Cli, tmp_path: Path) -> None:
    onnx.save(small_network(), tmp_path / "net.onnx")
    assert cli("run", "--arch", "tpu-32x32", "net.onnx").code == 0
    assert cli("run", "--seed", 3, *GEMM[1:]).code == 0


def test_topology_tables_run_in_both_forms(cli: Cli, tmp_path: Path) -> None:
    conv = "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, "
    conv += "Num Filter, Strides,\nConv1, 12, 12, 3, 3, 3, 8, 1,\nConv2, 10, 10, 3, 3, 8, 8, 2,\n"
    (tmp_path / "conv.csv").write_text(conv)
    (tmp_path / "gemm.csv").write_text("Layer, M, N, K,\nG1, 20, 30, 40,\nG2, 5, 6, 7,\n")
    timing = cli("run", "conv.csv")
    assert timing.code == 0, timing.err
    assert "Conv2" in timing.out
    assert "timing only" in timing.out
    values = cli("run", "gemm.csv", "--values", "--evaluator", "step")
    assert values.code == 0, values.err
    assert "values equal NumPy's" in values.out


def test_an_onnx_model_runs_and_says_that_its_outputs_are_equal(cli: Cli, tmp_path: Path) -> None:
    onnx.save(small_network(), tmp_path / "net.onnx")
    result = cli("run", "net.onnx", "--json", "net.json")
    assert result.code == 0, result.err
    assert "Conv_c1" in result.out
    assert "equals ONNX Runtime's own" in result.out
    document = json.loads((tmp_path / "net.json").read_text())
    assert [each["operation"] for each in document["layers"]] == ["conv", "conv", "gemm"]
    assert document["context"]["outputs_agree"] is True
    assert document["context"]["inputs"] == {"x": [1, 2, 6, 6]}


def test_version_and_help(cli: Cli) -> None:
    assert cli("--version").out.startswith("cairn ")
    for command in ("--help", "run", "verify", "describe"):
        arguments = (command,) if command == "--help" else (command, "--help")
        assert "cairn" in cli(*arguments).out
    assert "Example" in cli("run", "gemm", "--help").out


def test_importing_cairn_stays_light() -> None:
    code = "import sys, cairn; print({'onnx', 'typer', 'rich', 'onnxruntime'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
