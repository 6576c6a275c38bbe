"""SFFN: Li et al. (2026), Spatial-Frequency Learning for STEM Image Enhancement, github.com/HeasonLee/SFFN."""

from functools import partial

import torch
from torch import nn
from torch.nn import functional

from stembench.networks._fourier import FourierUnit, SpatialFrequencyNetwork


class _FusionBlock(nn.Module):
    """Two layers of halves that know nothing of each other, a skip around both, and a convolution that fuses them."""

    def __init__(self, half: int, spatial: bool, frequency: bool, exchange: bool) -> None:
        super().__init__()
        self.first = _Halves(half, spatial, frequency)
        self.second = _Halves(half, spatial, frequency)
        self.fuse = nn.Conv2d(2 * half, 2 * half, 3, padding=1, groups=1 if exchange else 2)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self.fuse(features + self.second(self.first(features)))


class _Halves(nn.Module):
    """Each half by its own convolution, norm, ReLU; a half whose domain is left out takes that of the other."""

    def __init__(self, half: int, spatial: bool, frequency: bool) -> None:
        super().__init__()
        self.spatial = _spatial(half) if spatial else _FrequencyConvolution(half)
        self.frequency = _FrequencyConvolution(half) if frequency else _spatial(half)
        # The authors' two norms, one a half, side by side.
        self.norm = nn.BatchNorm2d(2 * half)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        spatial, frequency = features.chunk(2, dim=1)
        joined = torch.cat([self.spatial(spatial), self.frequency(frequency)], dim=1)
        return functional.relu(self.norm(joined), inplace=True)


def _spatial(half: int) -> nn.Conv2d:
    return nn.Conv2d(half, half, 3, padding=1)


class _FrequencyConvolution(nn.Module):
    """K [f, fourier(K f)]; each K is a 3 x 3 convolution of its own."""

    def __init__(self, half: int) -> None:
        super().__init__()
        self.before_fourier = nn.Conv2d(half, half, 3, padding=1)
        self.fourier = FourierUnit(half)
        self.joining = nn.Conv2d(2 * half, half, 3, padding=1)

    def forward(self, frequency: torch.Tensor) -> torch.Tensor:
        filtered = self.fourier(self.before_fourier(frequency))
        return self.joining(torch.cat([frequency, filtered], dim=1))


class SFFN(SpatialFrequencyNetwork):
    """Spatial-frequency fusion network: eight blocks that fuse their halves, and a global skip of the features.

    Parameters
    ----------
    width : float
        Channels as a fraction of the published 32 spatial and 32 frequency ones.
    spatial, frequency : bool
        Whether there is a spatial half and one of frequency; without one, both halves are of the other kind.
    exchange : bool
        Whether fusions join the halves, or convolve each alone, so that they meet in the last convolution alone.

    Notes
    -----
    The paper's ablation leaves out the same parts; that the channels stay as many is ours.
    """

    source = "Li et al. (2026), github.com/HeasonLee/SFFN"
    published_parameters = 959_681

    def __init__(self, width: float = 1.0, spatial: bool = True, frequency: bool = True, exchange: bool = True) -> None:
        super().__init__(width, partial(_FusionBlock, spatial=spatial, frequency=frequency, exchange=exchange))

    def start_from(self, mean: float) -> None:
        """As SFIN's; and fusions, which no norm follows, start as what passes features on, as SFIN's blocks do."""
        super().start_from(mean)
        for block in self.modules():
            if isinstance(block, _FusionBlock):
                nn.init.dirac_(block.fuse.weight, block.fuse.groups)
                nn.init.zeros_(block.fuse.get_parameter("bias"))


NETWORK = SFFN
