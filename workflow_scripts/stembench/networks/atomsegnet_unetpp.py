"""AtomSegNet's first generation, a U-Net++: Lin et al., Sci. Rep. 11, 5386 (2021), doi 10.1038/s41598-021-84499-w."""

import math

import torch
from torch import nn
from torch.nn import functional

from stembench.datasets.labels import TASK_LABELS
from stembench.networks._convolutions import convolved_twice
from stembench.networks.base import Network, in_single_precision

_CHANNELS = (32, 64, 128, 256, 512)


class AtomSegNetUNetPlusPlus(Network):
    """Nested U-Net of five levels with dense skip connections and a tanh output.

    The structure is U-Net++'s (Zhou et al., arXiv 1807.10165, equation 1, without deep supervision): map (level, step)
    is made from all earlier maps of its level and the enlarged map (level + 1, step - 1). It follows the authors' code,
    for the paper does not print it: maps are enlarged by repeating pixels, and the output is a 1 x 1 convolution.

    Parameters
    ----------
    width : float
        Channels as a fraction of the published 32 to 512.
    """

    source = "Lin et al. (2021), doi 10.1038/s41598-021-84499-w, first generation"
    published_parameters = 9_162_753
    tasks = tuple(TASK_LABELS)
    divisor = 16
    # The authors apply it with the batch norms of the image at hand, which takes scale and offset out of each image.
    normalisation = "standardise"

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        channels = [max(1, round(width * published)) for published in _CHANNELS]
        self.nodes = nn.ModuleDict()
        for level, step in _nodes():
            if step:
                channels_in = step * channels[level] + channels[level + 1]
            else:
                channels_in = channels[level - 1] if level else 1
            self.nodes[f"{level}_{step}"] = convolved_twice(channels_in, channels[level])
        self.output = nn.Conv2d(channels[0], 1, 1)

    def start_from(self, mean: float) -> None:
        """Let the untrained output be about `mean`.

        The last weights are scaled by it too: as drawn, they alone put the output some 0.2 away from 0.
        """
        nn.init.constant_(self.output.get_parameter("bias"), math.atanh(mean))
        with torch.no_grad():
            self.output.weight.mul_(mean)

    def compute(self, image: torch.Tensor) -> torch.Tensor:
        """Map (batch, 1, y, x) to values between -1 and 1 of the same shape."""
        maps: list[list[torch.Tensor]] = [[] for _ in _CHANNELS]
        for level, step in _nodes():
            if step:
                deep = functional.interpolate(maps[level + 1][step - 1], scale_factor=2, mode="nearest")
                seen = torch.cat([*maps[level], deep], dim=1)
            else:
                seen = functional.max_pool2d(maps[level - 1][0], 2) if level else image
            maps[level].append(self.nodes[f"{level}_{step}"](seen))
        return torch.tanh(in_single_precision(self.output, maps[0][-1]))


def _nodes() -> list[tuple[int, int]]:
    """Levels and steps of the maps, in the order of the authors' stored weights."""
    levels = len(_CHANNELS)
    return [(level, step) for step in range(levels) for level in range(levels - step)]


NETWORK = AtomSegNetUNetPlusPlus
