"""A small PyTorch model for the command line: `cairn run examples/small_net.py:example`."""

import torch
from torch import nn


def example() -> tuple[nn.Module, torch.Tensor]:
    """Return a classifier of 32 x 32 images with random weights, and two images."""
    model = nn.Sequential(
        nn.Conv2d(3, 16, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 16, 3, padding=1, groups=16),
        nn.Conv2d(16, 32, 1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(4),
        nn.Flatten(),
        nn.Linear(512, 10),
    )
    return model, torch.rand(2, 3, 32, 32)
