"""A fully convolutional network of plain 3 x 3 convolutions, what the enhancement papers measure SFIN against."""

import torch
from torch import nn

from stembench.networks.base import Network

# SFIN's 8 residual blocks hold 2 interaction blocks each.
_LAYERS = 16


class FCN(Network):
    """Convolutions, batch norms and ReLUs in one row, without pooling or skips.

    The SFIN paper (Li et al., CVPR 2025, arXiv 2504.02555, table 1) names an FCN, but neither it nor its code says what
    that is, and no parameter count is printed. The definition is ours: SFIN's first and last convolution and 64
    channels, and a plain layer wherever SFIN has a spatial-frequency interaction block. A difference between the two is
    then that of the blocks. The count follows by hand: 640 + 16 * (36 928 + 128) + 577.

    Parameters
    ----------
    width : float
        Channels as a fraction of 64.
    """

    source = "named in Li et al. (2025), arXiv 2504.02555; defined here"
    published_parameters = 594_113
    tasks = ("denoise_background", "denoise", "superresolve", "localise")
    normalisation = "grey_levels"

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        channels = max(1, round(width * 64))
        self.head = nn.Conv2d(1, channels, 3, padding=1)
        self.body = nn.Sequential(*(_layer(channels) for _ in range(_LAYERS)))
        self.tail = nn.Conv2d(channels, 1, 3, padding=1)

    def start_from(self, mean: float) -> None:
        """Let the untrained output be about 255 times `mean`.

        The last weights are scaled by as much: as drawn, they span less than one grey level, and at the published
        learning rate training would spend its first hundreds of steps on their growth.
        """
        nn.init.constant_(self.tail.get_parameter("bias"), 255 * mean)
        with torch.no_grad():
            self.tail.weight.mul_(255 * mean)

    def compute(self, image: torch.Tensor) -> torch.Tensor:
        """Map (batch, 1, y, x) on the scale 0-255 to the same shape and scale, unbounded."""
        return self.tail(self.body(self.head(image)))


def _layer(channels: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels), nn.ReLU())


NETWORK = FCN
