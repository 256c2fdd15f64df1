"""The page docs/validation/use-case-1.md: the paper's seven models (`make suite`)."""

import importlib
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch

import cairn
import cairn.torch
from cairn.suites import models, paper, report
from pages import percent, table
from suite_energy import section

PAGE = Path(__file__).resolve().parent.parent / "docs" / "validation" / "use-case-1.md"
SPREAD = 0.5
TOKENS = (112, 113, 122, 128)
VGG_ZEROS = (0.92, 0.94)
Built = tuple[torch.nn.Module, Any]


def introduction() -> str:
    return (
        "# The paper's use case 1: seven pruned models on three machines\n\n"
        "<!-- Made by tools/suite_page.py (`make suite`); edit that, not this. -->\n\n"
        "AlexNet, MobileNet, SqueezeNet, ResNet-50, VGG-16, SSD-MobileNet and BERT, pruned to the "
        "paper's shares of zeros, run with real values on machines of 256 multipliers: every "
        "output is compared with the model's own on the CPU. The paper's cycles are digitised from "
        "its bars (4,000 lost; the TPU bar of VGG-16 is cut off at 69.9 million).\n\n"
        "`cairn compare --suite paper` runs all of it in half a minute. One model on the machines "
        "of the bars:\n\n"
        "```console\n$ cairn compare --suite paper --models SqueezeNet "
        "--arch tpu-16x16,maeri-256-wide,sigma-tree-256\n```\n\n"
        "**Models** are those of pytorchcv and, for BERT, transformers, which know nothing of "
        "Cairn; the heads of SSD-MobileNet, which no package has, are written here. **Weights** "
        "are the packages' random initial ones, pruned by magnitude, tensor by tensor "
        "(`cairn.torch.prune`). Those of the paper were trained; trained ones for all seven are "
        "not at hand. What that may change is in the section on SIGMA. **Cycles** are those of "
        "the products of weights. Those of two activations, in the attention of BERT, are "
        "simulated too, but the paper's bars fit only without them.\n\n"
    )


def in_short(document: Mapping[str, Any]) -> str:
    presets, bars = document["orders"]
    near = {
        role: [
            abs(each["cycles"] / each["paper_cycles"] - 1)
            for model in document["models"]
            for each in model["machines"]
            if each["machine"] == bars["machines"][role] and not each["at_least"]
        ]
        for role in paper.ROLES
    }
    within = sorted(near["SIGMA"])
    return (
        "## In short\n\n"
        f"* TPU: the cycles of the bars, within {max(near['TPU']):.1%} on all models but VGG-16, "
        "whose bar is cut off. So shapes and machine are those of the paper.\n"
        "* SIGMA: the bars are those of the reference's sparse machine, `sigma-tree-256`: "
        f"within {within[-2]:.1%} on all models but VGG-16.\n"
        "* MAERI: the bars need a link of the tree for every multiplier, over which 128 distinct "
        "words a cycle, as the paper says, are enough: `maeri-256-wide`. Cairn's tiles then take "
        f"up to {max(near['MAERI']):.0%} fewer cycles. With the 128 links of `maeri-256`, as the "
        "public reference would be set up, no tile gets there.\n"
        "* On these machines the order of the three is the paper's on "
        f"{len(bars['same_order'])} of {len(bars['fastest_first'])} models. On the presets "
        f"`maeri-256` and `sigma-256` it is on {len(presets['same_order'])}, and the winner on "
        f"{len(presets['same_winner'])}: this MAERI waits for inputs, and SIGMA's own networks are "
        "faster than the tree.\n"
        f"* The {report.agreement(document)}.\n\n"
    )


def results(document: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    names = found["machines"]
    header = ["model", "zeros"]
    for role in paper.ROLES:
        header += [f"`{names[role]}`", "paper", "difference", "utilisation: dense, effective"]
    body = []
    for model in document["models"]:
        figures = {each["machine"]: each for each in model["machines"]}
        row = [model["name"], f"{model['sparsity']:.0%}"]
        for role in paper.ROLES:
            each = figures[names[role]]
            least = "at least " * each["at_least"]
            row += [
                f"{each['cycles']:,}",
                f"{least}{each['paper_cycles']:,}",
                "" if each["at_least"] else percent(each["cycles"], each["paper_cycles"]),
                f"{each['utilisation']:.2f}, {each['effective_utilisation']:.2f}",
            ]
        body.append(row)
    return table(header, body) + "\n"


def order(found: Mapping[str, Any]) -> str:
    names = found["machines"]
    body = []
    for name, roles in found["fastest_first"].items():
        same = "yes" if name in found["same_order"] else "no"
        bars = sorted(paper.ROLES, key=paper.PAPER[name]["cycles"].__getitem__)
        here = " < ".join(f"`{names[role]}`" for role in roles)
        body.append([name, here, " < ".join(bars), same])
    return table(["model", "cycles here", "paper", "same order"], body) + "\n"


def timed(built: Built, sparsity: float | None = None, arch: str = "tpu-16x16") -> dict[str, Any]:
    """Simulate a model; return its result document."""
    model, inputs = built
    return cairn.torch.Workload(model, inputs, sparsity=sparsity).run(arch).result


def weighted(result: Mapping[str, Any], key: str = "cycles") -> int:
    """Add up the layers that have weights."""
    return sum(layer[key] for layer in result["layers"] if report.is_weighted(layer))


def package(module: str, name: str, side: int = 224) -> Built:
    """Build a model as its package does."""
    make = getattr(importlib.import_module(f"pytorchcv.models.{module}"), name)
    return make().eval(), torch.rand(1, 3, side, side)


def bert(tokens: int, head: bool = True) -> Built:
    """Build BERT-base for so many tokens, with or without its masked-language head."""
    model, _ = models.build("BERT")
    return model if head else model.bert, {"input_ids": torch.zeros(1, tokens, dtype=torch.int64)}


def forms() -> Iterator[tuple[str, str, Callable[[], Built]]]:
    """Yield forms of the models that the paper may have run; the last is the suite's."""
    yield "AlexNet", "pytorchcv `alexnetb`, 224", lambda: package("alexnet", "alexnetb")
    yield "AlexNet", "pytorchcv `alexnet`, 227", lambda: package("alexnet", "alexnet", 227)
    yield "AlexNet", "in two groups", lambda: models.build("AlexNet")
    yield "SqueezeNet", "pytorchcv, 224", lambda: package("squeezenet", "squeezenet_v1_0")
    yield "SqueezeNet", "227", lambda: package("squeezenet", "squeezenet_v1_0", 227)
    yield "SqueezeNet", "last convolution padded", lambda: models.build("SqueezeNet")
    yield "ResNet-50", "strides on 3x3: `resnet50b`", lambda: package("resnet", "resnet50b")
    yield "ResNet-50", "strides on 1x1: `resnet50`", lambda: package("resnet", "resnet50")
    yield "BERT", "12 encoders, 128 tokens", lambda: bert(128, head=False)
    for tokens in TOKENS:
        yield "BERT", f"masked-language head, {tokens} tokens", partial(bert, tokens)


def shapes() -> str:
    body, attention = [], {}
    for name, form, build in forms():
        result = timed(build())
        cycles, work = weighted(result), weighted(result, "multiplications")
        bars = paper.PAPER[name]["cycles"]
        least = -(-work // 256)
        fits = "" if least <= bars["MAERI"] else ": not in the MAERI bar"
        attention[form] = result["totals"]["cycles"]
        numbers = [f"{cycles:,}", percent(cycles, bars["TPU"]), f"{least:,}{fits}"]
        body.append([name, form, *numbers])
    own = attention[f"masked-language head, {models.TOKENS} tokens"]
    header = ["model", "form", "`tpu-16x16`", "from the bar", "multiplications / 256"]
    return (
        "## Shapes: what the TPU bars say\n\n"
        "An output-stationary array takes a number of cycles that shapes alone decide, so its bars "
        "tell which form of a model ran. They are the first published ones:\n\n"
        + table(header, body)
        + "\nBERT is inferred most. Its length is not printed. A head and 113 to 122 tokens give "
        "the TPU bar, longer inputs are more work than 256 multipliers can do in the MAERI bar. "
        f"With the products of activations it would be {own:,} "
        f"({percent(own, paper.PAPER['BERT']['cycles']['TPU'])}). The suite takes 113 tokens.\n\n"
        "128 words a cycle make no difference here: 16 rows and 16 columns take 32.\n\n"
    )


def operation(layer: Mapping[str, Any]) -> cairn.Conv | cairn.Gemm:
    """Return the operation of a layer of a result document."""
    sizes = {key: value for key, value in layer["sizes"].items() if key != "output"}
    if layer["operation"] == "conv":
        return cairn.Conv(**sizes)
    return cairn.Gemm(*(sizes[key] for key in ("M", "N", "K", "batch")))


def links(document: Mapping[str, Any]) -> str:
    narrow, wide = (
        next(i for i, each in enumerate(document["models"][0]["machines"]) if each["machine"] == n)
        for n in ("maeri-256", "maeri-256-wide")
    )
    session = cairn.Session(cairn.load_machine("maeri-256"))
    body, searched = [], {}
    for model in document["models"]:
        layers = model["comparison"]["results"][narrow]["layers"]
        apart = [each for each in layers if report.is_weighted(each) and not report.overlaps(each)]
        for layer in apart:
            key = str(layer["sizes"])
            if key not in searched:
                searched[key] = session.map(operation(layer))["candidates"]["complete"]
        work = weighted({"layers": layers}, "multiplications")
        share = sum(each["multiplications"] for each in apart) / work
        cycles = [model["machines"][at]["cycles"] for at in (narrow, wide)]
        bar = model["machines"][wide]["paper_cycles"]
        body.append(
            [
                model["name"],
                f"{share:.0%}",
                f"{max(each['utilisation'] for each in apart):.1%}",
                *(f"{each:,}" for each in (cycles[0], bar, cycles[1], -(-work // 256))),
                f"{work / 256 / bar:.0%}",
            ]
        )
    header = ["model", "work without overlap", "used at most", "`maeri-256`", "paper"]
    header += ["`maeri-256-wide`", "multiplications / 256", "paper's utilisation"]
    return (
        "## Links: what the MAERI bars say\n\n"
        "256 multipliers, 128 words a cycle. Set up with that bandwidth, the public reference's "
        "tree has 128 links, one for each two multipliers. Neighbours in a virtual neuron take "
        "different inputs. Where windows overlap, most inputs come from the neighbour; where they "
        "do not (1x1 and linear layers), a step takes two cycles, and half of the multipliers "
        f"wait. There are {len(searched)} such layers of different sizes; the mapper has ruled out "
        f"every tile but its own on {sum(searched.values())} of them. The paper's bars are above "
        "that, with nearly all multipliers at work. 128 words a cycle are enough for it if the "
        "tree can hand each of them to several filters, over a link for every multiplier:\n\n"
        + table(header, body)
        + "\n`maeri-256-wide` is `maeri-256` with `distribution.bandwidth = 256` and "
        "`memory.words_per_cycle = 128`, distinct words of inputs. What is left must be the tiles: "
        "the paper does not print its own, and Cairn's mapper finds better ones, most of all on "
        "AlexNet and MobileNet. On VGG-16, the channels and filters of which are powers of two, "
        "there is nothing to gain.\n\n"
    )


def spread(built: Built, sigma: float) -> Built:
    """Scale each filter by a log-normal factor, so that pruning leaves them unlike."""
    model, inputs = built
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(1)
        for module in model.modules():
            if isinstance(module, torch.nn.Conv2d | torch.nn.Linear):
                weight = module.weight
                factors = torch.exp(sigma * torch.randn(len(weight)))
                weight.mul_(factors.view(-1, *(1,) * (weight.ndim - 1)))
    return model, inputs


def zeros(document: Mapping[str, Any]) -> str:
    body = []
    for model in document["models"]:
        name, figures = model["name"], {each["machine"]: each for each in model["machines"]}
        bar = figures["sigma-tree-256"]["paper_cycles"]
        uneven = timed(spread(models.build(name), SPREAD), model["sparsity"], "sigma-tree-256")
        cycles = [
            figures["sigma-tree-256"]["cycles"],
            weighted(uneven),
            figures["sigma-256"]["cycles"],
        ]
        body.append([name, f"{bar:,}", *(f"{n:,} ({percent(n, bar)})" for n in cycles)])
    sparser = " and ".join(
        f"{weighted(timed(models.build('VGG-16'), share, 'sigma-tree-256')):,} at {share:.0%}"
        for share in VGG_ZEROS
    )
    header = ["model", "paper", "`sigma-tree-256`", "the same, filters unlike", "`sigma-256`"]
    return (
        "## Patterns: what the SIGMA bars say\n\n"
        "`sigma-tree-256` is the public reference's sparse machine: two multipliers share a link, "
        "neighbouring sums share result lines. `sigma-256` has the Benes network and the adders of "
        "the SIGMA paper, which do neither; it is faster on all models, so that it also beats "
        "MAERI or the TPU where the paper's SIGMA does not (MobileNet, SSD-MobileNet, BERT). "
        "Random weights leave filters that are nearly alike; *unlike*: each filter's weights are "
        f"scaled by a log-normal factor first (standard deviation of the logarithm {SPREAD}), as "
        "on the page of the sparse machines:\n\n"
        + table(header, body)
        + "\nThe bars fit filters that are alike, as those of random weights. VGG-16 stays apart: "
        f"90 % zeros in every layer take more than its bar; `sigma-tree-256` takes {sparser}. The "
        "paper does not say how its zeros are spread over the layers.\n\n"
    )


def page(document: Mapping[str, Any]) -> str:
    presets, bars = document["orders"]
    return (
        introduction()
        + in_short(document)
        + "## The machines of the bars\n\n"
        + results(document, bars)
        + order(bars)
        + "## The presets\n\nMAERI with 128 links, SIGMA with its own networks:\n\n"
        + results(document, presets)
        + order(presets)
        + section(document)
        + shapes()
        + links(document)
        + zeros(document)
    ).rstrip() + "\n"


def main() -> int:
    begin = time.perf_counter()
    machines = [cairn.load_machine(name) for name in paper.ARCHS.split(",")]
    PAGE.write_text(page(paper.run(machines)))
    print(f"wrote docs/validation/{PAGE.name}; {time.perf_counter() - begin:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
