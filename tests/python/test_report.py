"""`cairn report`: what it takes and refuses, and the command it gives to run a result again."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import report_documents as made
from conftest import Cli
from test_bad_input import refused

import cairn
from cairn import compare, report
from cairn.errors import CairnError
from cairn.report import Source
from cairn.report.again import again, toml

EXAMPLES = Path(__file__).parents[2] / "examples"
GEMM = ("gemm", "--M", 20, "--N", 30, "--K", 40)


def embedded(page: str, place: str = "document") -> Any:
    found = re.search(rf'<script type="application/json" id="{place}">(.*?)</script>', page)
    assert found
    return json.loads(found[1])


def test_a_page_appears_beside_the_result(cli: Cli, tmp_path: Path) -> None:
    cli("run", *GEMM, "--json", "run.json")
    done = cli("report", "run.json")
    assert (done.code, done.err) == (0, "")
    page = (tmp_path / "run.html").read_text()
    assert f"{len(page.encode()) / 1e6:.1f} MB" in done.out and "run.html" in done.out
    assert embedded(page) == json.loads((tmp_path / "run.json").read_text())
    assert "<title>gemm on tpu-16x16</title>" in page
    assert not re.search(r"""(src|href)=["'](?!data:|#)""", page.partition('id="document"')[0])


def test_title_and_place_are_the_user_s(cli: Cli, tmp_path: Path) -> None:
    cli("run", *GEMM, "--json", "run.json")
    done = cli("report", "run.json", "-o", "other.html", "--title", "a <b>title</b>")
    assert done.code == 0, done.err
    page = (tmp_path / "other.html").read_text()
    assert "<title>a &lt;b&gt;title&lt;/b&gt;</title>" in page
    assert not (tmp_path / "run.html").exists()


def test_the_page_goes_to_the_standard_output(cli: Cli) -> None:
    cli("run", *GEMM, "--json", "run.json")
    done = cli("report", "run.json", "-o", "-")
    assert done.out.startswith("<!doctype html>") and done.out.rstrip().endswith("</html>")


def test_several_results_become_a_comparison(cli: Cli, tmp_path: Path) -> None:
    for arch in ("tpu-16x16", "maeri-64"):
        cli("run", *GEMM, "--arch", arch, "--json", f"{arch}.json")
    cli("compare", *GEMM, "--arch", "tpu-16x16,maeri-64", "--json", "both.json")
    one = cli("report", "tpu-16x16.json", "maeri-64.json", "-o", "one.html")
    other = cli("report", "both.json", "-o", "other.html")
    assert one.code == other.code == 0, (one.err, other.err)
    documents = [embedded((tmp_path / f"{name}.html").read_text()) for name in ("one", "other")]
    assert documents[0] == documents[1] == json.loads((tmp_path / "both.json").read_text())
    about = embedded((tmp_path / "one.html").read_text(), "page")
    assert about["sources"] == ["tpu-16x16", "maeri-64"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", ["not valid JSON", "cairn run --json"]),
        ("[" * 100000, ["not valid JSON"]),
        ("[1, 2]", ["no document of Cairn", "cairn run --json"]),
        ('{"layers": []}', ["no 'schema'"]),
        ('{"schema": "cairn.result/2"}', ["version '2' of cairn.result", "this one writes"]),
        ('{"schema": "cairn.mapping/1"}', ["a page cannot be made of 'cairn.mapping/1'"]),
        ('{"schema": "cairn.results/1"}', ["did you mean 'cairn.result/1'?"]),
        ('{"schema": "cairn.result/1", "layers": []}', ["cut", "context, totals", "run it again"]),
        ('{"schema": "cairn.comparison/1", "results": []}', ["holds no result"]),
        ('{"schema": "cairn.comparison/1", "results": [{}]}', ["no 'schema'"]),
    ],
)
def test_what_is_no_result_is_refused(
    cli: Cli, tmp_path: Path, text: str, words: list[str]
) -> None:
    (tmp_path / "bad.json").write_text(text)
    refused(cli("report", "bad.json"), "E603", "bad.json", *words)
    assert not (tmp_path / "bad.html").exists()


def test_all_files_are_refused_at_once(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text("nothing")
    done = cli("report", "bad.json", "absent.json")
    refused(done, "E603", "bad.json")
    refused(done, "E101", "absent.json", "no such file")


def test_a_place_that_cannot_be_written(cli: Cli) -> None:
    cli("run", *GEMM, "--json", "run.json")
    refused(cli("report", "run.json", "-o", "nowhere/page.html"), "E602", "nowhere/page.html")


def test_a_suite_is_shown_alone() -> None:
    result = made.run(made.chain(2))
    figures = {"machine": "tpu-16x16", "cycles": 5, "paper_cycles": 4}
    model = {
        "name": "net",
        "machines": [figures],
        "comparison": compare.document([result, result]),
    }
    suite = {"schema": "cairn.suite/1", "suite": "paper", "context": {}, "models": [model]}
    page = report.page([Source("suite", suite)])
    assert embedded(page) == suite and len(embedded(page, "page")["again"]) == 2
    with pytest.raises(CairnError, match=r"E603.*a suite makes a page by itself"):
        report.page([Source("run", result), Source("suite", suite)])


@pytest.mark.parametrize(
    "words",
    [
        GEMM,
        (*GEMM, "--batch", 2, "--timing-only", "--arch", "maeri-64", "--objective", "edp"),
        (*GEMM, "--tile", "M=4,N=8", "--evaluator", "step", "--seed", 5),
        (*GEMM, "--set", "multiplier.rows=4", "--set", "distribution.bandwidth=3"),
        (*GEMM, "--arch", "sigma-64", "--sparsity", "0.5", "--schedule", "largest"),
        (
            *("conv", "--channels", 4, "--filters", 6, "--input", "9x8", "--kernel", "3x2"),
            *("--stride", "2x1", "--pad", "1x0:2x1", "--groups", 2, "--arch", "maeri-64"),
        ),
        (EXAMPLES / "small-net.onnx", "--arch", "sigma-64", "--prune", "2:4"),
        (f"{EXAMPLES / 'small_net.py'}:example", "--arch", "maeri-64", "--seed", 3),
        (EXAMPLES / "resnet50-first-layers.csv", "--arch", "tpu-32x32"),
    ],
    ids=lambda words: " ".join(map(str, words))[-60:].replace("/", " "),
)
def test_the_command_on_the_page_gives_the_same_document(
    cli: Cli, tmp_path: Path, words: tuple[object, ...]
) -> None:
    first = cli("run", *words, "--json", "first.json")
    assert first.code == 0, first.err
    result = json.loads((tmp_path / "first.json").read_text())
    told = again(result)
    (tmp_path / told["file"]).write_text(told["machine"])
    program, *command = shlex.split(told["command"])
    assert program == "cairn"
    second = cli(*command, "--json", "second.json")
    assert second.code == 0, second.err
    assert json.loads((tmp_path / "second.json").read_text()) == result
    changed = "--set" in words
    assert (told["file"] in told["command"]) == changed == ("Save the machine" in told["note"])


@pytest.mark.parametrize("preset", [each["name"] for each in cairn.presets()])
def test_the_machine_on_the_page_is_the_machine(tmp_path: Path, preset: str) -> None:
    machine = cairn.load_machine(preset)
    place = tmp_path / "machine.toml"
    place.write_text(toml(machine.describe()))
    assert cairn.load_machine(str(place)).describe() == machine.describe()


def test_what_a_program_made_has_no_command() -> None:
    result = made.run(made.chain(2), target="MyModel")
    told = again(result)
    assert not told["command"] and "by a program" in told["why"]
    given = json.loads(json.dumps(made.run(made.chain(2))))
    given["layers"][0]["mapping"]["chosen"] = "given"
    assert "--tile" in again(given)["note"]
