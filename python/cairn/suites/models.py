"""The seven models of the paper, from packages that know nothing of Cairn.

Weights are the packages' random initial ones: no package brings trained ones that could be pruned
to the paper's shares. Where the paper's bars tell that it ran another form of a model than the
package builds, the package's is changed to that form, here and nowhere else.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from cairn.errors import MissingPackage, diagnostic

TOKENS, WORDS = 113, 30522


def _from(module: str, name: str) -> Any:
    """Return ``name`` of a third-party module. Raises E108, with what to install."""
    package = module.partition(".")[0]
    try:
        return getattr(importlib.import_module(module), name)
    except ImportError as error:
        options = " --no-deps" if package == "pytorchcv" else ""
        raise MissingPackage(
            [
                diagnostic(
                    "E108",
                    f"model {name}",
                    f"the package {package} cannot be imported: {error}",
                    f"pip install{options} {package}",
                )
            ]
        ) from error


def _image(side: int) -> Tensor:
    return torch.rand(1, 3, side, side)


def alexnet() -> tuple[nn.Module, Any]:
    """Build AlexNet as first published: conv2, conv4 and conv5 in two groups, 227 x 227."""
    model = _from("pytorchcv.models.alexnet", "alexnet")()
    stages = model.features
    for unit in (stages.stage2.unit1, stages.stage3.unit2, stages.stage3.unit3):
        unit.conv.groups = 2
        half = unit.conv.in_channels // 2
        unit.conv.weight = nn.Parameter(unit.conv.weight[:, :half].clone())
    return model, _image(227)


def mobilenet() -> tuple[nn.Module, Any]:
    """Build MobileNet-V1."""
    return _from("pytorchcv.models.mobilenet", "mobilenet_w1")(), _image(224)


def squeezenet() -> tuple[nn.Module, Any]:
    """Build SqueezeNet 1.0 as first published: its last convolution is padded, 227 x 227."""
    model = _from("pytorchcv.models.squeezenet", "squeezenet_v1_0")()
    model.output.final_conv.padding = (1, 1)
    model.output.final_pool.kernel_size = 15
    return model, _image(227)


def resnet50() -> tuple[nn.Module, Any]:
    """Build ResNet-50 as first published: the stride is on the first 1x1 convolution of a block."""
    return _from("pytorchcv.models.resnet", "resnet50")(), _image(224)


def vgg16() -> tuple[nn.Module, Any]:
    """Build VGG-16."""
    return _from("pytorchcv.models.vgg", "vgg16")(), _image(224)


def ssd_mobilenet() -> tuple[nn.Module, Any]:
    """Build SSD-MobileNet, the extra layers and the heads of which are Cairn's."""
    features = _from("pytorchcv.models.mobilenet", "mobilenet_w1")()
    from cairn.suites.ssd_mobilenet import SSDMobileNet  # late: it needs pytorchcv

    return SSDMobileNet(features), _image(300)


def bert() -> tuple[nn.Module, Any]:
    """Build BERT-base with its masked-language head, from its configuration."""
    configuration = _from("transformers", "BertConfig")(vocab_size=WORDS)
    model = _from("transformers", "BertForMaskedLM")(configuration)
    return model, {"input_ids": torch.randint(WORDS, (1, TOKENS))}


MODELS: dict[str, Callable[[], tuple[nn.Module, Any]]] = {
    "AlexNet": alexnet,
    "MobileNet": mobilenet,
    "SqueezeNet": squeezenet,
    "ResNet-50": resnet50,
    "VGG-16": vgg16,
    "SSD-MobileNet": ssd_mobilenet,
    "BERT": bert,
}


def build(name: str, seed: int = 1) -> tuple[nn.Module, Any]:
    """Return a model in evaluation mode, and its inputs, both drawn from the seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model, inputs = MODELS[name]()
    return model.eval(), inputs
