"""Plug-ins: components from outside of the tree, and how those that do not fit are refused."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from plugin_builds import ROOT, built

import cairn
from cairn.report.again import again

GEMM = ["run", "gemm", "--M", "20", "--N", "36", "--K", "7"]
CHAIN = "examples/own-accelerator/chain-16x16.toml"


def run(*words: str, plugin: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `cairn` in a process of its own: what is loaded stays to its end."""
    return subprocess.run(
        [sys.executable, "-m", "cairn", *words, "--plugin", plugin],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "COLUMNS": "200", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def document(*words: str, plugin: str, **environment: str) -> dict:
    done = run(*words, "--json", "-", plugin=plugin, **environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def faulty() -> Path:
    return built("tests/plugins") / "libfaulty.so"


@pytest.fixture(scope="module")
def outside() -> str:
    return str(built("tests/plugins") / "liboutside.so")


@pytest.fixture(scope="module")
def chain() -> str:
    return str(built("examples/own-accelerator") / "libchain.so")


def test_the_test_of_the_guide_passes(chain):
    done = subprocess.run(
        ["ctest", "--test-dir", str(Path(chain).parent), "--output-on-failure"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0 and "100% tests passed" in done.stdout, done.stdout


def test_a_result_names_the_plug_in_and_prices_its_counters(chain, tmp_path):
    told = document(*GEMM, "--arch", CHAIN, plugin=chain)
    assert told["context"]["plugins"] == [
        {"name": "chain", "version": "1.0", "file": chain, "parts": ["collection.chain"]}
    ]
    layer = told["layers"][0]
    hops = layer["counters"]["collection"]["hops"]
    # 2 x 3 tiles; a sum of column c crosses c + 1 links.
    per_row = 2 * sum(range(1, 17)) + sum(range(1, 5))
    assert hops == 20 * per_row
    prices = cairn.load_energy_table("cmos-45nm")
    figures = {(f["component"], f["of"]): f["value"] for f in prices.describe()["figures"]}
    each = sum(
        figures[of] for of in (("collection_wire", "transfer"), ("queue", "push"), ("queue", "pop"))
    )
    # The result of the reduction network is charged to the same wires.
    results = layer["counters"]["reduction"]["results"] * figures["collection_wire", "transfer"]
    collection = layer["energy"]["parts"]["collection"]["dynamic"]
    assert collection == pytest.approx(hops * each + results)
    assert told["area"]["components"]["collection.queue"]["units"] == 256
    assert again(told)["command"].endswith(f" --plugin {chain}")
    # Priced again it needs the plug-in again.
    file = tmp_path / "result.json"
    file.write_text(json.dumps(told))
    assert run("energy", str(file), "--table", "stonne", plugin=chain).returncode == 0
    with pytest.raises(cairn.CairnError, match=r"E107.*chain"):
        cairn.machine_of(told)


def test_cairns_own_parts_have_no_plug_in():
    session = cairn.Session(cairn.load_machine("tpu-16x16"))
    assert "plugins" not in session.document({})


def test_narrow_links_cost_cycles_and_both_evaluators_agree(chain):
    cycles = {}
    for beats in ("1", "2", "8"):
        told = [
            document(
                *GEMM, "--arch", CHAIN, "--set", f"collection.beats={beats}", *more, plugin=chain
            )
            for more in ([], ["--evaluator", "step"], ["--set", "collection.type=chain-stepped"])
        ]
        layers = [each["layers"][0] for each in told]
        assert [each["evaluator"] for each in layers] == ["flow", "step", "flow, 4 rounds stepped"]
        assert len({each["cycles"] for each in layers}) == 1
        assert layers[0]["counters"] == layers[1]["counters"] == layers[2]["counters"]
        assert layers[0]["activity"] == layers[1]["activity"] == layers[2]["activity"]
        cycles[beats] = layers[0]["cycles"]
    assert cycles["1"] < cycles["2"] < cycles["8"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["describe", "chain"], "of the plug-in chain"),
        (["describe", "collection.beats"], "parameter of chain"),
        (["describe", CHAIN], "chain-16x16"),
        (["compare", *GEMM[1:], "--arch", f"tpu-16x16,{CHAIN}"], "chain-16x16"),
        (["map", *GEMM[1:], "--arch", CHAIN], "M=16,N=16"),
        (["trace", "gemm", "--M", "2", "--N", "2", "--K", "2", "--arch", CHAIN], "results_out"),
    ],
)
def test_commands_take_a_plug_in(words, says, chain):
    done = run(*words, plugin=chain)
    assert done.returncode == 0 and says in done.stdout, done.stdout + done.stderr


def test_python_loads_a_plug_in_once(chain):
    program = (
        "import cairn\n"
        f"told = [cairn.load_plugin({chain!r}) for _ in range(2)]\n"
        "assert told[0] == told[1], told\n"
        "print(told[0]['parts'], [p['type'] for p in cairn.catalog() if p.get('plugin')])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == (
        "['collection.chain', 'collection.chain-stepped'] ['chain', 'chain-stepped']\n"
    )


def test_a_part_may_refuse_a_machine(chain):
    done = run(*GEMM, "--arch", "axis-sa-rtl", "--set", "collection.type=chain", plugin=chain)
    assert done.returncode == 2
    assert "E201" in done.stderr and "memory.overlap = false" in done.stderr


@pytest.mark.parametrize(
    ("arch", "change"),
    [
        ("tpu-16x16", "collection.type=bus"),
        ("tpu-16x16", "multiplier.type=mesh"),
        ("maeri-64", "collection.type=bus"),
        ("sigma-64", "collection.type=bus"),
    ],
)
@pytest.mark.parametrize("evaluator", ["flow", "step"])
def test_a_component_is_from_outside_what_it_is_in_the_tree(arch, change, evaluator, outside):
    words = [*GEMM, "--arch", arch, "--evaluator", evaluator, "--set"]
    inside, other = (
        document(*words, change + ending, plugin=outside)["layers"][0]
        for ending in ("", "-outside")
    )
    for key in ("cycles", "counters", "activity", "evaluator", "mapping"):
        assert inside[key] == other[key], key


REFUSED = {
    "throws": ("E109", "no licence"),
    "throws something else": ("E109", "the plug-in fails"),
    "no parts": ("E109", "no parts"),
    "no plug-in name": ("E109", "no name"),
    "taken name": ("E110", "there is one already, Cairn's own"),
    "twice": ("E110", "there is one already"),
    "no name": ("E110", "type has no name"),
    "no such slot": ("E110", "did you mean 'collection'"),
    "no such family": ("E110", "did you mean 'systolic'"),
    "controller": ("E110", "made for Cairn's own ones only"),
    "nothing makes it": ("E110", "fabric::declare"),
    "no sentence": ("E110", "has no sentence"),
    "no unit": ("E110", "units have no name"),
    "missing parameter": ("E110", "built by the parameter 'latency'"),
    "wider range": ("E110", "integer within 0 to 1024"),
    "parameter called type": ("E110", "called 'type'"),
    "bad default": ("E105", "default of 'latency'"),
    "missing counter": ("E110", "laws of systolic machines name the counter 'results_out'"),
    "no costs": ("E110", "'results_in' is not priced"),
    "unpriced counter": ("E110", "'results_out' is not priced"),
    "priced twice": ("E110", "'results_out' is charged and exempt"),
    "no reason": ("E110", "without a reason"),
    "unknown charge": ("E110", "charges for 'hops'"),
    "unknown exemption": ("E110", "exempts 'hops'"),
    "unknown component": ("E110", "no table of energy prices 'wire'"),
    "unknown action": ("E110", "prices 'push' of 'collection_wire'"),
    "no such units": ("E110", "no units of 'queue'"),
    "units of another": ("E110", "'queue' of the slot 'reduction'"),
    "units not counted": ("E110", "how many of 'collection_wire'"),
    "units missing": ("E110", "to which other parts charge"),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_a_plug_in_that_breaks_a_rule_is_refused_and_nothing_of_it_stays(
    fault, faulty, monkeypatch
):
    code, says = REFUSED[fault]
    before = cairn.catalog()
    monkeypatch.setenv("FAULT", fault)
    with pytest.raises(cairn.CairnError) as refused:
        cairn.load_plugin(faulty)
    told = refused.value.diagnostics
    assert code in {each.code for each in told}
    assert says in "".join(map(str, told))
    assert all(each.remedy for each in told)
    assert cairn.catalog() == before


def patched(library: Path, to: Path, old: bytes, new: bytes, at: int | None = None) -> Path:
    content = library.read_bytes()
    at = content.index(old) if at is None else at
    to.write_bytes(content[:at] + new + content[at + len(new) :])
    return to


def test_libraries_that_are_no_plug_in_for_this_cairn_are_refused(faulty, tmp_path):
    interface = next(
        line.partition('CAIRN_INTERFACE="')[2][:16]
        for line in (Path(cairn.cmake_dir()) / "cairnConfig.cmake")
        .read_text()
        .replace("\\", "")
        .splitlines()
        if "CAIRN_INTERFACE" in line
    )
    text = tmp_path / "text.so"
    text.write_text("no library, but longer than the header of one" * 9)
    cut = tmp_path / "cut.so"
    cut.write_bytes(faulty.read_bytes()[:4000])
    locked = shutil.copy(faulty, tmp_path / "folder.so.d")
    core = Path(cairn.__file__).parent / "lib" / "libcairn.so"
    for file, code, says in (
        (tmp_path / "none.so", "E101", "no such file"),
        (tmp_path, "E101", "directory"),
        (text, "E109", "no shared library"),
        (cut, "E109", "cut short"),
        (core, "E109", "no plug-in of Cairn"),
        (
            patched(Path(locked), tmp_path / "v.so", interface.encode(), b"0" * 16),
            "E109",
            "another Cairn",
        ),
        (
            patched(faulty, tmp_path / "arm.so", b"", b"\xb7\x00", at=18),
            "E109",
            "kind of processor",
        ),
        (patched(faulty, tmp_path / "32.so", b"", b"\x01", at=4), "E109", "kind of processor"),
    ):
        with pytest.raises(cairn.CairnError, match=code) as refused:
            cairn.load_plugin(file)
        assert says in str(refused.value), file


@pytest.mark.parametrize(
    ("fault", "code", "says"),
    [
        ("fails in a run", "I001", "the wire broke"),
        ("counts wrongly", "I001", "every result"),
        ("is stuck", "I002", "nothing has happened"),
    ],
)
def test_a_part_that_fails_in_a_run_is_named(fault, code, says, faulty):
    words = [*GEMM, "--set", "collection.type=wire"]
    assert (
        document(*words, plugin=str(faulty))["layers"][0]["evaluator"] == "flow, 4 rounds stepped"
    )
    done = run(*words, plugin=str(faulty), FAULT=fault)
    assert done.returncode != 0 and code in done.stderr and says in done.stderr.lower()
    assert f"look first at the part 'wire' of {faulty}" in done.stderr


def test_a_program_drives_a_machine_layer_by_layer_against_the_installed_package(tmp_path):
    """The package of `cmake --install` is moved first: nothing in it says where it was made."""
    first, moved = tmp_path / "first", tmp_path / "moved"
    install = ["cmake", "--install", str(ROOT / "build/release"), "--component", "sdk"]
    subprocess.run([*install, "--prefix", str(first)], capture_output=True, check=True)
    first.rename(moved)
    programs = built("examples/cpp", str(moved / "lib/cmake/cairn"))
    done = subprocess.run(
        [str(programs / "layer_by_layer"), "maeri-64"], capture_output=True, text=True, check=True
    )
    session = cairn.Session(cairn.load_machine("maeri-64"))
    session.run("features", cairn.Conv(1, 8, 16, (14, 14), (3, 3)))
    session.run("scores", cairn.Gemm(1, 10, 16 * 12 * 12))
    cycles = [layer["cycles"] for layer in session.layers]
    lines = done.stdout.splitlines()
    assert lines[0].startswith(f"features: {cycles[0]} cycles, ")
    assert lines[1].startswith(f"scores: {cycles[1]} cycles, ")
    assert lines[2].startswith(f"maeri-64: {sum(cycles)} cycles, ")
    wrong = subprocess.run(
        [str(programs / "layer_by_layer"), "none"], capture_output=True, text=True, check=False
    )
    assert wrong.returncode == 1 and "E107" in wrong.stderr
    told = subprocess.run([str(programs / "drive_instance")], capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    assert told.stdout.count(" cycles") >= 4


def test_the_option_needs_a_file(cli):
    done = cli("describe", "--plugin")
    assert done.code == 2 and "--plugin needs a file" in done.err
    done = cli("--cmake-dir")
    assert done.code == 0 and (Path(done.out.strip()) / "cairnConfig.cmake").is_file()
