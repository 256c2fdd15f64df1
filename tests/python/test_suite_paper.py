"""The paper's seven models on its machines: values, shapes, orders, and what the page claims."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli

pytest.importorskip("torch")
pytest.importorskip("pytorchcv")
pytest.importorskip("transformers")

import cairn
import networks
import suite_page
from cairn.suites import models, paper, report

Document = Mapping[str, Any]

MODELS = [*paper.PAPER]
# Forms of the models in tools/networks.csv, which are the packages' own.
FORMS = {
    "AlexNet": lambda: suite_page.package("alexnet", "alexnetb"),
    "MobileNet": lambda: models.build("MobileNet"),
    "SqueezeNet": lambda: suite_page.package("squeezenet", "squeezenet_v1_0"),
    "ResNet-50": lambda: suite_page.package("resnet", "resnet50b"),
    "VGG-16": lambda: models.build("VGG-16"),
    "SSD-MobileNet": lambda: models.build("SSD-MobileNet"),
    "BERT": lambda: suite_page.bert(128, head=False),
}


@pytest.fixture(scope="module")
def document() -> Document:
    return paper.run([cairn.load_machine(name) for name in paper.ARCHS.split(",")])


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest, document: Document) -> Document:
    (found,) = [each for each in document["models"] if each["name"] == request.param]
    return found


def figures(model: Document, machine: str) -> Document:
    (found,) = [each for each in model["machines"] if each["machine"] == machine]
    return found


def off(model: Document, machine: str) -> float:
    each = figures(model, machine)
    return each["cycles"] / each["paper_cycles"] - 1


def test_outputs_are_the_models_own_on_every_machine(model: Document) -> None:
    results = model["comparison"]["results"]
    assert len(results) == 5
    assert all(result["context"]["outputs_agree"] for result in results)
    assert model["outputs_agree"]
    assert 0 <= model["max_abs_difference"] < 1e-5


def test_layers_have_the_names_of_modules(model: Document) -> None:
    network, _ = models.build(model["name"])
    modules = {name for name, _ in network.named_modules()}
    for result in model["comparison"]["results"]:
        for layer in result["layers"]:
            name, _, what = layer["name"].partition(":")
            assert name in modules
            assert what in ("", "scores", "context")


def test_every_layer_is_pruned_to_the_papers_share(model: Document) -> None:
    (result,) = [
        each
        for each in model["comparison"]["results"]
        if each["context"]["machine"]["name"] == "sigma-256"
    ]
    for layer in filter(report.is_weighted, result["layers"]):
        assert layer["sparsity"]["weights"] == pytest.approx(model["sparsity"], abs=0.005)


def sizes(layers: list[Document]) -> Counter[tuple[int, ...]]:
    found: Counter[tuple[int, ...]] = Counter()
    for layer in filter(report.is_weighted, layers):
        size = layer["sizes"]
        if layer["operation"] == "gemm":
            found[1, size["M"], size["N"], size["K"]] += 1
            continue
        groups, terms = size["groups"], size["channels"] // size["groups"]
        for each in size["kernel"]:
            terms *= each
        height, width = size["output"]
        found[groups, height * width, size["filters"] // groups, terms] += 1
    return found


@pytest.mark.parametrize("name", MODELS)
def test_the_table_of_layers_is_that_of_the_packages(name: str) -> None:
    listed: Counter[tuple[int, ...]] = Counter()
    for each in networks.layers(name):
        listed[each.groups, each.positions, each.filters, each.terms] += each.times
    assert sizes(suite_page.timed(FORMS[name]())["layers"]) == listed


def test_the_tpu_takes_the_papers_cycles(model: Document) -> None:
    assert abs(off(model, "tpu-16x16")) < 0.002


def test_the_reference_like_sparse_machine_is_the_papers_sigma(model: Document) -> None:
    assert (abs(off(model, "sigma-tree-256")) < 0.05) == (model["name"] != "VGG-16")
    assert figures(model, "sigma-256")["cycles"] < figures(model, "sigma-tree-256")["cycles"]


def test_the_papers_maeri_is_between_the_wide_tree_and_the_narrow_one(model: Document) -> None:
    assert -0.2 < off(model, "maeri-256-wide") < 0 < off(model, "maeri-256")


def test_without_overlapping_windows_a_narrow_tree_halves_the_machine(model: Document) -> None:
    (result,) = [
        each
        for each in model["comparison"]["results"]
        if each["context"]["machine"]["name"] == "maeri-256"
    ]
    apart = [layer for layer in result["layers"] if not report.overlaps(layer)]
    assert apart
    assert all(layer["utilisation"] <= 0.5 for layer in apart)


def test_the_orders_are_the_papers_on_the_machines_of_its_bars(document: Document) -> None:
    presets, bars = document["orders"]
    assert bars["same_order"] == MODELS
    assert bars["same_winner"] == MODELS
    assert presets["same_winner"] == ["AlexNet", "SqueezeNet", "ResNet-50", "VGG-16"]
    assert presets["same_order"] == ["AlexNet", "VGG-16"]


def test_the_page_says_what_is_found(document: Document) -> None:
    page = suite_page.PAGE.read_text()
    assert suite_page.in_short(document) in page
    for order in document["orders"]:
        assert suite_page.results(document, order) in page
        assert suite_page.order(order) in page


def test_the_comparison_holds_all_layers_of_all_machines(model: Document) -> None:
    totals = [result["totals"]["cycles"] for result in model["comparison"]["results"]]
    found = [each["cycles"] + each["other_cycles"] for each in model["machines"]]
    assert totals == found
    attends = [each["other_cycles"] > 0 for each in model["machines"]]
    assert attends == [model["name"] == "BERT"] * 5


def test_the_command_shows_one_model_beside_the_paper(cli: Cli) -> None:
    bars = ("--arch", "tpu-16x16,maeri-256-wide,sigma-tree-256")
    done = cli(
        "compare", "--suite", "paper", "--models", "squeezenet", *bars, "--json", "suite.json"
    )
    assert (done.code, done.err) == (0, "")
    document = json.loads(Path("suite.json").read_text())
    assert document["schema"] == "cairn.suite/1"
    (model,) = document["models"]
    assert model["comparison"]["schema"] == "cairn.comparison/1"
    for each in model["machines"]:
        assert f"{each['cycles']:,}" in done.out
    for text in ("SqueezeNet   70% tpu-16x16", "4,040,000", "what differs, and why", "on 1 of 1"):
        assert text in done.out
    assert "outputs of the model equal its own on the CPU, on every machine" in done.out


def test_outputs_that_differ_fail_the_command(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    import cairn.torch.workload as workload

    monkeypatch.setattr(workload, "_agreement", lambda *_: (False, 1.0))
    narrow = ("--models", "SqueezeNet", "--arch", "tpu-16x16")
    done = cli("compare", "--suite=paper", *narrow)
    assert done.code == 1
    assert "outputs of SqueezeNet DO NOT AGREE" in done.out
    assert cli("compare", "--suite=paper", *narrow, "--quiet").out == ""


@pytest.mark.parametrize(
    ("arguments", "code", "hint"),
    [
        (("--suite", "pape"), "E107", "did you mean 'paper'?"),
        (("--suite", "paper", "--models", "lexnet"), "E107", "did you mean 'AlexNet'?"),
        (("--suite", "paper", "--arch", "maeri-25"), "E107", "did you mean 'maeri-256'?"),
        (("--suite", "paper", "--arch", "maeri-256,maeri-256"), "E001", "each once"),
        (("--suite", "paper", "--arch", ","), "E001", "each once"),
    ],
)
def test_what_is_not_there_is_refused(
    cli: Cli, arguments: tuple[str, ...], code: str, hint: str
) -> None:
    done = cli("compare", *arguments)
    assert done.code == 2
    assert f"error[{code}]" in done.err
    assert hint in done.err


@pytest.mark.parametrize(
    ("name", "module", "remedy"),
    [
        ("AlexNet", "pytorchcv.models.alexnet", "pip install --no-deps pytorchcv"),
        ("BERT", "transformers", "pip install transformers"),
    ],
)
def test_a_missing_package_is_named(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, name: str, module: str, remedy: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    done = cli("compare", "--suite", "paper", "--models", name)
    assert done.code == 2
    assert "error[E108]" in done.err
    assert remedy in done.err
