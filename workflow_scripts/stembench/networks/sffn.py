"""SFFN: Li et al. (2026), Spatial-Frequency Learning for STEM Image Enhancement, github.com/HeasonLee/SFFN."""

import torch
from torch import nn
from torch.nn import functional

from stembench.networks._fourier import FourierUnit, SpatialFrequencyNetwork


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


class SFFN(SpatialFrequencyNetwork):
    """Spatial-frequency fusion network: eight blocks that fuse their halves, and a global skip of the features.

    Parameters
    ----------
    width : float
        Channels as a fraction of the published 32 spatial and 32 frequency ones.
    """

    source = "Li et al. (2026), github.com/HeasonLee/SFFN"
    published_parameters = 959_681
    block = _FusionBlock

    def start_from(self, mean: float) -> None:
        """As SFIN's; and fusions, which no norm follows, start as what passes features on, as SFIN's blocks do."""
        super().start_from(mean)
        for block in self.body:
            nn.init.dirac_(block.fuse.weight)
            nn.init.zeros_(block.fuse.bias)


NETWORK = SFFN
