"""A U-Net that takes away noise alone: what it makes is the image plus a correction."""

from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional

from stembench.networks.base import Compare, Network, in_single_precision

_BLOCK_PX = 2  # edge of the squares of pixels that are seen as one with several channels


class ResidualUNet(Network):
    """Three-level U-Net of residual blocks on squares of 2 x 2 pixels, whose output is added to the image.

    Residual blocks without norms between strided convolutions are those of DRUNet, pixels that become channels those of
    FFDNet, and the skip around all is DnCNN's (Zhang et al., doi 10.1109/TPAMI.2021.3088914, 10.1109/TIP.2018.2839891
    and 10.1109/TIP.2017.2662206). Sizes are ours: one block on each way through the first two levels, two blocks in the
    third. Atomic columns are many pixels wide, so the first level can do with a quarter of the pixels.

    An untrained network gives back the image. Its output has the image's black level and gain, whatever the label's.

    Parameters
    ----------
    width : float
        Channels as a fraction of 64, 128 and 192.
    """

    source = "after Zhang et al. (2017, 2018, 2021); defined here"
    published_parameters = 2_333_252
    tasks = ("denoise",)
    divisor = 8
    note = "output on the image's scale"

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        channels = [max(1, round(width * full)) for full in (64, 128, 192)]
        ways = list(pairwise(channels))
        self.head = nn.Conv2d(_BLOCK_PX**2, channels[0], 3, padding=1)
        self.encoders = nn.ModuleList(_Residual(own) for own in channels[:-1])
        self.down = nn.ModuleList(nn.Conv2d(*way, 2, stride=2) for way in ways)
        self.bottom = nn.Sequential(_Residual(channels[-1]), _Residual(channels[-1]))
        self.up = nn.ModuleList(nn.ConvTranspose2d(below, own, 2, stride=2) for own, below in ways)
        self.decoders = nn.ModuleList(_Residual(own) for own in channels[:-1])
        self.tail = _silent(nn.Conv2d(channels[0], _BLOCK_PX**2, 3, padding=1))

    def compute(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Map (batch, 1, y, x) to the same without noise, beside the image itself."""
        features, passed = self.head(functional.pixel_unshuffle(image, _BLOCK_PX)), []
        for encoder, down in zip(self.encoders, self.down):
            passed.append(encoder(features))
            features = down(passed[-1])
        features = self.bottom(features)
        for decoder, up in zip(reversed(self.decoders), reversed(self.up)):
            features = decoder(up(features) + passed.pop())
        return image + functional.pixel_shuffle(in_single_precision(self.tail, features), _BLOCK_PX), image

    def loss(self, output: tuple[torch.Tensor, torch.Tensor], target: torch.Tensor, compare: Compare) -> torch.Tensor:
        """Compare with the target on the image's scale, by the gain and offset that bring it nearest to the image.

        The noise of an image decides its darkest and brightest pixel, so nobody can tell the black level and gain of
        its label.
        """
        made, image = output
        level, seen = _levelled(image.float())
        _, wanted = _levelled(target)
        gain = _mean(wanted * seen) / _mean(wanted**2).clamp(min=1e-9)
        return compare(made, gain * wanted + level)

    def map_of(self, output: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
        """The image without noise."""
        return output[0]


def _mean(images: torch.Tensor) -> torch.Tensor:
    """Of each image of a batch, shape (batch, 1, 1, 1)."""
    return images.mean(dim=(1, 2, 3), keepdim=True)


def _levelled(images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The mean of each image, and the image less it."""
    mean = _mean(images)
    return mean, images - mean


class _Residual(nn.Module):
    """Two 3 x 3 convolutions with a ReLU between them, whose result is added; nothing, at first."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = _silent(nn.Conv2d(channels, channels, 3, padding=1))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return features + self.second(functional.relu(self.first(features)))


def _silent(convolution: nn.Conv2d) -> nn.Conv2d:
    """A convolution that gives zeros before it has learned anything."""
    nn.init.zeros_(convolution.weight)
    nn.init.zeros_(convolution.get_parameter("bias"))
    return convolution


NETWORK = ResidualUNet
