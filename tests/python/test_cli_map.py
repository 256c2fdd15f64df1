"""`cairn map`: the tile of every layer, what bounds it, and why others lose."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import onnx
import pytest
from conftest import Cli, Outcome
from models import model, node, small_network
from rich.console import Console

from cairn import explain

GEMM = ("gemm", "--M", 20, "--N", 90, "--K", 40)
CONV = ("conv", "--channels", 4, "--filters", 6, "--input", "9x8", "--kernel", 3)
MAERI = ("--arch", "maeri-64")
TABLE = "Layer, M, N, K,\nwide, 20, 90, 40,\nsmall, 5, 6, 7,\nlong, 64, 64, 512,\n"
OBJECTIVES = ["cycles", "energy", "edp"]


@pytest.fixture
def table(tmp_path: Path) -> str:
    (tmp_path / "table.csv").write_text(TABLE)
    return "table.csv"


def document(cli: Cli, *arguments: object) -> dict[str, Any]:
    result = cli("map", *arguments, "--json", "-")
    assert result.code == 0, result.err
    return dict(json.loads(result.out))


def shown(result: Outcome) -> str:
    assert (result.code, result.err) == (0, ""), result.err
    return result.out


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("target", [GEMM, CONV])
def test_a_single_operation_is_explained(
    cli: Cli, target: tuple[object, ...], objective: str
) -> None:
    arguments = (*target, *MAERI, "--objective", objective)
    layer = document(cli, *arguments)["layers"][0]
    out = shown(cli("map", *arguments))
    assert f"mapped for {objective}" in out
    assert f"{explain.tile_text(layer['tile'])}: {layer['multipliers_used']} of 64" in out
    assert f"{layer['bound']['by']}: {layer['bound']['text'][:40]}" in out
    assert f"at least {layer['bound']['cycles']:,} cycles; it takes {layer['cycles']:,}" in out
    assert layer["alternatives"]
    for other in layer["alternatives"]:
        assert explain.tile_text(other["tile"]) in out
        assert other["bound_by"] in out


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_the_tile_is_that_of_a_run(cli: Cli, table: str, objective: str) -> None:
    arguments = (table, *MAERI, "--objective", objective)
    ran = json.loads(cli("run", *arguments, "--json", "-").out)
    mapped = document(cli, *arguments)
    for one, other in zip(ran["layers"], mapped["layers"], strict=True):
        assert one["mapping"]["tile"] == other["tile"]
        assert one["cycles"] == other["cycles"]
        assert one["sizes"] == other["sizes"]
    assert ran["totals"]["cycles"] == mapped["totals"]["cycles"]
    assert ran["context"]["objective"] == mapped["context"]["objective"] == objective


def test_no_alternative_is_better(cli: Cli) -> None:
    for objective in OBJECTIVES:
        layer = document(cli, *CONV, *MAERI, "--objective", objective)["layers"][0]
        best = explain._cost(layer, objective)
        costs = [explain._cost(other, objective) for other in layer["alternatives"]]
        assert costs == sorted(costs)
        assert all(cost >= best for cost in costs)
        assert layer["bound"]["cycles"] <= layer["cycles"]


def test_objectives_are_met(cli: Cli, table: str) -> None:
    found = {each: document(cli, table, *MAERI, "--objective", each) for each in OBJECTIVES}
    for layers in zip(*(found[each]["layers"] for each in OBJECTIVES), strict=True):
        for objective, own in zip(OBJECTIVES, layers, strict=True):
            assert all(own[objective] <= other[objective] for other in layers)


def test_a_table_shows_every_layer_and_the_total(cli: Cli, table: str) -> None:
    mapped = document(cli, table, *MAERI)
    out = shown(cli("map", table, *MAERI))
    for layer in mapped["layers"]:
        (line,) = [each for each in out.splitlines() if f" {layer['name']} " in each]
        assert explain.tile_text(layer["tile"]) in line
        assert f"{layer['multipliers_used']}/64" in line
        assert f"{layer['cycles']:,}" in line
        assert layer["bound"]["by"] in line
        tried = layer["candidates"]
        assert f"{tried['evaluated']:,} of {tried['legal']:,}" in line
    assert f"3 layers: {mapped['totals']['cycles']:,} cycles" in out
    assert "other tiles" not in out


def test_the_document_has_schema_context_units_layers_and_totals(cli: Cli, table: str) -> None:
    mapped = document(cli, table, *MAERI)
    assert mapped["schema"] == "cairn.mapping/1"
    assert mapped["context"]["machine"]["name"] == "maeri-64"
    assert mapped["context"]["multipliers"] == 64
    layers, totals = mapped["layers"], mapped["totals"]
    for key in ("cycles", "energy", "multiplications"):
        assert totals[key] == sum(layer[key] for layer in layers)
    for key in ("legal", "pruned", "evaluated"):
        tried = [layer["candidates"][key] for layer in layers]
        assert totals["candidates"][key] == sum(tried)
    described = {"name", "operation", "sizes", "objective", "alternatives"}
    assert {key for each in layers for key in each} - described <= mapped["units"].keys()
    assert totals.keys() <= mapped["units"].keys()


def test_a_given_tile_is_explained(cli: Cli) -> None:
    arguments = (*GEMM, *MAERI, "--tile", "M=2,N=2,K=4")
    layer = document(cli, *arguments)["layers"][0]
    assert layer["tile"] == {"M": 2, "N": 2, "K": 4}
    assert layer["multipliers_used"] == 16
    assert "M=2,N=2,K=4: 16 of 64 multipliers" in shown(cli("map", *arguments))
    assert layer["cycles"] >= document(cli, *GEMM, *MAERI)["layers"][0]["cycles"]


def test_a_systolic_array_has_its_own_tile(cli: Cli) -> None:
    arguments = (*GEMM, "--arch", "tpu-16x16")
    layer = document(cli, *arguments)["layers"][0]
    assert layer["tile"] == {"M": 16, "N": 16}
    assert layer["candidates"]["evaluated"] == 1
    assert "M=16,N=16: 256 of 256 multipliers" in shown(cli("map", *arguments))


def test_a_model_is_mapped_with_its_real_sizes(cli: Cli, tmp_path: Path) -> None:
    onnx.save(small_network(("n", 2, "h", 6)), tmp_path / "net.onnx")
    shape = ("--shape", "x=2x2x7x6")
    mapped = document(cli, "net.onnx", *shape, *MAERI)
    ran = json.loads(cli("run", "net.onnx", *shape, *MAERI, "--json", "-").out)
    for one, other in zip(ran["layers"], mapped["layers"], strict=True):
        assert (one["name"], one["sizes"]) == (other["name"], other["sizes"])
        assert (one["mapping"]["tile"], one["cycles"]) == (other["tile"], other["cycles"])
    out = shown(cli("map", "net.onnx", *shape, *MAERI))
    assert "Conv_c1" in out
    assert "ONNX Runtime" not in out


def test_a_model_without_products_has_nothing_to_map(cli: Cli, tmp_path: Path) -> None:
    onnx.save(model([node("Relu", "x", "y")], {"x": (2, 3)}, ["y"]), tmp_path / "relu.onnx")
    assert "0 layers: 0 cycles" in shown(cli("map", "relu.onnx", *MAERI, "--save", "t.toml"))
    assert cli("run", "relu.onnx", *MAERI, "--tile", "t.toml").code == 0


def test_a_model_that_differs_is_told_and_fails(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cairn.onnx import runner

    onnx.save(small_network(), tmp_path / "net.onnx")
    monkeypatch.setattr(runner, "_difference", lambda *_: runner._Difference(False, 2.5))
    result = cli("map", "net.onnx", *MAERI)
    assert result.code == 1
    assert "DO NOT AGREE" in result.out


def test_overrides_change_the_machine(cli: Cli) -> None:
    narrow = document(cli, *GEMM, *MAERI, "--set", "distribution.bandwidth=4")
    assert narrow["totals"]["cycles"] > document(cli, *GEMM, *MAERI)["totals"]["cycles"]


def test_quiet_prints_nothing(cli: Cli, tmp_path: Path) -> None:
    result = cli("map", *GEMM, *MAERI, "--quiet", "--save", "t.toml")
    assert (result.code, result.out, result.err) == (0, "", "")
    assert [each.name for each in tmp_path.iterdir()] == ["t.toml"]


def test_tiles_to_the_standard_output_are_all_that_is_printed(cli: Cli) -> None:
    out = shown(cli("map", *GEMM, *MAERI, "--save", "-"))
    assert re.fullmatch(r'# .*\n\[tiles\]\n"gemm" = \{ .* \}\n', out)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (GEMM, ["[E001]", "--arch"]),
        ((*GEMM, *MAERI, "--objective", "power"), ["[E001]", "'cycles', 'energy', 'edp'"]),
        ((*GEMM, *MAERI, "--json", "x", "--save", "x"), ["[E001]", "both name x"]),
        ((*GEMM, *MAERI, "--save", "no/where.toml"), ["[E602] no/where.toml"]),
        ((*GEMM, *MAERI, "--timing-only"), ["[E001]", "--timing-only"]),
        ((*GEMM, "--arch", "maeri-46"), ["[E107]", "did you mean 'maeri-"]),
        (("gmm", *MAERI), ["[E107]", "did you mean 'gemm'?"]),
        (("tabel.csv", *MAERI), ["[E101]", "did you mean 'table.csv'?"]),
        (("gemm", "--M", 0, "--N", 1, "--K", 1, *MAERI), ["[E301]"]),
        (("gemm", "--M", 2**70, "--N", 1, "--K", 1, *MAERI), ["[U203]", "--M"]),
        ((*GEMM, *MAERI, "--tile", "none.toml"), ["[E101] none.toml"]),
    ],
)
def test_bad_input_is_refused(
    cli: Cli, table: str, arguments: tuple[object, ...], words: list[str]
) -> None:
    result = cli("map", *arguments)
    assert (result.code, result.out) == (2, ""), result.err
    for word in words:
        assert word in result.err, result.err


@pytest.mark.parametrize("target", [(), ("gemm",), ("conv",), ("table.csv",), ("net.onnx",)])
def test_help_teaches_with_an_example(cli: Cli, target: tuple[str, ...]) -> None:
    out = cli("map", *target, "--help").out
    assert "Example" in out
    assert "cairn map" in out
    assert "NumPy" not in out


def test_objectives_reach_every_command(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "own.tile").write_text('tile_type = "CONV"\ngenerate_tile = "energy"\n')
    onnx.save(small_network(), tmp_path / "net.onnx")
    wanted = [
        layer["tile"]
        for layer in document(cli, "net.onnx", *MAERI, "--objective", "energy")["layers"]
    ]
    for extra in (("--objective", "energy"), ("--tile", "own.tile")):
        ran = json.loads(cli("run", "net.onnx", *MAERI, *extra, "--json", "-").out)
        assert ran["context"]["objective"] == "energy"
        assert [layer["mapping"]["tile"] for layer in ran["layers"]] == wanted
    both = cli(
        "compare",
        "net.onnx",
        "--arch",
        "maeri-64,maeri-128",
        "--objective",
        "energy",
        "--json",
        "-",
    )
    compared = json.loads(both.out)
    assert compared["context"]["objective"] == "energy"
    assert [each["mapping"]["tile"] for each in compared["results"][0]["layers"]] == wanted
    contrary = cli("run", "net.onnx", *MAERI, "--objective", "edp", "--tile", "own.tile")
    assert contrary.code == 2
    assert "--objective edp, but own.tile asks for energy" in contrary.err


def mapped(names: dict[str, int], objective: str) -> dict[str, Any]:
    """A mapping document of layers with these cycles."""
    tile = {"R": 3, "S": 3, "C": 16, "K": 2, "G": 1, "N": 1, "X": 2, "Y": 2}
    candidates = {"legal": 123_456, "pruned": 123_000, "evaluated": 456, "complete": False}
    sizes = {"channels": 512, "filters": 2048, "input": [14, 14], "kernel": [3, 3]}
    why = (
        "One step makes 128 results, but only 16 lines collect them: 8 cycles a step instead of 1."
    )
    other = {"tile": tile, "cycles": 7**9, "energy": 2e9, "bound_by": "collection", "why": why}
    layers = [
        {
            "name": name,
            "operation": "conv",
            "sizes": sizes,
            "tile": tile,
            "cycles": cycles,
            "energy": 1.5e9 * cycles,
            "edp": 1.5e9 * cycles**2,
            "multipliers_used": 1152,
            "candidates": candidates,
            "bound": {"by": "distribution", "cycles": cycles - 3, "text": why},
            "alternatives": [other, other],
        }
        for name, cycles in names.items()
    ]
    totals = {"cycles": 5**15, "energy": 3e15, "edp": 4e25, "utilisation": 0.5}
    context = {
        "machine": {"name": "a-machine", "summary": "of the tests"},
        "objective": objective,
        "multipliers": 2048,
    }
    totals["candidates"] = candidates
    return {"context": context, "layers": layers, "totals": totals}


@pytest.mark.parametrize("width", [80, 100, 120, 140])
@pytest.mark.parametrize("objective", ["cycles", "edp"])
@pytest.mark.parametrize("count", [1, 9])
def test_tables_fit_their_width(width: int, objective: str, count: int) -> None:
    names = {
        f"/backbone/stage.{n}/block.{n}/depthwise/Conv": 123_456_789 * n
        for n in range(1, count + 1)
    }
    out = io.StringIO()
    Console(file=out, width=width).print(explain.mapping(mapped(names, objective), width))
    lines = [line.rstrip() for line in out.getvalue().splitlines()]
    assert max(map(len, lines)) <= width
    for number in range(1, count + 1):
        (line,) = [each for each in lines if f"stage.{number}" in each]
        assert "R=3,S=3,C=16,K=2,X=2,Y=2" in line
        assert f"{123_456_789 * number:,}" in line
        assert "distribution" in line or width < 100
    assert "…" not in "".join(line for line in lines if "total" in line)
    assert "may be better" in "\n".join(lines).replace("\n", " ")
    assert any(line.startswith("*: the search ended") for line in lines)
