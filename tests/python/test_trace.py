"""`cairn trace`: the file that it writes, read back by Perfetto's own definitions."""

from __future__ import annotations

import itertools
import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli
from models import small_network
from trace_file import TraceFile

SLOTS = ("memory", "distribution", "multiplier", "reduction", "collection", "writeback")
GEMM = ("gemm", "--M", 20, "--N", 18, "--K", 30)
SMALL = (
    "--set",
    "multiplier.multipliers=16",
    "--set",
    "collection.lines=4",
    "--set",
    "distribution.bandwidth=4",
)
MACHINES = [
    ("tpu-16x16", ()),
    ("tpu-16x16", ("multiplier.rows=4", "multiplier.columns=8", "distribution.queue_depth=2")),
    ("os-mesh-rtl", ()),  # leaves the first set-up out of its cycles
    ("axis-sa-rtl", ()),  # its rounds overlap
    ("maeri-64", ()),
    ("maeri-64", ("multiplier.multipliers=16", "distribution.bandwidth=4", "collection.lines=2")),
    ("maeri-rtl", ()),
    ("sigma-128", ()),
    ("sigma-rtl", ()),
    ("magma-128", ()),
]


def traced(cli: Cli, *arguments: object) -> tuple[TraceFile, dict[str, Any]]:
    """Trace to a file; return it, and the result document."""
    result = cli("trace", *arguments, "-o", "a.pftrace", "--json", "a.json", "-q")
    assert result.code == 0, result.err
    return TraceFile(Path("a.pftrace")), json.loads(Path("a.json").read_text())


def on(machine: tuple[str, tuple[str, ...]]) -> list[object]:
    name, changes = machine
    sparse = ["--sparsity", 0.6] if name.startswith(("sigma", "magma")) else []
    return ["--arch", name, *sparse, *(word for each in changes for word in ("--set", each))]


@pytest.mark.parametrize("machine", MACHINES, ids=lambda each: " ".join([each[0], *each[1]]))
def test_a_trace_holds_all_that_was_counted(cli: Cli, machine: tuple[str, tuple[str, ...]]) -> None:
    trace, result = traced(cli, *GEMM, *on(machine))
    layer = result["layers"][0]
    assert layer["evaluator"] == "step"
    counted = {
        slot: {
            path.removeprefix(f"{slot}/"): track.total()
            for path, track in trace.tracks.items()
            if path.startswith(f"{slot}/")
        }
        for slot in SLOTS
    }
    assert counted == layer["counters"]
    assert [(each.name, each.begin, each.end) for each in trace.layers] == [
        ("gemm", 0, layer["cycles"])
    ]
    untraced = cli("run", *GEMM, *on(machine), "--timing-only", "--json", "-")
    assert layer["cycles"] == json.loads(untraced.out)["layers"][0]["cycles"]
    assert layer["counters"] == json.loads(untraced.out)["layers"][0]["counters"]


@pytest.mark.parametrize("machine", MACHINES, ids=lambda each: " ".join([each[0], *each[1]]))
def test_rounds_follow_each_other_and_parts_work_or_wait(
    cli: Cli, machine: tuple[str, tuple[str, ...]]
) -> None:
    trace, result = traced(cli, *GEMM, *on(machine))
    layer = result["layers"][0]
    rounds, cycles = trace.rounds, layer["cycles"]
    assert [each.facts["round"] for each in rounds] == [*range(1, layer["mapping"]["rounds"] + 1)]
    assert {each.facts["of rounds"] for each in rounds} == {layer["mapping"]["rounds"]}
    assert rounds[0].begin == 0
    assert rounds[-1].end == cycles
    assert all(a.end == b.begin for a, b in itertools.pairwise(rounds))
    assert (
        sum(each.facts["outputs"] for each in rounds)
        == (layer["counters"]["writeback"]["output_writes"])
    )
    for slot in SLOTS:
        track = trace.tracks[slot]
        assert track.slices, slot
        assert {each.name.split(" ")[0] for each in track.slices} <= {"busy", "waits"}
        assert all(
            each.depth == 0 and 0 <= each.begin < each.end <= cycles for each in track.slices
        )
        pairs = itertools.pairwise(track.slices)
        assert all(a.end <= b.begin and (a.end < b.begin or a.name != b.name) for a, b in pairs)
        busy = {time for each in track.slices if each.name == "busy" for time in each.times()}
        for path, counter in trace.tracks.items():
            if path.startswith(f"{slot}/") and path not in EARLY:
                assert all(time in busy or counter.at(time) == 0 for time in range(cycles)), path


# Counted when the machine is configured, whether the part then does anything or not.
EARLY = {
    "multiplier/operand_pops",
    "multiplier/configurations",
    "reduction/configurations",
}


def test_tracks_are_in_the_order_of_the_data_path_with_their_units(cli: Cli) -> None:
    trace, _ = traced(cli, *GEMM, "--arch", "maeri-64")
    assert trace.machine == "maeri-64 (a cycle lasts 1 ns)"
    groups = [path for path in trace.tracks if path and "/" not in path]
    assert groups == ["layers and rounds", *SLOTS, "in the channels"]
    ranks = [trace.tracks[path].rank for path in groups]
    assert ranks == sorted(set(ranks))
    assert trace.tracks["distribution/words"].unit == "words per cycle"
    assert trace.tracks["in the channels/products"].unit == "items"


def test_channels_hold_what_was_sent_and_not_yet_taken(cli: Cli) -> None:
    trace, _ = traced(cli, *GEMM, "--arch", "maeri-64", "--set", "multiplier.latency=3")
    products = trace.tracks["in the channels/products"]
    made = trace.tracks["multiplier/multiplications"]
    assert max(value for _, value in products.values) == 3 * max(value for _, value in made.values)


def test_a_clock_stretches_time(cli: Cli) -> None:
    plain, _ = traced(cli, *GEMM)
    slow, _ = traced(cli, *GEMM, "--clock", 400)
    assert slow.machine.endswith("(a cycle lasts 2.5 ns)")
    for path, track in plain.tracks.items():
        stretched = slow.tracks[path]
        assert [
            (math.floor(at * 2.5 + 0.5), value) for at, value in track.values
        ] == stretched.values
        assert [math.floor(each.end * 2.5 + 0.5) for each in track.slices] == [
            each.end for each in stretched.slices
        ]


@pytest.mark.parametrize("window", [(1, 1), (1, 40), (33, 78), (70, None)])
@pytest.mark.parametrize("arch", ["tpu-16x16", "os-mesh-rtl", "maeri-rtl"])
def test_a_window_holds_what_the_whole_does_there(
    cli: Cli, arch: str, window: tuple[int, int | None]
) -> None:
    first, last = window
    whole, result = traced(cli, *GEMM, "--arch", arch)
    cycles = result["layers"][0]["cycles"]
    to = () if last is None else ("--to", last)
    part, other = traced(cli, *GEMM, "--arch", arch, "--from", first, *to)
    assert other["layers"][0]["counters"] == result["layers"][0]["counters"]
    assert [(each.begin, each.end) for each in part.layers] == [(0, cycles)]
    begin, end = first - 1, last or cycles
    for path, track in whole.tracks.items():
        cut = part.tracks[path]
        assert [cut.at(t) for t in range(begin, end)] == [track.at(t) for t in range(begin, end)]
        assert all(begin <= at <= end for at, _ in cut.values)
        if path != "layers and rounds":
            kept = [each for each in track.slices if each.begin < end and each.end > begin]
            assert [(each.name, each.begin, each.end) for each in cut.slices] == [
                (each.name, max(each.begin, begin), min(each.end, end)) for each in kept
            ]
    rounds = [each for each in whole.rounds if each.begin < end and each.end > begin]
    assert [each.facts for each in part.rounds] == [each.facts for each in rounds]


def test_cycles_past_the_window_are_not_clocked(cli: Cli) -> None:
    """A layer of 10^14 cycles would take years."""
    trace, result = traced(cli, "gemm", "--M", 10**6, "--N", 10**6, "--K", 10**5, "--to", 50)
    assert result["layers"][0]["cycles"] == trace.layers[0].end > 10**14
    assert trace.tracks["multiplier"].slices[-1].end <= 50


LONG = ("gemm", "--M", 60, "--N", 60, "--K", 60, "--arch", "maeri-64", *SMALL)


def test_a_limit_is_kept_and_what_is_there_is_right(cli: Cli) -> None:
    whole, result = traced(cli, *LONG)
    assert Path("a.pftrace").stat().st_size > 300_000
    cycles = result["layers"][0]["cycles"]
    for limit in (64_000, 65_537, 100_000, 131_072):
        shown = cli("trace", *LONG, "-o", "a.pftrace", "--limit", limit)
        assert limit - 20_000 < Path("a.pftrace").stat().st_size <= limit
        cut = TraceFile(Path("a.pftrace"))
        end = max(each.end for each in cut.tracks["memory"].slices)
        assert end < cycles
        assert f"cut after cycle {end:,} of the {cycles:,} of layer gemm" in shown.out
        assert f"--from {end + 1} " in shown.out
        assert [(each.begin, each.end) for each in cut.layers] == [(0, cycles)]
        for path, track in whole.tracks.items():
            assert all(cut.tracks[path].at(time) == track.at(time) for time in range(0, end, 7))
        assert [name for _, name in cut.tracks["layers and rounds"].instants] == [
            "cut: the limit of the file is reached"
        ]


def test_a_limit_counts_layers_that_are_not_recorded_too(cli: Cli) -> None:
    rows = "".join(f"layer{number:04}, 20, 18, 30,\n" for number in range(3000))
    Path("t.csv").write_text("Layer, M, N, K,\n" + rows)
    trace, result = traced(cli, "t.csv", "--limit", "64kB")
    assert Path("a.pftrace").stat().st_size <= 64_000
    assert len(result["layers"]) == 3000
    assert 100 < len(trace.layers) < 3000


TABLE = "Layer, M, N, K,\nwide, 20, 90, 40,\nsmall, 5, 6, 7,\nlong, 64, 64, 512,\n"


@pytest.mark.parametrize("layer", ["small", "2"])
def test_one_layer_of_a_table_has_its_place_among_all(cli: Cli, layer: str) -> None:
    Path("t.csv").write_text(TABLE)
    trace, result = traced(cli, "t.csv", "--layer", layer)
    cycles = [each["cycles"] for each in result["layers"]]
    assert [each["evaluator"] for each in result["layers"]] == ["flow", "step", "flow"]
    ends = [*itertools.accumulate(cycles)]
    assert [(each.name, each.begin, each.end) for each in trace.layers] == [
        ("wide", 0, ends[0]),
        ("small", ends[0], ends[1]),
        ("long", ends[1], ends[2]),
    ]
    for track in trace.tracks.values():
        assert all(ends[0] <= at <= ends[1] for at, _ in track.values)
    assert [(each.begin, each.end) for each in trace.rounds] == [(ends[0], ends[1])]


def test_layers_follow_each_other(cli: Cli) -> None:
    Path("t.csv").write_text(TABLE)
    trace, result = traced(cli, "t.csv", "--arch", "maeri-64")
    assert {each["evaluator"] for each in result["layers"]} == {"step"}
    total = sum(each["counters"]["multiplier"]["multiplications"] for each in result["layers"])
    assert trace.tracks["multiplier/multiplications"].total() == total
    assert trace.layers[-1].end == result["totals"]["cycles"]


def test_a_model_is_traced_with_its_values(cli: Cli, tmp_path: Path) -> None:
    import onnx

    onnx.save(small_network(), tmp_path / "m.onnx")
    plain = json.loads(cli("run", "m.onnx", "--arch", "sigma-128", "--json", "-").out)
    trace, result = traced(cli, "m.onnx", "--arch", "sigma-128", "--layer", "1")
    assert result["context"]["outputs_agree"]
    assert [each["counters"] for each in result["layers"]] == [
        each["counters"] for each in plain["layers"]
    ]
    words = result["layers"][0]["counters"]["distribution"]["words"]
    assert trace.tracks["distribution/words"].total() == words


def peak_memory(place: Path, size: int) -> tuple[int, int]:
    """Trace a square product alone; return its peak memory and the size of the file, in bytes."""
    words = ["trace", "gemm", "--arch", "maeri-64", "-o", "a.pftrace", *map(str, SMALL)]
    sizes = [f"--{letter}={size}" for letter in "MNK"]
    code = (
        "import resource, cairn.cli\n"
        f"assert cairn.cli.main({words + sizes}) == 0\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=place,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    kilobytes = int(done.stdout.splitlines()[-1])
    return kilobytes * 1024, (place / "a.pftrace").stat().st_size


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    little, small = peak_memory(tmp_path, 16)
    much, large = peak_memory(tmp_path, 120)
    assert large > small + 8_000_000
    assert much < little + 4_000_000
