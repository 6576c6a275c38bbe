"""The Fourier unit of SFIN (Li et al., CVPR 2025, arXiv 2504.02555) and of its successor."""

import torch
from torch import nn
from torch.nn import functional


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
            image = image.to(self.mix.weight.dtype)
            spectrum = torch.view_as_real(torch.fft.rfft2(image, norm="ortho"))
            batch, _, rows, columns, _ = spectrum.shape
            axes = (torch.linspace(0, 1, size, dtype=image.dtype, device=image.device) for size in (rows, columns))
            where = torch.stack(torch.meshgrid(*axes, indexing="ij")).expand(batch, 2, rows, columns)
            stacked = torch.cat([where, spectrum.permute(0, 1, 4, 2, 3).flatten(1, 2)], dim=1)
            mixed = functional.relu(self.norm(self.mix(stacked)), inplace=True)
            spectrum = torch.view_as_complex(mixed.unflatten(1, (-1, 2)).permute(0, 1, 3, 4, 2).contiguous())
            # A rectified half spectrum is no real image's: what `irfft2` makes of its zero column then differs between
            # CPU and GPU (pytorch issues 104867, 154496), so the columns are transformed as complex, the rows after.
            columns_back = torch.fft.ifft(spectrum, dim=-2, norm="ortho")
            return torch.fft.irfft(columns_back, n=image.shape[-1], dim=-1, norm="ortho")
