"""Noise of the `physical` recipe: what the scan and the counting of electrons do to an image."""

import numpy as np
from scipy import ndimage


def row_jitter(image: np.ndarray, jitter: float, rows_per_period: float, rng: np.random.Generator) -> np.ndarray:
    """Shift each row by a random (dx, dy): dx = N(0, 1) jitter sin(2 pi f t + phase), dy likewise.

    Source: TEMImageNet, doi 10.1038/s41598-021-84499-w, scan noise.

    Parameters
    ----------
    image : ndarray, shape (rows, columns)
        Noise-free image; it is interpolated by cubic splines and repeats its border beyond it.
    jitter : float
        Amplitude of the shifts [px].
    rows_per_period : float
        Period of the disturbance (mains frequency) in rows.
    rng : numpy.random.Generator
        Source of randomness.
    """
    rows, columns = image.shape
    phases = rng.uniform(0, 2 * np.pi, 2)
    wave = np.sin(2 * np.pi * np.arange(rows)[:, None] / rows_per_period + phases)
    shift_x, shift_y = (rng.standard_normal((rows, 2)) * jitter * wave).T
    y, x = np.mgrid[:rows, :columns].astype(float)
    return ndimage.map_coordinates(image, [y - shift_y[:, None], x - shift_x[:, None]], order=3, mode="nearest")


def shot_noise(image: np.ndarray, dose: float, pixel_size: float, rng: np.random.Generator) -> np.ndarray:
    """Electrons counted in each pixel.

    Parameters
    ----------
    image : ndarray
        Intensity as a fraction of the incident beam.
    dose : float
        Incident electrons an area [e/A^2].
    pixel_size : float
        [A].
    rng : numpy.random.Generator
        Source of randomness.
    """
    return rng.poisson(dose * pixel_size**2 * np.maximum(image, 0)).astype(float)
