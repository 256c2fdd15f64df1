"""`cairn compare`: machines side by side, per layer and in total."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import onnx
import pytest
from conftest import Cli
from models import small_network
from rich.console import Console

from cairn import compare, tables

TABLE = "Layer, M, N, K,\nwide, 20, 90, 40,\nsmall, 5, 6, 7,\nlong, 64, 64, 512,\n"
ARCH = ("--arch", "tpu-16x16,tpu-32x32")


@pytest.fixture
def table(tmp_path: Path) -> str:
    (tmp_path / "table.csv").write_text(TABLE)
    return "table.csv"


def single(cli: Cli, *arguments: object) -> dict[str, Any]:
    return dict(json.loads(cli("run", *arguments, "--json", "-").out))


def line_of(out: str, name: str) -> list[str]:
    """The words of the row of a layer, from its name on."""
    (line,) = [each for each in out.splitlines() if f" {name} " in f"{each} "]
    words = line.split()
    return words[words.index(name) :]


def test_the_table_shows_every_layer_on_every_machine(cli: Cli, table: str) -> None:
    result = cli("compare", table, *ARCH)
    assert (result.code, result.err) == (0, "")
    layers = [single(cli, table, "--arch", arch)["layers"] for arch in ARCH[1].split(",")]
    for first, second in zip(*layers, strict=True):
        words = line_of(result.out, first["name"])
        tie = first["cycles"] == second["cycles"]
        assert f"{second['cycles']:,}*" in words
        assert f"{first['cycles']:,}{'*' if tie else ''}" in words
        assert f"{100 * first['utilisation']:.1f}" in words
        assert words[-1] == f"{second['cycles'] / first['cycles']:.2f}x"
    assert "ratio: cycles / cycles of tpu-16x16" in result.out
    assert "M64 N64 K512" in result.out
    assert "timing only" in result.out


@pytest.mark.parametrize("evaluator", ["flow", "step"])
def test_totals_are_those_of_single_runs(cli: Cli, table: str, evaluator: str) -> None:
    result = cli("compare", table, *ARCH, "--evaluator", evaluator, "--json", "both.json")
    assert result.code == 0, result.err
    document = json.loads(Path("both.json").read_text())
    for arch, own in zip(ARCH[1].split(","), document["results"], strict=True):
        assert own == single(cli, table, "--arch", arch, "--evaluator", evaluator)
        assert f"{sum(each['cycles'] for each in own['layers']):,}" in result.out.replace("*", "")


def test_the_document_holds_both_results_and_what_they_share(cli: Cli, tmp_path: Path) -> None:
    onnx.save(small_network(), tmp_path / "net.onnx")
    document = json.loads(cli("compare", "net.onnx", *ARCH, "--seed", 5, "--json", "-").out)
    assert document["schema"] == "cairn.comparison/1"
    context = document["context"]
    assert (context["target"], context["seed"]) == ("net.onnx", 5)
    assert context["inputs"] == {"x": [1, 2, 6, 6]}
    assert "machine" not in context
    assert [each["schema"] for each in document["results"]] == ["cairn.result/1"] * 2
    assert compare.machines(document) == ARCH[1].split(",")
    assert [each.name for each in tmp_path.iterdir()] == ["net.onnx"]


def test_a_model_runs_with_real_values_and_once_natively(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cairn.onnx import runner

    onnx.save(small_network(), tmp_path / "net.onnx")
    native, calls = runner._native, []
    monkeypatch.setattr(runner, "_native", lambda *given: calls.append(1) or native(*given))
    result = cli("compare", "net.onnx", *ARCH)
    assert result.code == 0, result.err
    assert "equals ONNX Runtime's own" in result.out
    assert "Conv_c1" in result.out
    assert len(calls) == 1


def test_a_model_that_differs_on_one_machine_is_named_and_fails(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cairn.onnx import runner

    onnx.save(small_network(), tmp_path / "net.onnx")
    answers = iter([runner._Difference(True, 0.0), runner._Difference(False, 2.5)])
    monkeypatch.setattr(runner, "_difference", lambda *_: next(answers))
    result = cli("compare", "net.onnx", *ARCH)
    assert result.code == 1
    assert "tpu-16x16: the output equals ONNX Runtime's own" in result.out
    assert "tpu-32x32: the output DO NOT AGREE WITH ONNX Runtime's own" in result.out


@pytest.mark.parametrize(
    "operation",
    [
        ("gemm", "--M", 20, "--N", 18, "--K", 9),
        ("conv", "--channels", 4, "--filters", 6, "--input", "9x8", "--kernel", 3),
    ],
)
def test_single_operations_are_compared_with_values(
    cli: Cli, operation: tuple[object, ...]
) -> None:
    result = cli("compare", *operation, *ARCH)
    assert result.code == 0, result.err
    assert result.out.count("values equal NumPy's") == 1
    assert "times as fast as tpu-16x16" in result.out
    assert "layers" not in result.out


def test_a_machine_may_be_a_file(cli: Cli, table: str, tmp_path: Path) -> None:
    presets = Path(__file__).parents[2] / "presets"
    text = (presets / "tpu-16x16.toml").read_text()
    (tmp_path / "mine.toml").write_text(text.replace('"tpu-16x16"', '"mine"'))
    result = cli("compare", table, "--arch", "tpu-16x16,mine.toml")
    assert result.code == 0, result.err
    assert "tpu-16x16 and mine tie" in result.out
    same = cli("compare", table, "--arch", f"tpu-16x16,{presets / 'tpu-16x16.toml'}")
    assert same.code == 2
    assert "a name of its own" in same.err


def test_quiet_prints_nothing(cli: Cli, table: str) -> None:
    result = cli("compare", table, *ARCH, "--quiet")
    assert (result.code, result.out, result.err) == (0, "", "")


@pytest.mark.parametrize(
    ("arch", "words"),
    [
        ("tpu-16x61,tpu-32x23", ["E107", "'tpu-16x61'", "tpu-16x16", "'tpu-32x23'", "tpu-32x32"]),
        ("tpu-32x32", ["E001", "two machines", "not 'tpu-32x32'", "--arch tpu-16x16,"]),
        (",", ["E001", "two machines", "not ','"]),
        ("tpu-16x16,tpu-16x16", ["E001", "two machines called 'tpu-16x16'"]),
        ("tpu-16x16,none.toml", ["none.toml"]),
    ],
)
def test_bad_machines_are_refused(cli: Cli, table: str, arch: str, words: list[str]) -> None:
    result = cli("compare", table, "--arch", arch, "--json", "out.json")
    assert (result.code, result.out) == (2, "")
    for word in words:
        assert word in result.err, result.err
    assert not Path("out.json").exists()


def test_machines_must_be_named_and_targets_must_exist(cli: Cli, table: str) -> None:
    assert "--arch" in cli("compare", table).err
    assert "did you mean 'table.csv'?" in cli("compare", "tabel.csv", *ARCH).err
    assert "E107" in cli("compare", "model.pt", *ARCH).err


@pytest.mark.parametrize("target", [(), ("gemm",), ("conv",), ("table.csv",), ("net.onnx",)])
def test_help_teaches_with_an_example(cli: Cli, target: tuple[str, ...]) -> None:
    out = cli("compare", *target, "--help").out
    assert "Example" in out
    assert "cairn compare" in out
    assert "cairn run " not in out.replace("what cairn run takes", "")


def result_of(machine: str, cycles: dict[str, int]) -> dict[str, Any]:
    """A result document of layers with these cycles, on a machine."""

    def counts(count: int) -> dict[str, Any]:
        return {"cycles": count, "multiplications": 9 * count, "utilisation": 0.5}

    sizes = {"M": 512, "N": 512, "K": 512}
    layers = [
        {"name": name.strip(), "operation": "gemm", "sizes": sizes, **counts(count)}
        for name, count in cycles.items()
    ]
    context = {"target": "t", "machine": {"name": machine, "summary": "a machine"}}
    return {"context": context, "layers": layers, "totals": counts(sum(cycles.values()))}


def rendered(document: dict[str, Any], width: int) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=width).print(tables.comparison(document, width))
    return [line.rstrip() for line in out.getvalue().splitlines()]


def test_layers_that_one_machine_does_not_have_are_left_out_of_the_race() -> None:
    # "a " and "a" are two layers of the same name.
    left = result_of("left", {"a": 10, "a ": 30, "b": 5, "c": 7})
    right = result_of("right", {"a": 20, "a ": 15, "c": 7, "d": 1})
    document = compare.document([left, right])
    found = [(row.name, row.ratio(1), row.fastest()) for row in compare.rows(document)]
    assert found == [
        ("a", 2.0, [0]),
        ("a", 0.5, [1]),
        ("b", None, []),
        ("c", 1.0, [0, 1]),
        ("d", None, []),
    ]
    out = "\n".join(rendered(document, 140))
    assert (
        "right wins: 43 cycles, 1.21 times as fast as left; of 5 layers right is fastest on 1, "
        in out
    )
    assert "left on 1, 1 tied, 2 not on every machine" in out


def test_a_model_without_products_is_a_tie() -> None:
    out = rendered(compare.document([result_of("left", {}), result_of("right", {})]), 100)
    assert "left and right tie: 0 cycles" in out


@pytest.mark.parametrize("width", [80, 100, 140])
@pytest.mark.parametrize("count", [2, 3, 7])
def test_tables_fit_their_width(width: int, count: int) -> None:
    names = {f"/backbone/stage.{n}/block.{n}/depthwise/Conv": 123_456_789 * n for n in range(1, 9)}
    machines = [result_of(f"a-machine-of-{index}", names) for index in range(count)]
    lines = rendered(compare.document(machines), width)
    assert max(map(len, lines)) <= width
    for index in range(count):
        assert any(f" a-machine-of-{index} ─" in line for line in lines)
    for stage in range(1, 9):
        assert any(f"stage.{stage}" in line for line in lines)
    assert "…" not in "".join(line for line in lines if "total" in line)
