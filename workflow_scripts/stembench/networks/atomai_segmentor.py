"""AtomAI's Segmentor: Ziatdinov et al., Nat. Mach. Intell. 4, 1101 (2022), doi 10.1038/s42256-022-00555-8."""

import math

import torch
from torch import nn
from torch.nn import functional

from stembench.networks.base import Network, in_single_precision


class AtomAISegmentor(Network):
    """Three-level U-Net that normalises after its leaky activations, with a sigmoid output.

    It is the default model of AtomAI 0.8.1. There the network ends in logits and `predict` takes their sigmoid.

    Parameters
    ----------
    width : float
        Channels as a fraction of the published 16, 32, 64 and 128.
    """

    source = "Ziatdinov et al. (2022), doi 10.1038/s42256-022-00555-8, AtomAI 0.8.1"
    published_parameters = 594_033
    tasks = ("segment", "localise")
    divisor = 8
    normalisation = "none"
    sigmoid = True

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        first, second, third, bottom = (max(1, round(width * channels)) for channels in (16, 32, 64, 128))
        self.encoder1 = _convolutions(1, first, 1)
        self.encoder2 = _convolutions(first, second, 2)
        self.encoder3 = _convolutions(second, third, 2)
        self.bottom = _convolutions(third, bottom, 3)
        self.up3 = nn.Conv2d(bottom, third, 1)
        self.decoder3 = _convolutions(2 * third, third, 2)
        self.up2 = nn.Conv2d(third, second, 1)
        self.decoder2 = _convolutions(2 * second, second, 2)
        self.up1 = nn.Conv2d(second, first, 1)
        self.decoder1 = _convolutions(2 * first, first, 1)
        self.output = nn.Conv2d(first, 1, 1)

    def start_from(self, mean: float) -> None:
        """Let the untrained output be about `mean`: the bias before the sigmoid becomes its logit."""
        nn.init.constant_(self.output.get_parameter("bias"), math.log(mean / (1 - mean)))

    def compute(self, image: torch.Tensor) -> torch.Tensor:
        """Map (batch, 1, y, x) to logits of the same shape."""
        level1 = self.encoder1(image)
        level2 = self.encoder2(functional.max_pool2d(level1, 2))
        level3 = self.encoder3(functional.max_pool2d(level2, 2))
        bottom = self.bottom(functional.max_pool2d(level3, 2))
        level3 = self.decoder3(_joined(level3, self.up3, bottom))
        level2 = self.decoder2(_joined(level2, self.up2, level3))
        level1 = self.decoder1(_joined(level1, self.up1, level2))
        return in_single_precision(self.output, level1)


def _joined(skip: torch.Tensor, convolution: nn.Conv2d, deep: torch.Tensor) -> torch.Tensor:
    """The skip connection, and bilinear x2 with a 1 x 1 convolution of the deeper map."""
    deep = functional.interpolate(deep, scale_factor=2, mode="bilinear", align_corners=False)
    return torch.cat([skip, convolution(deep)], dim=1)


def _convolutions(channels_in: int, channels_out: int, layers: int) -> nn.Sequential:
    modules: list[nn.Module] = []
    for layer in range(layers):
        modules += [
            nn.Conv2d(channels_out if layer else channels_in, channels_out, 3, padding=1),
            nn.LeakyReLU(0.01),
            nn.BatchNorm2d(channels_out),
        ]
    return nn.Sequential(*modules)


NETWORK = AtomAISegmentor
