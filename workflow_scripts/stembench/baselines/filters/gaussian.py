"""Gaussian blur."""

import numpy as np
from scipy import ndimage

from stembench.baselines.filters.base import Filter


def gaussian(image: np.ndarray, pixel_size: float, sigma_A: float) -> np.ndarray:
    """Return the image blurred by a Gaussian."""
    return ndimage.gaussian_filter(image, sigma_A / pixel_size)


FILTER = Filter(gaussian, parameters=(0.1, 0.15, 0.25, 0.35, 0.5, 0.7))
