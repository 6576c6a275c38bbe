"""Backgrounds under the columns, between 0 and 1 over the image."""

from collections.abc import Callable

import numpy as np
from scipy.special import ndtr

from stembench.noise.splines import cubic_basis

_PATCHES = (1, 5)  # how many patches of contamination
_PATCH_SIZES = (0.05, 0.25)  # SD of a patch as a fraction of the image's edge
_STEP_PX = 3.0  # over which a step rises, SD


def constant(shape: tuple[int, int], angle: float, rng: np.random.Generator) -> np.ndarray:
    """The same everywhere."""
    return np.ones(shape)


def ramp(shape: tuple[int, int], angle: float, rng: np.random.Generator) -> np.ndarray:
    """A linear ramp, rising in the direction of `angle` [rad]."""
    return _unit_range(_along(shape, angle))


def wedge(shape: tuple[int, int], angle: float, rng: np.random.Generator) -> np.ndarray:
    """A support that begins at a random line in the image and thickens in the direction of `angle` [rad]."""
    place = _along(shape, angle)
    return _unit_range(np.maximum(place - rng.uniform(place.min(), place.max()), 0))


def perlin(shape: tuple[int, int], angle: float, rng: np.random.Generator) -> np.ndarray:
    """A Perlin-like pattern: octaves of spline-interpolated noise, each half as strong and half as wide as the last.

    Six octaves from 100 px on, persistence 0.5, lacunarity 2, as in SFIN's backgrounds (arXiv 2504.02555).
    """
    total = np.zeros(shape)
    for octave in range(6):
        spacing = 100 / 2**octave
        counts = [int(np.ceil(n / spacing)) + 4 for n in shape]
        knots = rng.standard_normal(counts)
        start = rng.uniform(1, 2, 2)
        rows, columns = (
            cubic_basis(first + np.arange(n) / spacing, count) for first, n, count in zip(start, shape, counts)
        )
        total += 0.5**octave * (rows @ knots @ columns.T)
    return _unit_range(total)


def patches(shape: tuple[int, int], angle: float, rng: np.random.Generator) -> np.ndarray:
    """Patches of contamination: a few Gaussian hills of random size and place."""
    total = np.zeros(shape)
    for _ in range(rng.integers(_PATCHES[0], _PATCHES[1] + 1)):
        size = max(shape) * rng.uniform(*_PATCH_SIZES, 2)
        centre = np.array(shape) * rng.uniform(0, 1, 2)
        y, x = (np.exp(-((np.arange(n) - c) ** 2) / (2 * s**2)) for n, c, s in zip(shape, centre, size))
        total += rng.uniform(0.3, 1) * np.outer(y, x)
    return _unit_range(total)


def step(
    shape: tuple[int, int], angle: float, rng: np.random.Generator, through: np.ndarray | None = None
) -> np.ndarray:
    """One level on either side of a line, higher in the direction of `angle` [rad].

    The line goes through a point (x, y) [px], a random one in the image where none is given. Where two crystals differ
    in thickness or in what scatters diffusely, their interface looks like this.
    """
    x, y = rng.uniform(0, 1, 2) * shape[::-1] if through is None else through
    return _unit_range(ndtr((_along(shape, angle) - np.cos(angle) * x - np.sin(angle) * y) / _STEP_PX))


#: Functions of (shape, angle, generator) by name; those without a direction leave the angle aside.
BACKGROUNDS: dict[str, Callable[..., np.ndarray]] = {
    "constant": constant,
    "ramp": ramp,
    "perlin": perlin,
    "patches": patches,
    "wedge": wedge,
    "step": step,
}


def _along(shape: tuple[int, int], angle: float) -> np.ndarray:
    """Place along a direction [px]."""
    return np.cos(angle) * np.arange(shape[1]) + np.sin(angle) * np.arange(shape[0])[:, None]


def _unit_range(image: np.ndarray) -> np.ndarray:
    return (image - image.min()) / max(np.ptp(image), 1e-12)
