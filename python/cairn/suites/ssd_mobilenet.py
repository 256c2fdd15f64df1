"""SSD on MobileNet-V1 for 300 x 300 images and 91 classes, which no package carries.

The features are those of pytorchcv's ``mobilenet_w1``, at 19 x 19 (512 channels) and 10 x 10
(1024). Four extra layers lead to 5 x 5, 3 x 3, 2 x 2 and 1 x 1; on each of the six maps a 1x1
convolution finds boxes and another one classes, for three anchors a place on the first map and six
on the others: 1,917 in all. Sizes are those of the public SSD-MobileNet-V1.
"""

from __future__ import annotations

import torch
from pytorchcv.models.common.conv import conv1x1_block, conv3x3_block
from torch import Tensor, nn

_CLASSES, _CORNERS = 91, 4
_ANCHORS = (3, 6, 6, 6, 6, 6)
_EXTRAS = ((256, 512), (128, 256), (128, 256), (64, 128))
_MAPS = ("stage4", "stage5")  # of the features, that boxes are found on


class SSDMobileNet(nn.Module):
    """Boxes and classes from the features of a MobileNet."""

    def __init__(self, mobilenet: nn.Module) -> None:
        """Take over the features of ``mobilenet``."""
        super().__init__()
        self.features = mobilenet.features
        del self.features.final_pool
        self.extras = nn.ModuleList()
        channels = [512, 1024]
        for squeezed, widened in _EXTRAS:
            squeeze = conv1x1_block(in_channels=channels[-1], out_channels=squeezed)
            widen = conv3x3_block(in_channels=squeezed, out_channels=widened, stride=2)
            self.extras.append(nn.Sequential(squeeze, widen))
            channels.append(widened)
        sizes = list(zip(channels, _ANCHORS, strict=True))
        self.boxes = nn.ModuleList(nn.Conv2d(c, _CORNERS * anchors, 1) for c, anchors in sizes)
        self.classes = nn.ModuleList(nn.Conv2d(c, _CLASSES * anchors, 1) for c, anchors in sizes)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return boxes (batch, anchors, 4) and scores (batch, anchors, 91)."""
        maps = []
        for name, stage in self.features.named_children():
            x = stage(x)
            if name in _MAPS:
                maps.append(x)
        for extra in self.extras:
            maps.append(extra(maps[-1]))
        return _found(self.boxes, maps, _CORNERS), _found(self.classes, maps, _CLASSES)


def _found(heads: nn.ModuleList, maps: list[Tensor], each: int) -> Tensor:
    """Return what the heads say of every anchor of every map, one anchor after the other."""
    found = [head(x).permute(0, 2, 3, 1) for head, x in zip(heads, maps, strict=True)]
    return torch.cat([x.reshape(x.shape[0], -1, each) for x in found], 1)
