"""The parts of a classical filter, and how it is applied: filter, subtract the background, scale.

As background a wide Gaussian of the filtered image is subtracted. The result is scaled so that chosen percentiles
become 0 and 1, which is the range of the networks' targets. The best settings for each dose are chosen on validation
images.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy import fft

_BACKGROUND_SIGMAS_A = (0.0, 0.7, 1.0, 1.5, 2.5, 4.0)
_LOW_PERCENTILES = (0.0, 0.1, 5.0, 20.0)
_HIGH_PERCENTILES = (99.0, 99.9, 100.0)


@dataclass(frozen=True)
class FilterSettings:
    """Settings of a filter: its own parameter, then background and scale.

    `background_sigma_A` 0 subtracts no background.
    """

    parameter: float
    background_sigma_A: float
    low_percentile: float
    high_percentile: float


@dataclass(frozen=True)
class Filter:
    """A classical filter.

    Attributes
    ----------
    function : callable
        Takes an image (y, x) of grey levels in [0, 1], its pixel size [A] and the parameter; returns the filtered
        image.
    parameters : tuple of float
        Values of the parameter that are tried on validation images.
    """

    function: Callable[[np.ndarray, float, float], np.ndarray]
    parameters: tuple[float, ...]

    def apply(self, image: np.ndarray, pixel_size: float, settings: FilterSettings) -> np.ndarray:
        """Return an enhanced image in [0, 1].

        Parameters
        ----------
        image : ndarray, shape (y, x)
            Grey levels in [0, 1].
        pixel_size : float
            [A].
        settings : FilterSettings
            As tuned.
        """
        filtered = self.function(image.astype(float), pixel_size, settings.parameter)
        flat = _without_background(filtered, pixel_size, settings.background_sigma_A)
        return _scaled(flat, *np.percentile(flat, [settings.low_percentile, settings.high_percentile]))

    def candidates(self, image: np.ndarray, pixel_size: float) -> Iterator[tuple[FilterSettings, np.ndarray]]:
        """Yield every setting that is tried with its enhanced image; the filter runs once per parameter."""
        for parameter in self.parameters:
            filtered = self.function(image.astype(float), pixel_size, parameter)
            for background in _BACKGROUND_SIGMAS_A:
                flat = _without_background(filtered, pixel_size, background)
                ends = np.percentile(flat, _LOW_PERCENTILES + _HIGH_PERCENTILES)
                lows, highs = np.split(ends, [len(_LOW_PERCENTILES)])
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
