"""AtomID-Net: Lin et al., Small Sci. 3, 2300031 (2023), doi 10.1002/smsc.202300031."""

import math
from itertools import pairwise

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from stembench.datasets.labels import TASK_LABELS, gaussian_mask, ignored, label
from stembench.datasets.sample import Sample
from stembench.networks._convolutions import convolved_twice
from stembench.networks.base import Compare, Network, in_single_precision

#: Mean nearest-neighbour distance that an untrained network tells [px]; see `start_from`.
_TYPICAL_SPACING_PX = 20.0
#: Weight of the squared differences of the maps, summed over the published crops of 256 x 256 px.
_MAP_WEIGHT = 0.1 * 256**2


class AtomIDNet(Network):
    """Four-level U-Net for a map of the columns, with a head that tells their mean nearest-neighbour distance.

    Where the paper is silent this follows the authors' code, layer by layer in its order: convolutions without bias,
    transposed convolutions of 2 x 2, dropout in the head, its output's absolute value, a sigmoid on the map.

    Parameters
    ----------
    width : float
        Channels as a fraction of the published 32 to 512, and 256 and 64 in the head.
    """

    source = "Lin et al. (2023), doi 10.1002/smsc.202300031"
    published_parameters = 7_920_514
    tasks = ("localise",)
    divisor = 16
    normalisation = "none"
    sigmoid = True

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        channels = [max(1, round(width * published)) for published in (32, 64, 128, 256, 512)]
        hidden = [max(1, round(width * published)) for published in (256, 64)]
        self.encoder1 = convolved_twice(1, channels[0], bias=False)
        # The authors' code holds a second first level, for colour images, which the forward pass never reaches:
        # convolutions of 3 x 3 from 3 and from all channels, without bias, and two norms.
        self.unused_parameters = 9 * 3 * channels[0] + 9 * channels[0] ** 2 + 2 * 2 * channels[0]
        self.encoders = nn.ModuleList(convolved_twice(*pair, bias=False) for pair in pairwise(channels))
        self.head = nn.Sequential(
            nn.Linear(channels[-1], hidden[0]),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(hidden[0], hidden[1]),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(hidden[1], 1),
        )
        self.decoders = nn.ModuleList(_UpAndJoin(*pair) for pair in pairwise(channels[::-1]))
        self.output = nn.Conv2d(channels[0], 1, 1)

    def start_from(self, mean: float) -> None:
        """Let the untrained map be about `mean`, and the spacing 20 px."""
        nn.init.constant_(self.output.get_parameter("bias"), math.log(mean / (1 - mean)))
        nn.init.constant_(self.head[-1].get_parameter("bias"), _TYPICAL_SPACING_PX)

    def compute(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Map images of shape (batch, 1, y, x) in [0, 1].

        Returns
        -------
        Tensor, shape (batch, 1, y, x)
            Logits; the target of their sigmoid is 1 at the columns.
        Tensor, shape (batch,)
            Mean nearest-neighbour distance of the columns [px].
        """
        levels = [self.encoder1(2 * image - 1)]
        for encoder in self.encoders:
            levels.append(encoder(functional.max_pool2d(levels[-1], 2)))
        features = levels.pop()
        spacing = self.head(features.mean(dim=(2, 3))).abs()[:, 0]
        for decoder in self.decoders:
            features = decoder(features, levels.pop())
        return in_single_precision(self.output, features), spacing

    def target(self, sample: Sample, task: str) -> np.ndarray:
        """What it should make of a sample.

        Returns
        -------
        ndarray of float32, shape (2, y, x)
            The map: for `localise` Gaussians of height 1 and of sigma d / 4 at the columns that are asked for, none if
            there are fewer than two, and NaN where nothing is said; for other tasks their label. And d [px] at each
            pixel, so that crops keep it: the mean nearest-neighbour distance of the image's columns, 0 if there are
            fewer than two.

        Notes
        -----
        The authors blur pixels that hold a column and cut the blur at d / 2, taking d of the crop; here Gaussians are
        centred between pixels, the highest counts where they overlap, and d is the image's.
        """
        columns = sample.columns[sample.columns.asked]
        pixel_size, shape = sample.parameters["pixel_size_A"], sample.images["image"].shape
        distance = columns.neighbour_A.mean() if len(columns) > 1 else 0.0
        if task != "localise":
            wanted = label(sample, TASK_LABELS[task])
        else:
            wanted = np.zeros(shape, np.float32)
            if distance:
                fwhm = distance / 4 * math.sqrt(8 * math.log(2))
                wanted = gaussian_mask(columns[["x_A", "y_A"]].to_numpy(), shape, pixel_size, fwhm)
            wanted = np.where(ignored(sample), np.float32("nan"), wanted)
        return np.stack([wanted, np.full_like(wanted, distance / pixel_size)])

    def loss(self, output: tuple[torch.Tensor, torch.Tensor], target: torch.Tensor, compare: Compare) -> torch.Tensor:
        """Mean over the batch of (d' - d)^2 + 0.1 sum (map - target)^2, the paper's own; `compare` is not used.

        Where a target says nothing, it agrees with the map.

        The sum over pixels is taken as 256^2 times their mean: the paper's value at its crops of 256 px, and the same
        balance of both terms at any other. An image without a spacing, or a crop that shows no column, has none to tell
        and lacks the first term, as in the authors' code.
        """
        (maps, spacing), wanted, distance = output, target[:, :1], target[:, 1, 0, 0]
        told = (distance > 0) & (wanted.nan_to_num().amax(dim=(1, 2, 3)) > 0.5)
        wanted = torch.where(wanted.isnan(), maps.detach(), wanted)
        return (told * (spacing - distance) ** 2).mean() + _MAP_WEIGHT * ((maps - wanted) ** 2).mean()

    def map_of(self, output: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
        """The map of the columns, shape (batch, 1, y, x)."""
        return output[0]

    def spacing_of(self, output: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
        """The mean nearest-neighbour distance of each image's columns [px], shape (batch,)."""
        return output[1]


class _UpAndJoin(nn.Module):
    """Transposed convolution x2, then the skip connection is joined and all is convolved."""

    def __init__(self, channels: int, skip_channels: int) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(channels, skip_channels, 2, stride=2)
        self.convolutions = convolved_twice(2 * skip_channels, skip_channels, bias=False)

    def forward(self, deep: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
        return self.convolutions(torch.cat([self.up(deep), skip], dim=1))


NETWORK = AtomIDNet
