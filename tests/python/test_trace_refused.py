"""What `cairn trace` refuses: windows, limits, layers and places."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Cli
from test_bad_input import refused

import cairn

GEMM = ("trace", "gemm", "--M", 20, "--N", 18, "--K", 30)


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (("--from", 0), "E001", ["--from"]),
        (("--from", 10**30), "E001", ["--from"]),
        (("--to", "soon"), "E001", ["--to"]),
        (("--from", 20, "--to", 19), "E105", ["window", "from 20 to 19"]),
        (("--from", 285), "E105", ["--from", "layer gemm is over after cycle 208", "--from 208"]),
        (("--layer", "gem"), "E107", ["--layer", "did you mean 'gemm'?"]),
        (("--layer", "2"), "E107", ["no layer '2'", "it has 1 layer"]),
        (("--layer", "0"), "E107", ["no layer '0'"]),
        (("--limit", "much", "-o", "a"), "E001", ["--limit", "64MB", "much"]),
        (("--limit", "64 parsecs", "-o", "a"), "E001", ["--limit"]),
        (("--limit", "-1", "-o", "a"), "E001", ["--limit"]),
        (("--limit", "63kB", "-o", "a"), "E105", ["limit", "63000 bytes", "64000 or more"]),
        (("--clock", 0, "-o", "a"), "E105", ["clock", "0 MHz", "0.001 to 1000"]),
        (("--clock", 1001, "-o", "a"), "E105", ["clock", "1001 MHz"]),
        (("--clock", "nan", "-o", "a"), "E105", ["clock", "nan MHz"]),
        (("--clock", "1e-300", "-o", "a"), "E105", ["clock"]),
        (("-o", "-"), "E001", ["no text"]),
        (("-o", "nowhere/a.pftrace"), "E602", ["nowhere/a.pftrace", "writable directory"]),
        (("-o", "."), "E602", ["directory"]),
        (("-o", "/dev/full"), "E602", ["/dev/full", "--limit"]),
        (("-o", "a", "--json", "a"), "E001", ["each its own file"]),
        (("--prune", "filter", "--sparsity", 0.5), "E001", ["--prune"]),
        (("--tile", "M=17"), "E401", ["M = 17"]),
    ],
)
def test_bad_options_are_refused_and_leave_nothing_behind(
    cli: Cli, options: tuple[object, ...], code: str, words: list[str]
) -> None:
    refused(cli(*GEMM, *options), code, *words)
    assert [*Path().iterdir()] == []


def test_all_that_is_wrong_is_told_at_once(cli: Cli) -> None:
    result = cli(*GEMM, "-o", "a", "--limit", 1, "--clock", 0, "--from", 3, "--to", 2)
    refused(result, "E105", "limit of", "clock of", "window of")


def test_unknown_layers_of_a_table_are_told_with_the_nearest(cli: Cli) -> None:
    Path("t.csv").write_text("Layer, M, N, K,\nwide, 4, 9, 4,\nsmall, 5, 6, 7,\n")
    refused(cli("trace", "t.csv", "--layer", "smal"), "E107", "did you mean 'small'?")
    refused(cli("trace", "t.csv", "--layer", "3"), "E107", "a number from 1 to 2, or a name")


def test_a_short_layer_beside_a_long_one_is_no_fault(cli: Cli) -> None:
    Path("t.csv").write_text("Layer, M, N, K,\nwide, 40, 90, 4,\nsmall, 5, 6, 7,\n")
    result = cli("trace", "t.csv", "--from", 200, "--to", 210)
    assert result.code == 0
    assert "wide: cycles 200 to 210 of" in result.out
    assert "small" not in result.out


def test_time_that_does_not_fit_is_refused(cli: Cli) -> None:
    huge = ("gemm", "--M", 10**7, "--N", 10**7, "--K", 10**4)
    refused(
        cli("trace", *huge, "-o", "a", "--to", 5, "--clock", 0.001), "U203", "nanoseconds", "faster"
    )


def test_a_long_run_of_text_shows_the_units_of_huge_limits(cli: Cli) -> None:
    assert cli(*GEMM, "-o", "a", "--limit", "999999999999GB").code == 0


def test_a_trace_needs_no_command_line(tmp_path: Path) -> None:
    machine = cairn.load_machine("maeri-64")
    trace = cairn.Trace(machine, str(tmp_path / "a.pftrace"), text=True, layer="second")
    session = cairn.Session(machine)
    for name in ("first", "second"):
        session.run(name, cairn.Gemm(8, 8, 8), trace=trace)
    cycles = session.layers[1]["cycles"]
    assert trace.layers == [
        {"name": "second", "cycles": cycles, "first": 1, "last": cycles, "cut": False}
    ]
    assert trace.bytes == (tmp_path / "a.pftrace").stat().st_size
    assert trace.text.startswith(f"second: cycles 1 to {cycles} of {cycles}")
    assert [each["evaluator"] for each in session.layers] == ["flow", "step"]
    with pytest.raises(cairn.CairnError, match="E602"):
        cairn.Trace(machine, str(tmp_path / "nowhere" / "a.pftrace"))
