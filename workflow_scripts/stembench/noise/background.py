"""Backgrounds under the columns, between 0 and 1 over the image."""

import numpy as np
from scipy import ndimage


def constant(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """The same everywhere."""
    return np.ones(shape)


def ramp(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """A linear ramp in a random direction."""
    angle = rng.uniform(0, 2 * np.pi)
    y, x = np.mgrid[: shape[0], : shape[1]]
    return _unit_range(np.cos(angle) * x + np.sin(angle) * y)


def clouds(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """A smooth irregular pattern: octaves of interpolated noise, each half as strong and half as wide as the last.

    Six octaves from 100 px on, persistence 0.5, lacunarity 2, as in SFIN's backgrounds (arXiv 2504.02555).
    """
    total = np.zeros(shape)
    for octave in range(6):
        spacing = 100 / 2**octave
        knots = rng.standard_normal([int(np.ceil(n / spacing)) + 4 for n in shape])
        start = rng.uniform(1, 2, 2)
        rows, columns = (first + np.arange(n) / spacing for first, n in zip(start, shape))
        grid = np.meshgrid(rows, columns, indexing="ij")
        total += 0.5**octave * ndimage.map_coordinates(knots, grid, order=3 if octave < 3 else 1)
    return _unit_range(total)


BACKGROUNDS = {"constant": constant, "ramp": ramp, "clouds": clouds}


def _unit_range(image: np.ndarray) -> np.ndarray:
    return (image - image.min()) / max(np.ptp(image), 1e-12)
