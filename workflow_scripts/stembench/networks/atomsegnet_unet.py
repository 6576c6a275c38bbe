"""AtomSegNet's U-Net: Lin et al., Sci. Rep. 11, 5386 (2021), doi 10.1038/s41598-021-84499-w."""

import math

import torch
from torch import nn
from torch.nn import functional

from stembench.datasets.labels import TASK_LABELS
from stembench.networks._convolutions import convolved_twice
from stembench.networks.base import Network, in_single_precision


class AtomSegNetUNet(Network):
    """Two-level U-Net with batch normalisation around every concatenation and a sigmoid output.

    Parameters
    ----------
    width : float
        Channels as a fraction of the published 64, 128 and 256.
    """

    source = "Lin et al. (2021), doi 10.1038/s41598-021-84499-w"
    published_parameters = 1_742_533
    unused_parameters = 2  # scale and shift of a second output norm, which the authors' forward pass never reaches
    tasks = tuple(TASK_LABELS)
    divisor = 4
    normalisation = "standardise"
    sigmoid = True

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        low, middle, high = (max(1, round(width * channels)) for channels in (64, 128, 256))
        self.encoder1 = convolved_twice(1, low)
        self.encoder2 = convolved_twice(low, middle)
        self.bottom = convolved_twice(middle, high)
        self.up2 = _UpAndJoin(high, middle)
        self.decoder2 = convolved_twice(2 * middle, middle)
        self.up1 = _UpAndJoin(middle, low)
        self.decoder1 = convolved_twice(2 * low, low)
        self.output = nn.Conv2d(low, 1, 1)
        self.output_norm = nn.BatchNorm2d(1)

    def start_from(self, mean: float) -> None:
        """Let the untrained output be about `mean`, so that training need not first unlearn a grey background.

        The bias before the sigmoid becomes the logit of the targets' mean (Lin et al., focal loss, arXiv 1708.02002,
        section 3.3).
        """
        nn.init.constant_(self.output_norm.get_parameter("bias"), math.log(mean / (1 - mean)))

    def compute(self, image: torch.Tensor) -> torch.Tensor:
        """Map (batch, 1, y, x) to logits of the same shape."""
        level1 = self.encoder1(image)
        level2 = self.encoder2(functional.max_pool2d(level1, 2))
        bottom = self.bottom(functional.max_pool2d(level2, 2))
        level2 = self.decoder2(self.up2(bottom, level2))
        level1 = self.decoder1(self.up1(level2, level1))
        return in_single_precision(self._last, level1)

    def _last(self, features: torch.Tensor) -> torch.Tensor:
        return self.output_norm(functional.relu(self.output(features)))


class _UpAndJoin(nn.Module):
    """Bilinear x2, 1 x 1 convolution, norm; then the skip connection is joined and all is normalised again."""

    def __init__(self, channels: int, skip_channels: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(channels, skip_channels, 1)
        self.norm = nn.BatchNorm2d(skip_channels)
        self.joined_norm = nn.BatchNorm2d(2 * skip_channels)

    def forward(self, deep: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
        deep = functional.interpolate(deep, scale_factor=2, mode="bilinear", align_corners=True)
        return self.joined_norm(torch.cat([skip, self.norm(self.convolution(deep))], dim=1))


NETWORK = AtomSegNetUNet
