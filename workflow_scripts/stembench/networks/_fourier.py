"""What SFIN (Li et al., CVPR 2025, arXiv 2504.02555) and its successor share: their frame and their Fourier unit."""

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional

from stembench.networks.base import Network


class SpatialFrequencyNetwork(Network):
    """Eight blocks of features, of which half are spatial and half of frequency, and a global skip of the features.

    Parameters
    ----------
    width : float
        Channels as a fraction of 32 of each half.
    block : callable
        Makes a block from the number of channels of a half.
    """

    tasks = ("denoise_background", "denoise", "superresolve", "localise")
    normalisation = "grey_levels"

    def __init__(self, width: float, block: Callable[[int], nn.Module]) -> None:
        super().__init__()
        half = max(1, round(width * 32))
        self.head = nn.Conv2d(1, 2 * half, 3, padding=1)
        self.body = nn.Sequential(*(block(half) for _ in range(8)))
        self.tail = nn.Conv2d(2 * half, 1, 3, padding=1)

    def start_from(self, mean: float) -> None:
        """Let the untrained output be `mean`, in grey levels, everywhere.

        Features of an untrained network are of the size of the grey levels, many times that of most targets, so the
        last weights start from zero.
        """
        nn.init.zeros_(self.tail.weight)
        nn.init.constant_(self.tail.get_parameter("bias"), 255 * mean)

    def compute(self, image: torch.Tensor) -> torch.Tensor:
        """Map grey levels (batch, 1, y, x) to grey levels of the same shape."""
        features = self.head(image)
        return self.tail(self.body(features) + features)


class FourierUnit(nn.Module):
    """Filter whose kernel spans the image: a 1 x 1 convolution of the spectrum, which is told where it is, norm, ReLU.

    The spectrum enters as the authors' code stacks it: vertical and horizontal coordinate, from 0 to 1 over the half
    spectrum in the transform's own order of frequencies, then real and imaginary part of each channel in turn.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mix = nn.Conv2d(2 * channels + 2, 2 * channels, 1, bias=False)
        self.norm = nn.BatchNorm2d(2 * channels)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        # Transforms know no bfloat16, and a spectrum's range, zero frequency to noise, would not fit its 8 bits.
        with torch.autocast(image.device.type, enabled=False):
            # Channels last throughout, as convolutions have them: then nothing is copied from one layout to another.
            pixels = image.to(self.mix.weight.dtype).permute(0, 2, 3, 1)
            spectrum = torch.view_as_real(torch.fft.rfft2(pixels, dim=(1, 2), norm="ortho"))
            batch, rows, columns, channels, _ = spectrum.shape
            axes = (torch.linspace(0, 1, size, dtype=pixels.dtype, device=pixels.device) for size in (rows, columns))
            where = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1)
            of_where, of_spectrum = self.mix.weight[:, :, 0, 0].split([2, 2 * channels], dim=1)
            mixed = functional.linear(spectrum.flatten(3), of_spectrum) + functional.linear(where, of_where)
            mixed = self.norm(mixed.flatten(0, 2)[:, :, None, None])  # statistics of all frequencies of all images
            mixed = functional.relu(mixed, inplace=True).view(batch, rows, columns, channels, 2)
            # A rectified half spectrum is no real image's: what `irfft2` makes of its zero column then differs between
            # CPU and GPU (pytorch issues 104867, 154496), so the columns are transformed as complex, the rows after.
            columns_back = torch.fft.ifft(torch.view_as_complex(mixed), dim=1, norm="ortho")
            back = torch.fft.irfft(columns_back, n=image.shape[-1], dim=2, norm="ortho")
            return back.permute(0, 3, 1, 2)
