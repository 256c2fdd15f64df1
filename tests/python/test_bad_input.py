"""Every bad input ends in diagnostics with code, place and remedy, exit code 2 and no file left."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from conftest import Cli, Outcome
from models import array, model, node, small_network

EXAMPLES = Path(__file__).parents[2] / "examples"
GEMM = ("run", "gemm", "--M", 8, "--N", 8, "--K", 8)


def refused(result: Outcome, code: str, *words: str) -> None:
    """Check that a command was refused with a code and said all ``words``."""
    assert result.code == 2, (result.out, result.err)
    assert f"[{code}]" in result.err, result.err
    assert "Traceback" not in result.err
    for word in words:
        assert word in result.err, result.err
    assert result.out == ""


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("missing.onnx", ["missing.onnx", "no such file"]),
        ("missing.csv", ["missing.csv", "no such file"]),
    ],
)
def test_missing_files(cli: Cli, target: str, words: list[str]) -> None:
    refused(cli("run", target), "E101", *words)


def test_a_missing_file_names_the_nearest_one(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "resnet50.onnx").touch()
    refused(cli("run", "resnet5O.onnx"), "E101", "did you mean 'resnet50.onnx'?")


def test_a_directory_is_not_a_model(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "folder.onnx").mkdir()
    refused(cli("run", "folder.onnx"), "E101", "directory")


@pytest.mark.parametrize("target", ["gmm", "model.pt", "gemm.txt"])
def test_unknown_targets_say_what_is_accepted(cli: Cli, target: str) -> None:
    refused(cli("run", target), "E107", target, ".onnx, .safetensors or .csv", "help:")


def test_unknown_machines(cli: Cli) -> None:
    result = cli(*GEMM, "--arch", "tpu-16x61")
    assert result.code == 2
    assert "tpu-16x16" in result.err


def test_machine_files_report_place_and_nearest_key(cli: Cli, tmp_path: Path) -> None:
    text = cli("describe", "tpu-16x16").out
    assert "multiplier" in text
    (tmp_path / "bad.toml").write_text('name = "bad"\n[multiplier]\ntype = "mesh"\nrowz = 4\n')
    result = cli(*GEMM, "--arch", "bad.toml")
    refused(result, "E103", "bad.toml:", "rowz", "did you mean 'rows'?")


def test_unknown_override(cli: Cli) -> None:
    result = cli(*GEMM, "--set", "multiplier.rowz=3")
    assert result.code == 2
    assert "rowz" in result.err
    assert "rows" in result.err


@pytest.mark.parametrize("size", [0, -3])
def test_sizes_below_one(cli: Cli, size: int) -> None:
    result = cli("run", "gemm", "--M", size, "--N", 4, "--K", 4)
    assert result.code == 2
    assert "error[E301]" in result.err
    assert str(size) in result.err


@pytest.mark.parametrize("size", [2**62, 2**63, 10**30])
def test_sizes_too_large_to_count(cli: Cli, size: int) -> None:
    result = cli("run", "gemm", "--M", size, "--N", size, "--K", size, "--timing-only")
    refused(result, "U203", "help:")


def test_operands_that_do_not_fit_in_memory(cli: Cli) -> None:
    result = cli("run", "gemm", "--M", 2**20, "--N", 4, "--K", 2**20)
    refused(result, "U203", "--timing-only")


def test_kernels_larger_than_the_input(cli: Cli) -> None:
    result = cli(
        *("run", "conv", "--channels", 3, "--filters", 3, "--input", "4x4", "--kernel", "7x7")
    )
    assert result.code == 2
    assert "error[E301]" in result.err


def test_tiles_that_do_not_fit(cli: Cli) -> None:
    result = cli(*GEMM, "--tile", "M=999,N=16")
    assert result.code == 2
    assert "error[E401]" in result.err
    assert "999" in result.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((*GEMM, "--tile", "M4"), ["NAME=VALUE"]),
        ((*GEMM, "--tile", "M=x"), ["tile M", "integer"]),
        ((*GEMM, "--set", "rows"), ["NAME=VALUE"]),
        ((*GEMM, "--achr", "x"), ["--arch"]),
        (("run", "gemm", "--M", 8), ["--N"]),
        (("verfy",), ["verify"]),
        ((*GEMM, "--evaluator", "stpe"), ["flow", "step"]),
        ((*GEMM, "--seed", "-1"), ["--seed"]),
        (("run", "conv", "--channels", 1, "--filters", 1, "--input", "axb", "--kernel", 1), ["a"]),
        (
            ("run", "conv", "--channels", 1, "--filters", 1, "--input", "5x5", "--kernel", "1x1x1"),
            ["--kernel"],
        ),
    ],
)
def test_usage_errors_help(cli: Cli, arguments: tuple[object, ...], words: list[str]) -> None:
    refused(cli(*arguments), "E001", *words, "--help` shows what is accepted")


@pytest.mark.parametrize("place", ["nowhere/result.json", "."])
def test_unwritable_results_are_refused_before_the_run(cli: Cli, place: str) -> None:
    refused(cli(*GEMM, "--json", place), "E602", place, "help:")


def test_a_failed_run_leaves_the_old_result_alone(cli: Cli, tmp_path: Path) -> None:
    old = tmp_path / "result.json"
    old.write_text("old")
    assert cli(*GEMM, "--tile", "M=999,N=1", "--json", old).code == 2
    assert old.read_text() == "old"
    assert list(tmp_path.iterdir()) == [old]


@pytest.mark.parametrize("text", ["", "Layer,\n", "a, b\nConv1, x, y, z\n", "\0\0\0", "G, 1, 2"])
def test_damaged_tables(cli: Cli, tmp_path: Path, text: str) -> None:
    (tmp_path / "bad.csv").write_text(text)
    result = cli("run", "bad.csv", "--json", "out.json")
    assert result.code == 2
    assert "error[E303] bad.csv" in result.err, result.err
    assert not (tmp_path / "out.json").exists()


def test_binary_tables(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_bytes(bytes(range(256)) * 4)
    result = cli("run", "bad.csv")
    assert result.code == 2
    assert "bad.csv" in result.err


@pytest.mark.parametrize(
    "content",
    [b"", b"garbage", b"\x00" * 64, onnx.ModelProto(ir_version=8).SerializeToString()],
    ids=["empty", "text", "zeros", "no graph"],
)
def test_files_that_are_no_models(cli: Cli, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.onnx").write_bytes(content)
    refused(cli("run", "bad.onnx", "--json", "out.json"), "E501", "bad.onnx", "help:")
    assert [each.name for each in tmp_path.iterdir()] == ["bad.onnx"]


def test_truncated_models(cli: Cli, tmp_path: Path) -> None:
    content = small_network().SerializeToString()
    (tmp_path / "cut.onnx").write_bytes(content[: len(content) // 2])
    refused(cli("run", "cut.onnx"), "E501", "cut.onnx")


def test_missing_external_data(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "big.onnx"
    onnx.save(
        small_network(), path, save_as_external_data=True, location="big.data", size_threshold=0
    )
    assert cli("run", "big.onnx").code == 0
    (tmp_path / "big.data").unlink()
    refused(cli("run", "big.onnx"), "E501", "big.onnx")


def test_dynamic_shapes_say_what_to_type(cli: Cli, tmp_path: Path) -> None:
    onnx.save(small_network(("batch", 2, "height", 6)), tmp_path / "net.onnx")
    refused(cli("run", "net.onnx"), "E502", "'x'", "--shape x=1x2x224x6")
    assert cli("run", "net.onnx", "--shape", "x=1x2x9x6").code == 0
    refused(cli("run", "net.onnx", "--shape", "x=1x3x9x6"), "E502", "contradicts")
    refused(cli("run", "net.onnx", "--shape", "x=1x2x9"), "E502", "contradicts")


def test_wrong_inputs(cli: Cli, tmp_path: Path) -> None:
    onnx.save(small_network(), tmp_path / "net.onnx")
    np.save(tmp_path / "double.npy", array(1, 2, 6, 6, dtype="float64"))
    np.save(tmp_path / "small.npy", array(1, 2, 5, 6))
    np.savez(tmp_path / "two.npz", a=array(1), b=array(1))
    (tmp_path / "text.npy").write_text("no array")
    run = ("run", "net.onnx", "--input")
    refused(cli(*run, "x=double.npy"), "E502", "float32", "float64", "astype")
    refused(cli(*run, "x=small.npy"), "E502", "1x2x6x6", "1x2x5x6")
    refused(cli(*run, "X=small.npy"), "E502", "did you mean 'x'?")
    refused(cli(*run, "x=none.npy"), "E101", "none.npy")
    refused(cli(*run, "x=text.npy"), "E502", "text.npy")
    refused(cli(*run, "x=two.npz"), "E502", "two.npz", "'x'")


def test_all_faults_of_the_inputs_are_told_at_once(cli: Cli, tmp_path: Path) -> None:
    nodes = [node("MatMul", "a b", "y")]
    onnx.save(model(nodes, {"a": ["n", 2], "b": [2, "m"]}, ["y"]), tmp_path / "net.onnx")
    result = cli("run", "net.onnx", "--shape", "c=1x1")
    refused(result, "E502", "'c'", "--shape a=1x2", "--shape b=2x128")
    assert result.err.count("error[") == 3


def test_names_of_files_need_not_be_text(cli: Cli, tmp_path: Path) -> None:
    preset = (EXAMPLES.parent / "presets/tpu-32x32.toml").read_text()
    (tmp_path / "b\udcff.toml").write_text(preset)
    (tmp_path / "b\udcff.csv").write_text("Layer, M, N, K,\nG1, 20, 30, 40,\n")
    assert "tpu-32x32" in cli(*GEMM, "--arch", "b\udcff.toml").out
    assert "Family: systolic" in cli("describe", "b\udcff.toml").out
    assert "G1" in cli("run", "b\udcff.csv").out
    onnx.save(small_network(), tmp_path / "net.onnx")
    (tmp_path / "net.onnx").rename(tmp_path / "b\udcff.onnx")
    refused(cli("run", "b\udcff.onnx"), "E101", "UTF-8", "rename")


@pytest.mark.parametrize(
    ("extra", "code"),
    [
        (("--arch", "\udcff.toml"), "E101"),
        (("--arch", "\udcff.cfg"), "E101"),
        (("--arch", "\udcff"), "E107"),
        (("--set", "\udcff=3"), "E103"),
        (("--set", "multiplier.rows=\udcff"), "E104"),
        (("--tile", "\udcff=3"), "E401"),
        (("--objective", "\udcff"), "E001"),
    ],
)
def test_arguments_that_are_no_text_are_refused(
    cli: Cli, extra: tuple[object, ...], code: str
) -> None:
    refused(cli(*GEMM, *extra), code, "help:")


def test_internal_faults_ask_for_a_report(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a wheel came off")

    monkeypatch.setattr("cairn.operands.for_gemm", broken)
    result = cli(*GEMM)
    assert result.code == 3
    assert "[I001]" in result.err
    assert "a wheel came off" in result.err
    assert "report it" in result.err
    assert "Traceback" not in result.err
    assert "Traceback" in cli("--debug", *GEMM).err


def test_wrong_values_exit_with_one(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cairn.operands.values_agree", lambda *_: False)
    result = cli(*GEMM)
    assert result.code == 1
    assert "DIFFER" in result.out
