"""Butterworth low-pass of second order by scikit-image."""

import numpy as np
from skimage.filters import butterworth

from stembench.baselines.filters.base import Filter


def low_pass(image: np.ndarray, pixel_size: float, cut_off: float) -> np.ndarray:
    """Return the image without frequencies beyond `cut_off` [1/A], at most Nyquist's."""
    return butterworth(image, min(cut_off * pixel_size, 0.5), high_pass=False)


FILTER = Filter(low_pass, parameters=(0.5, 0.7, 1.0, 1.5, 2.2))
