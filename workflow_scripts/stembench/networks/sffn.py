"""SFFN: Li et al. (2026), Spatial-Frequency Learning for STEM Image Enhancement, github.com/HeasonLee/SFFN."""

import torch
from torch import nn
from torch.nn import functional

from stembench.networks._fourier import FourierUnit
from stembench.networks.base import Network


class SFFN(Network):
    """Spatial-frequency fusion network: eight blocks that fuse their halves, and a global skip of the features.

    Parameters
    ----------
    width : float
        Channels as a fraction of the published 32 spatial and 32 frequency ones.
    """

    source = "Li et al. (2026), github.com/HeasonLee/SFFN"
    published_parameters = 959_681
    tasks = ("denoise_background", "denoise", "superresolve", "localise")
    normalisation = "grey_levels"

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        half = max(1, round(width * 32))
        self.head = nn.Conv2d(1, 2 * half, 3, padding=1)
        self.body = nn.Sequential(*(_FusionBlock(half) for _ in range(8)))
        self.tail = nn.Conv2d(2 * half, 1, 3, padding=1)

    def start_from(self, mean: float) -> None:
        """Let the untrained output be `mean`, in grey levels, everywhere.

        Features of an untrained network are of the size of the grey levels, many times that of most targets, so the
        last weights start from zero.
        """
        nn.init.zeros_(self.tail.weight)
        nn.init.constant_(self.tail.bias, 255 * mean)

    def compute(self, image: torch.Tensor) -> torch.Tensor:
        """Map grey levels (batch, 1, y, x) to grey levels of the same shape."""
        features = self.head(image)
        return self.tail(self.body(features) + features)


class _FusionBlock(nn.Module):
    """Two layers of halves that know nothing of each other, a skip around both, and a convolution that fuses them."""

    def __init__(self, half: int) -> None:
        super().__init__()
        self.first = _Halves(half)
        self.second = _Halves(half)
        self.fuse = nn.Conv2d(2 * half, 2 * half, 3, padding=1)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self.fuse(features + self.second(self.first(features)))


class _Halves(nn.Module):
    """Spatial' = K s, frequency' = K [f, fourier(K f)], norm, ReLU; each K is a 3 x 3 convolution of its own."""

    def __init__(self, half: int) -> None:
        super().__init__()
        self.spatial = nn.Conv2d(half, half, 3, padding=1)
        self.before_fourier = nn.Conv2d(half, half, 3, padding=1)
        self.fourier = FourierUnit(half)
        self.frequency = nn.Conv2d(2 * half, half, 3, padding=1)
        # The authors' two norms, one a half, side by side.
        self.norm = nn.BatchNorm2d(2 * half)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        spatial, frequency = features.chunk(2, dim=1)
        filtered = self.fourier(self.before_fourier(frequency))
        frequency = self.frequency(torch.cat([frequency, filtered], dim=1))
        return functional.relu(self.norm(torch.cat([self.spatial(spatial), frequency], dim=1)), inplace=True)


NETWORK = SFFN
