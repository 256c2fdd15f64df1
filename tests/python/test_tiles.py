"""Tiles that are given go to the layers that they are for, and survive a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import onnx
import pytest
from conftest import Cli
from models import array, model, node, small_network

import cairn
import cairn.onnx
from cairn.tiles import Tiles

MAERI = ("--arch", "maeri-64")
PRODUCTS = "Layer, M, N, K,\nwide, 20, 90, 40,\nsmall, 5, 6, 7,\nwide, 8, 8, 128,\n"
EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def table(tmp_path: Path) -> str:
    (tmp_path / "table.csv").write_text(PRODUCTS)
    return "table.csv"


@pytest.fixture
def net(tmp_path: Path) -> str:
    onnx.save(small_network(), tmp_path / "net.onnx")
    return "net.onnx"


def layers(cli: Cli, *arguments: object) -> list[dict[str, Any]]:
    result = cli("run", *arguments, "--json", "-")
    assert result.code == 0, result.err
    return list(json.loads(result.out)["layers"])


def tiles(found: list[dict[str, Any]]) -> list[dict[str, int]]:
    return [layer["mapping"]["tile"] for layer in found]


def test_a_tile_goes_to_the_layers_that_have_its_letters(cli: Cli, net: str) -> None:
    own = tiles(layers(cli, net, *MAERI))
    product = tiles(layers(cli, net, *MAERI, "--tile", "M=1,N=5,K=2"))
    assert product == [*own[:2], {"M": 1, "N": 5, "K": 2}]
    conv = tiles(layers(cli, net, *MAERI, "--tile", "R=3,S=3,K=2"))
    asked = {"R": 3, "S": 3, "C": 1, "K": 2, "G": 1, "N": 1, "X": 1, "Y": 1}
    assert conv == [asked, asked, own[2]]
    larger = (net, "--arch", "maeri-128")
    stonne = tiles(layers(cli, *larger, "--tile", EXAMPLES / "conv-3x3.tile"))
    assert stonne[0] == stonne[1] == asked | {"C": 2, "K": 6}
    assert stonne[2] == tiles(layers(cli, *larger))[2]


def test_a_systolic_array_tiles_the_outputs_of_all_layers(cli: Cli, net: str) -> None:
    assert tiles(layers(cli, net, "--tile", "M=4")) == [{"M": 4, "N": 16}] * 3


def test_a_convolution_over_a_volume_is_tiled_as_a_product() -> None:
    nodes = [node("Conv", "x w", "c"), node("Conv", "c v", "y")]
    weights = {"w": array(4, 2, 3, 3, 3), "v": array(4, 4, 1, 1, 1)}
    proto = model(nodes, {"x": (1, 2, 5, 5, 5)}, ["y"], weights)
    run = cairn.onnx.run(proto, arch="maeri-64", tile={"M": 2, "N": 4, "K": 4})
    assert run.agrees
    assert tiles(run.result["layers"]) == [{"M": 2, "N": 4, "K": 4}] * 2


@pytest.mark.parametrize(
    ("target", "tile", "words"),
    [
        ("table.csv", "K=128", ["[E401]", "layer wide: tile"]),
        ("table.csv", "R=3", ["[E401] layer wide: tile.R", "use M, N, K"]),
        ("net.onnx", "R=3,S=3,K=8", ["[E401] node 'Conv_c1' (Conv): tile"]),
        ("net.onnx", "M=1,N=50,K=2", ["[E401] node 'MatMul_m' (MatMul): tile"]),
        ("net.onnx", "Q=2", ["[E401] node 'Conv_c1' (Conv): tile.Q", "use R, S, C"]),
        ("net.onnx", "M=2,R=3", ["[E401] node 'Conv_c1' (Conv): tile.M"]),
        ("table.csv", "M=4,M=8", ["[E001]", "twice"]),
        ("table.csv", "M=0", ["[E001]", "tile M"]),
        ("table.csv", "\udcff=4", ["[E401] layer wide: tile.?"]),
    ],
)
@pytest.mark.parametrize("command", ["run", "map"])
def test_what_does_not_fit_names_the_layer(
    cli: Cli, table: str, net: str, command: str, target: str, tile: str, words: list[str]
) -> None:
    result = cli(command, target, *MAERI, "--tile", tile, "--json", "out.json")
    assert (result.code, result.out) == (2, ""), result.err
    for word in words:
        assert word in result.err, result.err
    assert not Path("out.json").exists()


def test_all_layers_that_a_tile_does_not_fit_are_told(cli: Cli, table: str) -> None:
    result = cli("run", table, *MAERI, "--tile", "M=9,N=9,K=1")
    assert result.err.count("[E401] layer") == 3


@pytest.mark.parametrize("target", ["table.csv", "net.onnx", EXAMPLES / "small-net.onnx"])
@pytest.mark.parametrize("arch", ["maeri-64", "tpu-16x16"])
def test_tiles_that_were_saved_are_those_that_run(
    cli: Cli, table: str, net: str, target: object, arch: str
) -> None:
    saved = cli("map", target, "--arch", arch, "--save", "tiles.toml", "--json", "map.json")
    assert (saved.code, saved.err) == (0, "")
    mapped = json.loads(Path("map.json").read_text())["layers"]
    found = layers(cli, target, "--arch", arch, "--tile", "tiles.toml")
    assert tiles(found) == [layer["tile"] for layer in mapped]
    assert [layer["cycles"] for layer in found] == [layer["cycles"] for layer in mapped]
    assert "cairn run --tile" in Path("tiles.toml").read_text()


def test_layers_of_one_name_have_a_tile_each_or_share_one(
    cli: Cli, table: str, tmp_path: Path
) -> None:
    first, second = {"M": 2, "N": 2, "K": 4}, {"M": 1, "N": 4, "K": 16}
    own = tiles(layers(cli, table, *MAERI))

    def run(text: str) -> list[dict[str, int]]:
        (tmp_path / "some.toml").write_text(f"[tiles]\n{text}")
        return tiles(layers(cli, table, *MAERI, "--tile", "some.toml"))

    assert run("wide = { M = 2, N = 2, K = 4 }") == [first, own[1], first]
    both = "wide = [{ M = 2, N = 2, K = 4 }, { N = 4, K = 16 }]"
    assert run(both) == [first, own[1], second]
    assert run("wide = [{ M = 2, N = 2, K = 4 }]") == [first, own[1], own[2]]
    assert run("") == own


def test_any_name_survives_a_file(cli: Cli, tmp_path: Path) -> None:
    odd = ('a"b', "a.b/c d", "ü\\n", "x\x7fy", "tiles")
    nodes = [
        onnx.helper.make_node("MatMul", [f"t{at}", "w"], [f"t{at + 1}"], name=name)
        for at, name in enumerate(odd)
    ]
    proto = model(nodes, {"t0": (3, 4)}, [f"t{len(odd)}"], {"w": array(4, 4)})
    onnx.save(proto, tmp_path / "odd.onnx")
    assert cli("map", "odd.onnx", *MAERI, "--save", "odd.toml").code == 0
    given, _ = cairn.tiles.read(tmp_path / "odd.toml")
    assert tuple(given.named) == odd
    assert cli("run", "odd.onnx", *MAERI, "--tile", "odd.toml").code == 0


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("[tiles\n", ["[E102] bad.toml:1"]),
        (f"tiles = {'9' * 5000}", ["[E102] bad.toml"]),
        (f"tiles = {'[' * 5000}", ["[E102] bad.toml"]),
        ("tiles = 3", ["[E104] bad.toml:1: not a table"]),
        ("[tiles]\n[tile]", ["[E103] bad.toml: tile: unknown key"]),
        ("[tiles]\nwyde = { M = 1 }", ["[E107] bad.toml: tiles.wyde", "did you mean 'wide'?"]),
        ("[tiles]\nsmall = [{ M = 1 }, { M = 2 }]", ["[E401] bad.toml: tiles.small: 2 tiles"]),
        (
            "[tiles]\nsmall = {}\nwide = 4",
            ["tiles.small: {} is not", "tiles.wide: 4 is not a tile"],
        ),
        (
            '[tiles]\nsmall = { M = "2" }\nwide = { N = 0, K = true }',
            [
                "[E104] bad.toml: tiles.small.M: '2' is not an integer",
                "[E105] bad.toml: tiles.wide.N: 0 is out of range",
                "[E104] bad.toml: tiles.wide.K: True",
            ],
        ),
        ("[tiles]\nsmall = { R = 3 }", ["[E401] layer small: tile.R"]),
        ("[tiles]\nsmall = { M = 65 }", ["[E401] layer small: tile"]),
    ],
)
def test_bad_files_of_tiles_are_refused(
    cli: Cli, table: str, tmp_path: Path, text: str, faults: list[str]
) -> None:
    (tmp_path / "bad.toml").write_text(text)
    result = cli("run", table, *MAERI, "--tile", "bad.toml")
    assert (result.code, result.out) == (2, "")
    for fault in faults:
        assert fault in result.err, result.err


def test_a_model_refuses_unknown_layers(cli: Cli, net: str, tmp_path: Path) -> None:
    (tmp_path / "t.toml").write_text("[tiles]\nConv_c3 = { K = 2 }\nConv_c2 = { K = 2 }\n")
    result = cli("run", net, *MAERI, "--tile", "t.toml")
    assert result.code == 2
    assert "[E107] t.toml: tiles.Conv_c3" in result.err
    assert "did you mean 'Conv_c" in result.err


def test_tiles_of_layers_from_python(tmp_path: Path) -> None:
    given = Tiles(named={"MatMul_m": {"M": 1, "N": 5, "K": 4}})
    run = cairn.onnx.run(small_network(), arch="maeri-64", tile=given)
    assert tiles(run.result["layers"])[2] == {"M": 1, "N": 5, "K": 4}
