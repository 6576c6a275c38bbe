"""Classical filters with background subtraction.

Each is a function of (image, settings) and has a grid of settings, of which the best for each dose is chosen on
validation images. After the filter a wide Gaussian of the image is subtracted as background, and the result is scaled
so that chosen percentiles become 0 and 1, which is what the networks' target is.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy import fft, ndimage
from skimage.filters import butterworth
from skimage.restoration import denoise_nl_means, denoise_tv_chambolle


def gaussian(image: np.ndarray, pixel_size: float, sigma_A: float) -> np.ndarray:
    """Gaussian blur."""
    return ndimage.gaussian_filter(image, sigma_A / pixel_size)


def wiener(image: np.ndarray, pixel_size: float, noise_from: float) -> np.ndarray:
    """Fourier-space Wiener filter, (P - N) / P with the locally smoothed power spectrum P.

    The noise N is white, read beyond `noise_from` [1/A], where a probe transfers little.
    Source: Kilaas, J. Microsc. 190, 45 (1998), doi 10.1046/j.1365-2818.1998.3070861.x.
    """
    return _fourier(image, pixel_size, noise_from, lambda power, noise: (power - noise) / power)


def absf(image: np.ndarray, pixel_size: float, noise_from: float) -> np.ndarray:
    """Average background subtraction filter, (|F| - |N|) / |F|; source and noise as for `wiener`."""
    return _fourier(image, pixel_size, noise_from, lambda power, noise: 1 - np.sqrt(noise / power))


def total_variation(image: np.ndarray, pixel_size: float, weight: float) -> np.ndarray:
    """Total-variation denoising (Chambolle 2004) by scikit-image."""
    return denoise_tv_chambolle(image, weight=weight)


def non_local_means(image: np.ndarray, pixel_size: float, cut_off: float) -> np.ndarray:
    """Non-local means by scikit-image; patches that differ by more than `cut_off` [grey levels] hardly count.

    Patches of 5 px within 6 px. Source: Buades et al., CVPR 2005, doi 10.1109/CVPR.2005.38.
    """
    return denoise_nl_means(image, patch_size=5, patch_distance=6, h=cut_off, fast_mode=True)


def low_pass(image: np.ndarray, pixel_size: float, cut_off: float) -> np.ndarray:
    """Frequency filter: Butterworth low-pass of second order by scikit-image, `cut_off` in 1/A (at most Nyquist's)."""
    return butterworth(image, min(cut_off * pixel_size, 0.5), high_pass=False)


def _fourier(image: np.ndarray, pixel_size: float, noise_from: float, gain: Callable) -> np.ndarray:
    mean = image.mean()
    spectrum = fft.rfft2(image - mean)
    k = np.hypot(fft.fftfreq(image.shape[0], pixel_size)[:, None], fft.rfftfreq(image.shape[1], pixel_size))
    power = ndimage.gaussian_filter(np.abs(spectrum) ** 2, 0.7, mode="nearest") + 1e-12
    beyond = k > min(noise_from, 0.9 * k.max())
    noise = np.median(power[beyond])
    return mean + fft.irfft2(spectrum * np.clip(gain(power, noise), 0, 1), s=image.shape)


FILTERS = {
    "gaussian": (gaussian, (0.1, 0.15, 0.25, 0.35, 0.5, 0.7)),
    "wiener": (wiener, (0.3, 0.5, 0.7, 1.0, 1.5)),
    "absf": (absf, (0.3, 0.5, 0.7, 1.0, 1.5)),
    "total_variation": (total_variation, (0.05, 0.1, 0.3, 0.6, 1.0)),
    "non_local_means": (non_local_means, (0.05, 0.1, 0.2, 0.4)),
    "low_pass": (low_pass, (0.5, 0.7, 1.0, 1.5, 2.2)),
}

_BACKGROUND_SIGMAS_A = (0.0, 0.7, 1.0, 1.5, 2.5, 4.0)
_LOW_PERCENTILES = (0.0, 0.1, 5.0, 20.0)
_HIGH_PERCENTILES = (99.0, 99.9, 100.0)


@dataclass(frozen=True)
class FilterSettings:
    """What is tuned of a filter: its own parameter, then background and scale.

    `background_sigma_A` 0 subtracts no background.
    """

    parameter: float
    background_sigma_A: float
    low_percentile: float
    high_percentile: float


def apply_filter(name: str, image: np.ndarray, pixel_size: float, settings: FilterSettings) -> np.ndarray:
    """An enhanced image in [0, 1].

    Parameters
    ----------
    name : str
        Key of `FILTERS`.
    image : ndarray, shape (y, x)
        Grey levels in [0, 1].
    pixel_size : float
        [A].
    settings : FilterSettings
        As tuned.
    """
    filtered = FILTERS[name][0](image.astype(float), pixel_size, settings.parameter)
    flat = _without_background(filtered, pixel_size, settings.background_sigma_A)
    return _scaled(flat, *np.percentile(flat, [settings.low_percentile, settings.high_percentile]))


def tuning_candidates(name: str, image: np.ndarray, pixel_size: float) -> Iterator[tuple[FilterSettings, np.ndarray]]:
    """Each setting of the grid with its result, every filter applied once."""
    function, parameters = FILTERS[name]
    for parameter in parameters:
        filtered = function(image.astype(float), pixel_size, parameter)
        for background in _BACKGROUND_SIGMAS_A:
            flat = _without_background(filtered, pixel_size, background)
            lows, highs = np.percentile(flat, _LOW_PERCENTILES), np.percentile(flat, _HIGH_PERCENTILES)
            for (p, low), (q, high) in product(zip(_LOW_PERCENTILES, lows), zip(_HIGH_PERCENTILES, highs)):
                yield FilterSettings(parameter, background, p, q), _scaled(flat, low, high)


def _without_background(filtered: np.ndarray, pixel_size: float, sigma_A: float) -> np.ndarray:
    return filtered - _blurred(fft.dctn(filtered), sigma_A / pixel_size) if sigma_A else filtered


def _blurred(cosines: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian blur of `sigma` px by the cosine transform, whose image goes on mirrored; a wide one costs no more."""
    decays = [np.exp(-0.5 * (np.pi * sigma * np.arange(n) / n) ** 2) for n in cosines.shape]
    return fft.idctn(cosines * np.multiply.outer(*decays))


def _scaled(image: np.ndarray, low: float, high: float) -> np.ndarray:
    return np.clip((image - low) / max(high - low, 1e-12), 0, 1)
