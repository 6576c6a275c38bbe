"""Segmented detectors: differential phase contrast (DPC) of four quadrants, and its integral (iDPC).

The difference of opposite quadrants is about the deflection of the beam, which is the gradient of the specimen's phase.
Its integral is bright at columns, light ones included. Source: Lazic, Bosch & Lazar, Ultramicroscopy 160, 265 (2016),
doi 10.1016/j.ultramic.2015.10.011.
"""

import numpy as np
from scipy import fft

from stembench.imaging.detectors import detector_name

#: Quadrants of a segmented detector, centred on +x, +y, -x and -y.
QUADRANTS = "ABCD"


def quadrant_names(inner: float, outer: float) -> list[str]:
    """Names of the quadrants of a segmented detector by its angles [mrad], as in `6-24 mrad A`."""
    return [f"{detector_name(inner, outer)} {quadrant}" for quadrant in QUADRANTS]


def idpc_name(inner: float, outer: float) -> str:
    """Name of the iDPC image of a segmented detector by its angles [mrad], as in `6-24 mrad iDPC`."""
    return f"{detector_name(inner, outer)} iDPC"


def differences(quadrants: np.ndarray) -> np.ndarray:
    """DPC signals of four quadrants: A - C along x and B - D along y.

    Parameters
    ----------
    quadrants : ndarray, shape (4, ...)
        In the order of `QUADRANTS`, of an image or of its spectrum.

    Returns
    -------
    ndarray, shape (2, ...)
        Positive where the beam is deflected towards +x or +y.
    """
    return quadrants[:2] - quadrants[2:]


def integrated_spectrum(gradient: np.ndarray, kx: np.ndarray, ky: np.ndarray) -> np.ndarray:
    """Spectrum of the function whose gradient is nearest to a given one; its mean, which is not known, is 0.

    Parameters
    ----------
    gradient : ndarray, shape (2, ...)
        Spectra of the x and y components.
    kx, ky : ndarray, shape (...)
        Spatial frequencies [1/A].
    """
    squared = kx**2 + ky**2
    along = kx * gradient[0] + ky * gradient[1]
    return np.divide(along, 2j * np.pi * squared, out=np.zeros_like(along), where=squared > 0)


def integrated_field(gradient: np.ndarray, pixel_size: float) -> np.ndarray:
    """Function whose gradient is nearest to a given one, over a field of view that is no period; its mean is 0.

    The function is continued by its mirror image, so that opposite borders need not fit.

    Parameters
    ----------
    gradient : ndarray, shape (2, rows, columns)
        x and y components.
    pixel_size : float
        [A].

    Returns
    -------
    ndarray, shape (rows, columns)
        [A] times the unit of the gradient.
    """
    rows, columns = gradient.shape[1:]
    x, y = gradient
    x = np.concatenate([x, -x[:, ::-1]], axis=1)
    y = np.concatenate([y, y[:, ::-1]], axis=1)
    mirrored = np.stack([np.concatenate([x, x[::-1]]), np.concatenate([y, -y[::-1]])])
    ky, kx = fft.fftfreq(2 * rows, pixel_size)[:, None], fft.rfftfreq(2 * columns, pixel_size)
    spectrum = integrated_spectrum(fft.rfft2(mirrored), *np.broadcast_arrays(kx, ky))
    return fft.irfft2(spectrum, s=(2 * rows, 2 * columns))[:rows, :columns]
