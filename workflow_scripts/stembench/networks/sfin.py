"""SFIN: Li et al., CVPR 2025, arXiv 2504.02555."""

import torch
from torch import nn
from torch.nn import functional

from stembench.networks._fourier import FourierUnit
from stembench.networks.base import Network


class SFIN(Network):
    """Spatial-frequency interactive network: eight residual blocks of two SFIBs, and a global skip of the features.

    Parameters
    ----------
    width : float
        Channels as a fraction of the published 32 spatial and 32 frequency ones.
    """

    source = "Li et al. (2025), arXiv 2504.02555"
    published_parameters = 960_193
    tasks = ("denoise_background", "denoise", "superresolve", "localise")
    normalisation = "grey_levels"

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        half = max(1, round(width * 32))
        self.head = nn.Conv2d(1, 2 * half, 3, padding=1)
        self.body = nn.Sequential(*(_ResidualBlock(half) for _ in range(8)))
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
        self.half = half
        self.spatial_to_spatial = nn.Conv2d(half, half, 3, padding=1)
        self.spatial_to_frequency = nn.Conv2d(half, half, 3, padding=1)
        self.frequency_to_spatial = nn.Conv2d(half, half, 3, padding=1)
        self.before_fourier = nn.Conv2d(half, half, 3, padding=1)
        self.fourier = FourierUnit(half)
        self.frequency_to_frequency = nn.Conv2d(2 * half, half, 3, padding=1)
        # The authors' two norms, one a half, side by side.
        self.norm = nn.BatchNorm2d(2 * half)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        filtered = self.fourier(self.before_fourier(features[:, self.half :]))
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
                self.spatial_to_spatial.bias + self.frequency_to_spatial.bias,
                self.spatial_to_frequency.bias + self.frequency_to_frequency.bias,
            ]
        )
        spatial, frequency = functional.conv2d(features, weight, bias, padding=1).chunk(2, dim=1)
        frequency = frequency + functional.conv2d(filtered, of_filtered, padding=1)
        return functional.relu(self.norm(torch.cat([spatial, frequency], dim=1)), inplace=True)


NETWORK = SFIN
