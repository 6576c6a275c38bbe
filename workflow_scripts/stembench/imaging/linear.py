"""The linear (incoherent) image model: columns convolved with the probe intensity."""

from functools import lru_cache

import numpy as np
from scipy import fft

from stembench.imaging.probe import Probe

#: Columns up to this far outside an image are part of it: their tails reach in [A].
MARGIN_A = 6.0


def linear_image(
    positions: np.ndarray,
    strengths: np.ndarray,
    thermal_b: np.ndarray,
    probe: Probe,
    shape: tuple[int, int],
    pixel_size: float,
) -> np.ndarray:
    """Image of columns under a probe, in units of the strongest column's own peak.

    The Fourier coefficients of the point columns are summed exactly at every frequency that the probe transfers
    (|k| <= 2 alpha / lambda), multiplied with the probe's transfer function and each column's thermal broadening, and
    evaluated at the pixel centres. Positions need no grid, and the period of the sum is wider than the image by
    `MARGIN_A` on every side, so that nothing wraps around into it.

    Parameters
    ----------
    positions : ndarray, shape (columns, 2)
        x and y [A]; pixel (i, j) is centred at y = i * pixel_size, x = j * pixel_size. Columns within `MARGIN_A`
        outside the image count, those farther out are left out.
    strengths : ndarray, shape (columns,)
        Relative scattering strengths.
    thermal_b : ndarray, shape (columns,)
        Isotropic B [A^2]; mean square displacement along an axis is B / (8 pi^2).
    probe : Probe
        Probe and source.
    shape : tuple of int
        Height and width [px].
    pixel_size : float
        [A].

    Returns
    -------
    ndarray, shape `shape`
        1 at the centre of the strongest column, were it alone.
    """
    margin = int(np.ceil(MARGIN_A / pixel_size))
    fold = int(np.ceil(2 * pixel_size * probe.cutoff))  # samples a pixel, so that no frequency is folded
    padded = [fft.next_fast_len(n + 2 * margin, real=True) for n in shape]
    reach = pixel_size * (np.array(padded) - 1)[::-1] - pixel_size * margin
    near = np.all((positions >= -pixel_size * margin) & (positions <= reach), axis=1)
    positions, strengths, thermal_b = positions[near], strengths[near], thermal_b[near]

    box_y, box_x = (n * pixel_size for n in padded)
    ky = np.arange(-int(probe.cutoff * box_y), int(probe.cutoff * box_y) + 1) / box_y
    kx = np.arange(int(probe.cutoff * box_x) + 1) / box_x
    transfer = probe.transfer(kx, ky[:, None])
    k_squared = kx**2 + ky[:, None] ** 2

    coefficients = np.zeros((len(ky), len(kx)), complex)
    for b in np.unique(thermal_b):
        group = thermal_b == b
        broadened = transfer * np.exp(-b / 4 * k_squared)
        along_y = np.exp(-2j * np.pi * np.outer(ky, positions[group, 1]))
        along_x = np.exp(-2j * np.pi * np.outer(positions[group, 0], kx))
        coefficients += ((along_y * strengths[group]) @ along_x) * broadened
    if not len(positions):
        return np.zeros(shape)

    spectrum = np.zeros((padded[0] * fold, padded[1] * fold // 2 + 1), complex)
    spectrum[np.round(ky * box_y).astype(int), : len(kx)] = coefficients
    image = fft.irfft2(spectrum, s=[n * fold for n in padded], norm="forward")
    strongest = (strengths * central_intensity(probe, thermal_b)).max()
    return image[: shape[0] * fold : fold, : shape[1] * fold : fold] / (box_x * box_y * strongest)


def central_intensity(probe: Probe, thermal_b: np.ndarray) -> np.ndarray:
    """Probe intensity at its centre, for a beam of unit intensity, after each thermal broadening [1/A^2]."""
    values, inverse = np.unique(thermal_b, return_inverse=True)
    return np.array([_central_intensity(probe, float(b)) for b in values])[inverse]


@lru_cache(maxsize=1024)
def _central_intensity(probe: Probe, thermal_b: float) -> float:
    k = np.linspace(-probe.cutoff, probe.cutoff, 257)
    ky, kx = k[:, None], k[None]
    broadened = probe.transfer(kx, ky).real * np.exp(-thermal_b / 4 * (kx**2 + ky**2))
    return float(broadened.sum() * (k[1] - k[0]) ** 2)
