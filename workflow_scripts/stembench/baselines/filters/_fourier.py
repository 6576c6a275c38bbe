"""Filters by a gain for each spatial frequency."""

from collections.abc import Callable

import numpy as np
from scipy import fft, ndimage


def filtered_by(
    gain: Callable[[np.ndarray, float], np.ndarray], image: np.ndarray, pixel_size: float, noise_from: float
) -> np.ndarray:
    """Return an image whose spectrum is multiplied by a gain, clipped to between 0 and 1.

    Parameters
    ----------
    gain : callable
        Of the locally smoothed power spectrum and the power of the noise, which is white.
    image : ndarray, shape (y, x)
        Its mean is kept.
    pixel_size : float
        [A].
    noise_from : float
        Frequency beyond which the noise is read, where a probe transfers little [1/A].
    """
    mean = image.mean()
    spectrum = fft.rfft2(image - mean)
    k = np.hypot(fft.fftfreq(image.shape[0], pixel_size)[:, None], fft.rfftfreq(image.shape[1], pixel_size))
    power = ndimage.gaussian_filter(np.abs(spectrum) ** 2, 0.7, mode="nearest") + 1e-12
    noise = np.median(power[k > min(noise_from, 0.9 * k.max())])
    return mean + fft.irfft2(spectrum * np.clip(gain(power, noise), 0, 1), s=image.shape)
