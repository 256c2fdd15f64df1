"""The table of layers stays readable: names, widths, numbers."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from rich.console import Console

from cairn import compare, tables
from cairn.effective import completed


def document(names: list[str], cycles: int = 1_234_567) -> dict[str, Any]:
    """Return a result document of large convolutions."""
    counts = {"cycles": cycles, "multiplications": 9 * cycles, "utilisation": 0.871}
    counts |= {"buffer_reads": 3 * cycles, "buffer_writes": cycles}
    sizes = {"batch": 1, "channels": 960, "filters": 160, "input": [14, 14], "kernel": [3, 3]}
    sizes |= {"stride": [2, 2], "groups": 32, "dilation": [1, 1]}
    layer = {"operation": "conv", "sizes": sizes, "evaluator": "flow", **counts}
    layers = [{"name": name, **layer} for name in names]
    machine = {"name": "tpu-16x16", "summary": "a mesh"}
    return {"layers": layers, "totals": counts, "context": {"machine": machine}, "notes": ["n"]}


def rendered(result: dict[str, Any], width: int) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=width).print(tables.result(result, width))
    return out.getvalue().splitlines()


def test_repeated_blocks_keep_their_numbers() -> None:
    for index in (3, 11):
        name = f"/bert/encoder/layer.{index}/attention/self/query/MatMul"
        short = tables.shorten(name, 30)
        assert len(short) <= 30
        assert f"layer.{index}" in short
        assert short.endswith("MatMul")
    assert tables.shorten("conv1", 10) == "conv1"
    assert tables.shorten("a" * 50, 11) == "aaaaa…aaaaa"


def test_long_names_fit_120_columns() -> None:
    names = [f"/backbone/stage.{n}/block.{n}/depthwise/convolution/Conv" for n in range(20)]
    lines = rendered(document(names, 123_456_789), 120)
    assert max(map(len, map(str.rstrip, lines))) <= 120
    assert len({line.split()[1] for line in lines[3:23]}) == 20
    assert "123,456,789" in lines[3]
    assert "1,111,111,101" in lines[3]


def test_sizes_are_one_phrase() -> None:
    (layer,) = document(["a"])["layers"]
    assert tables.sizes_text(layer) == "960x14x14 *160 k3x3 s2 g32"
    gemm = {"operation": "gemm", "sizes": {"M": 2, "N": 3, "K": 4, "batch": 5}}
    assert tables.sizes_text(gemm) == "5 x M2 N3 K4"
    assert tables.sizes_text({"operation": "new", "sizes": {"rows": 2, "taps": [3, 4]}})


def test_totals_have_units_and_notes_are_shown() -> None:
    text = "\n".join(rendered(document(["a", "b"]), 140))
    assert "2 layers: 1,234,567 cycles, 87.1 % utilisation" in text
    assert "words read" in text
    assert "note: n" in text


def counted(machine: str, effective: int | None) -> dict[str, Any]:
    """Return a result document of two layers where a machine counts products of two non-zeros."""
    made = document(["a", "b"], 1000)
    for layer in made["layers"]:
        layer |= {"cycles": 500, "multiplications": 4500, "effective_multiplications": effective}
        layer |= {"sparsity": {"weights": 0.8, "inputs": 0.25}} if effective is not None else {}
    made["context"]["machine"]["name"] = machine
    made["units"] = {}
    return completed(json.dumps(made))


def test_effective_work_is_shown_beside_the_dense() -> None:
    result = counted("sigma-256", 450)
    assert result["totals"]["effective_multiplications"] == 900
    assert result["totals"]["effective_utilisation"] == pytest.approx(0.0871)
    assert result["layers"][0]["effective_utilisation"] == pytest.approx(0.0871)
    lines = rendered(result, 140)
    row = next(line.split() for line in lines if line.startswith("1 "))
    figures = ["500", "87.1", "8.7", "4,500", "450", "3,000", "1,000", "80.0", "25.0", "flow"]
    assert row[-len(figures) :] == figures
    text = "\n".join(lines)
    assert "87.1 % dense, 8.7 % effective utilisation" in text
    assert "900 of them of two non-zeros" in text
    assert "above 100 % where zeros are left out" in text
    assert max(map(len, rendered(result, 80))) <= 80


def test_work_that_nobody_counted_is_not_shown() -> None:
    result = counted("tpu-16x16", None)
    assert "effective_utilisation" not in result["totals"]
    assert "effective" not in "\n".join(rendered(result, 140))


def test_totals_are_not_known_unless_every_layer_was_counted() -> None:
    made = counted("sigma-256", 450)
    made["layers"][0]["effective_multiplications"] = None
    result = completed(json.dumps(made))
    assert result["totals"]["effective_utilisation"] is None
    assert result["layers"][0]["effective_utilisation"] is None
    assert "87.1 % utilisation" in "\n".join(rendered(result, 140))


@pytest.mark.parametrize("width", [90, 140])
def test_a_machine_that_counts_does_it_for_the_others(width: int) -> None:
    both = compare.document([counted("tpu-16x16", None), counted("sigma-256", 450)])
    out = io.StringIO()
    Console(file=out, width=width).print(tables.comparison(both, width))
    row = next(line.split() for line in out.getvalue().splitlines() if line.startswith("1 "))
    assert row[-7:] == ["500*", "87.1", "8.7", "500*", "87.1", "8.7", "1.00x"]
    assert "eff %" in out.getvalue()
    assert "above 100 %" in out.getvalue()
