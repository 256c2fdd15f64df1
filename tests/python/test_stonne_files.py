"""Hardware (.cfg) and tile files of the reference: read alike, and never silently half."""

from __future__ import annotations

import json
import os
import warnings
from pathlib import Path

import pytest
from conftest import Cli

import cairn
from cairn import stonne

EXAMPLES = Path(__file__).parents[2] / "examples"
GEMM = ("run", "gemm", "--M", 40, "--N", 20, "--K", 10)
TPU = """
[MSNetwork]
type = "OS_MESH"
ms_rows = 16
ms_cols = 16
[ReduceNetwork]
type = "TEMPORALRN"
accumulation_buffer_enabled = 1
[SDMemory]
dn_bw = 32
rn_bw = 256
controller_type = "TPU_OS_DENSE"
"""
CONV_TILE = "tile_type = 'CONV'\nT_R=3\nT_S=3\nT_C=2\nT_K=1\nT_G=1\nT_N=1\nT_X'=2\n  T_Y' = 4 # y\n"
FC_TILE = 'tile_type = "FC"\nT_S = 1\nT_N = 8\nT_K = 4\n'


@pytest.fixture
def tpu(tmp_path: Path) -> Path:
    path = tmp_path / "tpu.cfg"
    path.write_text(TPU)
    return path


def test_the_mesh_of_a_cfg_is_the_preset(cli: Cli, tpu: Path) -> None:
    def layers(arch: object) -> list[dict]:
        return json.loads(cli(*GEMM, "--arch", arch, "--json", "-").out)["layers"]

    assert layers(tpu) == layers("tpu-16x16")
    assert cairn.load_machine(str(tpu)).name == "tpu"


def test_a_tree_machine_of_a_cfg(cli: Cli) -> None:
    machine = cairn.load_machine(str(EXAMPLES / "maeri-128.cfg"))
    parts = machine.describe()["parts"]
    assert machine.name == "maeri-128"
    assert parts["memory"]["type"] == "dense"
    assert (parts["distribution"]["type"], parts["distribution"]["bandwidth"]) == ("tree", 64)
    assert (parts["multiplier"]["type"], parts["multiplier"]["multipliers"]) == ("linear", 128)
    assert (parts["reduction"]["type"], parts["reduction"]["accumulators"]) == ("art", True)
    assert parts["collection"]["lines"] == 64
    result = cli(*GEMM, "--arch", EXAMPLES / "maeri-128.cfg", "--evaluator", "step")
    assert (result.code, result.err) == (0, "")
    assert "values equal NumPy's" in result.out


def test_the_defaults_are_those_of_the_reference(tmp_path: Path) -> None:
    path = tmp_path / "empty.cfg"
    path.write_text("")
    parts = cairn.load_machine(str(path)).describe()["parts"]
    assert parts["multiplier"]["multipliers"] == 64
    assert (parts["distribution"]["bandwidth"], parts["collection"]["lines"]) == (4, 4)
    assert (parts["reduction"]["type"], parts["reduction"]["accumulators"]) == ("art", False)


def test_overrides_apply_to_a_cfg(cli: Cli, tpu: Path) -> None:
    overridden = cairn.load_machine(str(tpu), [("multiplier.rows", "32")])
    assert overridden.describe()["parts"]["multiplier"]["rows"] == 32
    result = cli(*GEMM, "--arch", tpu, "--set", "collection.lines=9999")
    assert result.code == 2
    assert "tpu.cfg: collection.lines" in result.err
    assert "did you mean" in cli(*GEMM, "--arch", tpu, "--set", "multiplier.rowz=8").err


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("print_stats_enabled = 1", "no effect"),
        ("prnt_stats_enabled = true", "did you mean 'print_stats_enabled'?"),
        ("[MSwitch]\nlatency = 3", "MSwitch.latency has no effect"),
        ("[MSNetwork]\nms_sise = 128", "did you mean 'MSNetwork.ms_size'?"),
        ('[MSNetwork]\nms_size = "128"', "'128' is not an integer and has no effect: 64 counts"),
        ("[ReduceNetwork]\naccumulation_buffer_enabled = true", "0 counts"),
        ("[ReduceNetwork]\ntype = 3", "not a text and has no effect: 'ASNETWORK' counts"),
        ("[MSNetwork]\nms_rows = 4", "neither rows nor columns"),
        ("[Deep.Table]\nkey = 3", "Deep.Table.key is unknown"),
    ],
)
def test_what_has_no_effect_is_told_with_its_line(
    cli: Cli, tmp_path: Path, line: str, told: str
) -> None:
    (tmp_path / "some.cfg").write_text(f"# a comment\n{line}\n")
    result = cli(*GEMM, "--arch", "some.cfg")
    assert result.code == 0, result.err
    (warning,) = result.err.splitlines()
    assert warning.startswith(f"warning: some.cfg:{2 + line.count(chr(10))}: ")
    assert told in warning
    with pytest.warns(stonne.IgnoredWarning, match="some.cfg"):
        cairn.load_machine("some.cfg")


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("[MSNetwork]\nms_size = = 3", "E102", "bad.cfg:2:11: not valid TOML"),
        ("[MSNetwork", "E102", "bad.cfg"),
        ("[MSNetwork]\nms_size = -4", "E105", "bad.cfg:2: MSNetwork.ms_size: -4 is out of range"),
        ("[SDMemory]\ndn_bw = 0", "E105", "bad.cfg:2: SDMemory.dn_bw"),
        (f"[SDMemory]\nrn_bw = {10**30}", "E105", "bad.cfg:2: SDMemory.rn_bw"),
        ('[MSNetwork]\ntype = "LINEER"', "E107", "did you mean 'LINEAR'?"),
        ('[SDMemory]\ncontroller_type = "SIGMA_SPARSE"', "E107", "mean 'SIGMA_SPARSE_GEMM'?"),
        ('[SDMemory]\ncontroller_type = "TPU_OS_DENSE"', "E201", "bad.cfg:2"),
        ('[MSNetwork]\ntype = "OS_MESH"', "E106", "bad.cfg: MSNetwork.ms_rows"),
        (TPU.replace("dn_bw = 32", "dn_bw = 99"), "E201", "bad.cfg:10: SDMemory.dn_bw: bandwidth"),
        (TPU.replace("ms_rows = 16", "ms_rows = 9999"), "E105", "bad.cfg:4: MSNetwork.ms_rows"),
        ("[MSNetwork]\nms_size = 100", "", "bad.cfg:2: MSNetwork.ms_size"),
        ("[SDMemory]\ndn_bw = 128", "", "bad.cfg:2: SDMemory.dn_bw"),
    ],
)
def test_bad_cfg_files_are_refused(
    cli: Cli, tmp_path: Path, text: str, code: str, said: str
) -> None:
    (tmp_path / "bad.cfg").write_text(text)
    result = cli(*GEMM, "--arch", "bad.cfg")
    assert (result.code, result.out) == (2, ""), result.err
    assert f"error[{code}" in result.err, result.err
    assert said in result.err, result.err
    with pytest.raises(cairn.CairnError):
        cairn.load_machine("bad.cfg")


@pytest.mark.parametrize("name", [b"t\xffx.cfg", 'd\x7f"\\\n\u00e9\U0001f600.cfg'.encode()])
def test_a_cfg_may_have_any_name(cli: Cli, tmp_path: Path, name: bytes) -> None:
    path = os.fsdecode(name)
    (tmp_path / path).write_text(TPU)
    result = cli(*GEMM, "--arch", path)
    assert (result.code, result.err) == (0, "")
    (tmp_path / path).write_text(TPU.replace("dn_bw = 32", "dn_bw = 99"))
    assert "[E201]" in cli(*GEMM, "--arch", path).err


def test_missing_and_binary_cfg_files(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "maeri.cfg").write_bytes(bytes(range(256)))
    assert "[E102] maeri.cfg" in cli(*GEMM, "--arch", "maeri.cfg").err
    assert "did you mean 'maeri.cfg'?" in cli(*GEMM, "--arch", "mairi.cfg").err


def tiling(folder: Path, text: str) -> stonne.Tiling:
    path = folder / "some.tile"
    path.write_text(text)
    return stonne.read_tile(path)


def test_tiles_of_both_kinds(tmp_path: Path) -> None:
    conv = {"R": 3, "S": 3, "C": 2, "K": 1, "G": 1, "N": 1, "X": 2, "Y": 4}
    assert tiling(tmp_path, CONV_TILE) == (conv, None)
    assert tiling(tmp_path, FC_TILE.replace("T_S = 1", "T_S = 6")) == (
        {"M": 8, "N": 4, "K": 6},
        None,
    )


@pytest.mark.parametrize(
    ("asked", "objective"),
    [("performance", "cycles"), ("Energy", "energy"), ("energy_efficiency", "edp")],
)
def test_generated_tiles_are_the_mappers(tmp_path: Path, asked: str, objective: str) -> None:
    text = f'tile_type = "CONV"\ngenerate_tile = "{asked}"\ngenerator = "Auto"\n'
    assert tiling(tmp_path, text) == (None, objective)


def test_a_tile_file_is_the_tile_of_cairn_run(cli: Cli, tmp_path: Path, tpu: Path) -> None:
    (tmp_path / "fc.tile").write_text(FC_TILE)

    def layer(tile: str) -> dict:
        return json.loads(cli(*GEMM, "--arch", tpu, "--tile", tile, "--json", "-").out)["layers"][0]

    assert layer("fc.tile") == layer("M=8,N=4")
    conv = ("run", "conv", "--channels", 4, "--filters", 6, "--input", "9x8", "--kernel", 3)
    machine = ("--arch", EXAMPLES / "maeri-128.cfg")
    result = cli(*conv, *machine, "--tile", EXAMPLES / "conv-3x3.tile", "--json", "-")
    tile = json.loads(result.out)["layers"][0]["mapping"]["tile"]
    assert tile == {"R": 3, "S": 3, "C": 2, "K": 6, "G": 1, "N": 1, "X": 1, "Y": 1}
    assert cli(*GEMM, *machine, "--tile", EXAMPLES / "conv-3x3.tile").code == 2
    (tmp_path / "own.tile").write_text('tile_type = "CONV"\ngenerate_tile = "performance"\n')
    assert cli(*conv, *machine, "--tile", "own.tile").code == 0


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (FC_TILE + "T_X = 3\n", "some.tile:5: 'T_X' has no effect: FC has no such size"),
        (
            'tile_type = "FC"\ngenerate_tile = "performance"\nT_K = 3\n',
            "some.tile:3: 'T_K' has no effect: the mapper chooses the tile",
        ),
        (FC_TILE + 'generator = "mRNA"\n', "some.tile:5: no effect: Cairn has one mapper"),
    ],
)
def test_what_has_no_effect_in_a_tile_is_told(tmp_path: Path, text: str, told: str) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        tiling(tmp_path, text)
    assert [str(each.message).replace(f"{tmp_path}/", "") for each in caught] == [told]


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("", ["[E106] bad.tile: tile_type: missing"]),
        ('tile_type = "POOL"', ["[E107] bad.tile:1: tile_type: 'POOL'"]),
        ("tile_type = 3", ["[E104] bad.tile:1: tile_type"]),
        ('tile_type = "FC"\nT_S = "4"\nT_N = 0', ["[E104] bad.tile:2: T_S", "[E105] bad.tile:3"]),
        ('tile_type = "FC"\nT_S = 1\nT_N = 1', ["[E106] bad.tile: T_K: missing"]),
        (CONV_TILE.replace("T_X'=2", "T_X'=-2"), ["[E105] bad.tile:8: T_X': -2"]),
        (CONV_TILE.replace("T_Y' =", "T_Z ="), ["[E106] bad.tile: T_Y': missing"]),
        ('tile_type = "FC"\ngenerate_tile = "fast"', ["[E107] bad.tile:2: generate_tile: 'fast'"]),
        ("tile_type = CONV", ["[E102] bad.tile:1:13"]),
    ],
)
def test_bad_tile_files_are_refused(cli: Cli, tmp_path: Path, text: str, faults: list[str]) -> None:
    (tmp_path / "bad.tile").write_text(text)
    result = cli(*GEMM, "--tile", "bad.tile")
    assert (result.code, result.out) == (2, "")
    for fault in faults:
        assert fault in result.err, result.err


def test_a_missing_tile_file_is_named(cli: Cli) -> None:
    assert "[E101] none.tile: there is no such file" in cli(*GEMM, "--tile", "none.tile").err
