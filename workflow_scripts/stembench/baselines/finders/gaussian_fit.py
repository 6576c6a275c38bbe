"""Smoothed maxima refined by Gaussians fitted to all columns together."""

import numpy as np

from stembench.baselines.finders.base import Finder
from stembench.localisation.peaks import PeakSettings, find_columns


def gaussian_fit(image: np.ndarray, pixel_size: float, settings: PeakSettings) -> tuple[np.ndarray, np.ndarray]:
    """Return fitted positions [A], and heights of the maxima that they start from; see `localisation.gaussian_fit`."""
    from stembench.localisation.gaussian_fit import fit_gaussians  # loads torch

    starts, heights = find_columns(image, pixel_size, settings)
    return fit_gaussians(image, starts / pixel_size).positions * pixel_size, heights


FINDER = Finder(find=gaussian_fit, tuned_as="smoothed_maxima", localiser="gaussian_fit")
