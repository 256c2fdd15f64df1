"""Models on a machine that leaves sums early: their values and what is told of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Cli
from models import array, model, node

import cairn
import cairn.onnx
from cairn import summary

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
BASELINE, STOPS = "snapea-baseline-64", "snapea-64"


def network(variance: float = 1.0) -> Any:
    """Two convolutions with batch normalisation, some scales of it negative, and a ReLU each."""
    weights = {
        "w1": array(12, 3, 3, 3, seed=1),
        "b1": array(12, seed=2),
        "w2": array(20, 12, 3, 3, seed=3) - np.float32(0.1),
        "w3": array(20, 7, seed=4),
        "b3": array(7, seed=5),
    }
    nodes = []
    for at, source, filters in ((1, "x", 12), (2, "y1", 20)):
        names = [f"{part}{at}" for part in ("gamma", "beta", "mean", "variance")]
        drawn = [array(filters, seed=10 * at + k) for k in range(4)]
        drawn[3] = np.abs(drawn[3]) * np.float32(variance) + np.float32(0.1)
        weights |= dict(zip(names, drawn, strict=True))
        bias = " b1" if at == 1 else ""
        nodes += [
            node("Conv", f"{source} w{at}{bias}", f"c{at}", pads=[1, 1, 1, 1]),
            node("BatchNormalization", f"c{at} {' '.join(names)}", f"n{at}"),
            node("Relu", f"n{at}", f"y{at}"),
        ]
    nodes += [
        node("GlobalAveragePool", "y2", "p"),
        node("Flatten", "p", "f"),
        node("Gemm", "f w3 b3", "g"),
        node("Relu", "g", "y"),
    ]
    return model(nodes, {"x": (1, 3, 9, 8)}, ["y", "y2"], weights)


@pytest.mark.parametrize("evaluator", ["flow", "step"])
@pytest.mark.parametrize("changes", [[], [("memory.order", "magnitude")]])
def test_outputs_are_exact_and_cycles_fewer(evaluator: str, changes: list[Any]) -> None:
    workload = cairn.onnx.Workload(network(), {"x": np.abs(array(1, 3, 9, 8))})
    base = workload.run(cairn.load_machine(BASELINE), evaluator)
    run = workload.run(cairn.load_machine(STOPS, changes), evaluator)
    assert base.agrees and run.agrees
    assert np.array_equal(run.outputs["y2"] == 0, run.native_outputs["y2"] == 0)
    assert run.result["totals"]["cycles"] < base.result["totals"]["cycles"]
    stops = [layer["early_stop"] for layer in run.result["layers"]]
    assert [each["checked"] for each in stops] == [True, True, True]
    assert sum(each["outputs_stopped"] for each in stops) > 0
    assert not any("early_stop" in layer for layer in base.result["layers"])


def test_both_evaluators_count_the_same() -> None:
    workload = cairn.onnx.Workload(network(), {"x": array(1, 3, 9, 8)})
    flow, step = (workload.run(cairn.load_machine(STOPS), each).result for each in ("flow", "step"))
    for a, b in zip(flow["layers"], step["layers"], strict=True):
        assert (a["cycles"], a["counters"]) == (b["cycles"], b["counters"])
        assert a["early_stop"] == b["early_stop"]


def test_the_networks_input_counts_by_its_values_and_that_is_told() -> None:
    for x, checked in ((np.abs(array(1, 3, 9, 8)), True), (array(1, 3, 9, 8), False)):
        workload = cairn.onnx.Workload(network(), {"x": x})
        run = workload.run(cairn.load_machine(STOPS))
        assert run.result["layers"][0]["early_stop"]["checked"] == checked
        assert any("no negative value" in note for note in run.notes) == checked
        assert workload.run(cairn.load_machine(BASELINE)).notes == []


def test_other_machines_take_no_notice() -> None:
    from cairn.onnx import runner

    proto, x = network(), {"x": np.abs(array(1, 3, 9, 8))}
    machine = cairn.load_machine("maeri-64")
    run = runner.Workload(proto, x).run(machine)
    session = cairn.Session(machine)
    for layer in run.result["layers"]:
        sizes = layer["sizes"]
        if layer["operation"] == "gemm":
            session.run("", cairn.Gemm(sizes["M"], sizes["N"], sizes["K"]))
            assert session.layers[-1]["cycles"] == layer["cycles"]
    assert run.agrees


def test_the_summary_says_what_was_left_out(cli: Cli) -> None:
    target = f"{EXAMPLES / 'small-net.onnx'}"
    outcome = cli("run", target, "--arch", STOPS, "--json", "out.json")
    assert outcome.code == 0, outcome.err
    assert "left early: " in outcome.out
    result = json.loads(Path("out.json").read_text())
    stopped = sum(layer["early_stop"]["outputs_stopped"] for layer in result["layers"])
    (line,) = [each for each in summary.lines(result) if each.startswith("left early")]
    assert line.startswith(f"left early: {stopped:,} sums that a ReLU makes 0, in 1 of 5 layers")
    plain = cli("run", "gemm", "--M", 8, "--N", 8, "--K", 8, "--arch", STOPS)
    assert "no sum was left early" in plain.out
    assert "left early" not in cli("run", target).out


def test_predictions_may_be_off_and_say_so(cli: Cli) -> None:
    target = f"{EXAMPLES / 'small-net.onnx'}"
    predicting = ["--arch", STOPS, "--set", "memory.prefix=2", "--set", "memory.threshold=2000"]
    outcome = cli("run", target, *predicting, "--json", "out.json")
    assert outcome.code == 0, outcome.err
    assert "values are off, as this machine predicts signs" in outcome.out
    assert "would have been positive" in outcome.out
    result = json.loads(Path("out.json").read_text())
    assert result["context"]["outputs_agree"] is False
    assert sum(layer["early_stop"].get("wrong_zeros", 0) for layer in result["layers"]) > 0


def test_a_capture_stops_as_the_model_does(cli: Cli) -> None:
    pytest.importorskip("safetensors")
    target = f"{EXAMPLES / 'small-net.onnx'}"
    assert cli("capture", target, "-o", "work.safetensors").code == 0
    for file, out in ((target, "model.json"), ("work.safetensors", "capture.json")):
        outcome = cli("run", file, "--arch", STOPS, "--json", out)
        assert outcome.code == 0, outcome.err
    whole, kept = (json.loads(Path(f"{each}.json").read_text()) for each in ("model", "capture"))
    for a, b in zip(whole["layers"], kept["layers"], strict=True):
        assert (a["cycles"], a["early_stop"]) == (b["cycles"], b["early_stop"])


def test_a_pytorch_model_stops_in_a_context_as_the_same_one_by_onnx() -> None:
    torch = pytest.importorskip("torch")
    from cairn import torch as cairn_torch

    torch.manual_seed(0)
    layers = [torch.nn.Conv2d(3, 16, 3), torch.nn.BatchNorm2d(16), torch.nn.ReLU()]
    network = torch.nn.Sequential(*layers, torch.nn.Conv2d(16, 16, 3), torch.nn.ReLU6()).eval()
    x = torch.rand(1, 3, 12, 12)
    with torch.no_grad(), cairn_torch.simulate(arch=STOPS) as run:
        out = network(x)
    assert torch.allclose(out, network(x), atol=1e-5)
    assert [layer["early_stop"]["checked"] for layer in run.layers] == [True, True]
    assert any("no negative value" in note for note in run.result["notes"])
    names = [f"p{at}" for at in range(2)]
    weights = {
        "w0": network[0].weight,
        "b0": network[0].bias,
        "w1": network[3].weight,
        "b1": network[3].bias,
        "gamma": network[1].weight,
        "beta": network[1].bias,
        "mean": network[1].running_mean,
        "variance": network[1].running_var,
    }
    arrays = {name: each.detach().numpy() for name, each in weights.items()}
    arrays |= {"zero": np.float32(0), "six": np.float32(6)}
    proto = model(
        [
            node("Conv", "x w0 b0", names[0]),
            node("BatchNormalization", f"{names[0]} gamma beta mean variance", "n"),
            node("Relu", "n", "r"),
            node("Conv", "r w1 b1", names[1]),
            node("Clip", f"{names[1]} zero six", "y"),
        ],
        {"x": x.shape},
        ["y"],
        arrays,
    )
    other = cairn.onnx.run(proto, {"x": x.numpy()}, arch=STOPS).result["layers"]
    assert [layer["cycles"] for layer in run.layers] == [layer["cycles"] for layer in other]
