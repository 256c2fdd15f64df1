"""`cairn trace` in text: exactly the golden timelines, and rules that every timeline keeps."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from conftest import Cli

GOLDEN = sorted((Path(__file__).parents[1] / "golden/timelines").glob("*.txt"))
GEMM = ("gemm", "--M", 20, "--N", 18)
SMALL = ("--set", "multiplier.rows=2", "--set", "multiplier.columns=2")


def shown(cli: Cli, *arguments: object) -> str:
    result = cli("trace", *arguments)
    assert (result.code, result.err) == (0, ""), result.err
    return result.out


def rows(text: str) -> dict[str, str]:
    """Join the blocks of a timeline of one layer to one line for each row."""
    joined: dict[str, str] = {}
    for block in text.split("\n1-9, a-z")[0].split("\n\n")[1:]:
        lines = block.splitlines()
        width = max(len(line) for line in lines) - 17
        for line in lines:
            label = line[:17].split(" x")[0].strip()
            joined[label] = joined.get(label, "") + line[17:].ljust(width)
    return joined


def units(sign: str) -> int:
    return int(sign, 36) if sign.isalnum() else 0


def test_every_family_of_machines_has_a_golden_timeline() -> None:
    text = "".join(path.read_text() for path in GOLDEN)
    assert {"tpu-16x16", "maeri-64", "sigma-64", "magma-128"} <= set(
        re.findall(r"--arch (\S+)", text)
    )


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_timelines_are_the_golden_ones(cli: Cli, path: Path) -> None:
    command, expected = path.read_text().split("\n", 1)
    assert shown(cli, *shlex.split(command.removeprefix("$ cairn trace "))) == expected


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_the_signs_of_a_golden_timeline_add_up_to_the_counters(cli: Cli, path: Path) -> None:
    command, text = path.read_text().split("\n", 1)
    words = shlex.split(command.removeprefix("$ cairn trace "))
    layer = json.loads(cli("run", *words, "--timing-only", "--json", "-").out)["layers"][0]
    signs = rows(text)
    assert len(signs["writeback"]) == layer["cycles"]
    assert signs["round"].count("|") == layer["mapping"]["rounds"]
    for part, names in re.findall(r"^  (\w+) +(.*)$", text, re.MULTILINE):
        counted = sum(layer["counters"][part][name] for name in names.split(" + "))
        assert sum(map(units, signs[part])) == counted


def test_a_text_is_legible_in_100_columns(cli: Cli) -> None:
    text = shown(cli, *GEMM, "--K", 300)
    assert max(map(len, text.splitlines())) <= 100
    assert "a column for 8 cycles" in text
    assert text.isascii()


def test_columns_of_several_cycles_show_the_mean_rounded_up(cli: Cli) -> None:
    fine = shown(cli, *GEMM, "--K", 5, *SMALL, "--to", 300)
    coarse = shown(cli, *GEMM, "--K", 5, *SMALL, "--to", 600)
    assert ", a column a cycle\n" in fine
    assert ", a column for 2 cycles\n" in coarse
    exact, mean = rows(fine), rows(coarse)
    for part in ("memory", "distribution", "multiplier", "reduction", "collection", "writeback"):
        for i in range(150):
            pair = exact[part][2 * i : 2 * i + 2]
            total = sum(map(units, pair))
            if total > 0:
                assert units(mean[part][i]) == -(-total // 2)
            else:
                assert mean[part][i] == next((sign for sign in "-." if sign in pair), " ")


def test_a_row_of_many_units_counts_in_more_than_ones(cli: Cli) -> None:
    text = shown(cli, "gemm", "--M", 16, "--N", 16, "--K", 40)
    assert re.search(r"^multiplier x8 .*w", text, re.MULTILINE)  # 256 = 32 x 8


def test_text_alone_ends_after_some_cycles(cli: Cli) -> None:
    text = shown(cli, "gemm", "--M", 10**4, "--N", 10**4, "--K", 10**4)
    assert re.search(r"gemm: cycles 1 to 20480 of \d{8,}, a column for 64 cycles", text)
    assert "cycles 101 to 110 of" in shown(cli, *GEMM, "--K", 300, "--from", 101, "--to", 110)


def test_layers_of_a_table_are_drawn_one_below_the_other(cli: Cli) -> None:
    Path("t.csv").write_text("Layer, M, N, K,\nwide, 4, 9, 4,\nsmall, 5, 6, 7,\n")
    text = shown(cli, "t.csv", *SMALL)
    assert re.findall(r"^(\w+): cycles 1 to", text, re.MULTILINE) == ["wide", "small"]
    assert text.count("1-9, a-z") == 1
    single = shown(cli, "t.csv", *SMALL, "--layer", "small")
    assert text.split("small: ")[1] == single.split("small: ")[1]


def test_a_file_and_a_text_of_one_run(cli: Cli) -> None:
    alone = shown(cli, *GEMM, "--K", 5)
    both = shown(cli, *GEMM, "--K", 5, "-o", "a.pftrace", "--text")
    assert both.startswith(alone.rstrip("\n"))
    assert "a.pftrace: 1" in both
    assert shown(cli, *GEMM, "--K", 5, "-o", "a.pftrace").startswith("a.pftrace: 1")
    assert Path("a.pftrace").stat().st_size > 1000
