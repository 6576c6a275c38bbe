"""Connected regions of a map."""

import numpy as np
from scipy import ndimage


def centroids(regions: np.ndarray) -> np.ndarray:
    """Geometric centres of regions, in which every pixel counts alike.

    Parameters
    ----------
    regions : ndarray of int, shape (y, x)
        Number of the region that a pixel belongs to, from 1; 0 for none.

    Returns
    -------
    ndarray, shape (regions, 2)
        x and y [px].
    """
    centres = ndimage.center_of_mass(regions > 0, regions, np.arange(1, regions.max(initial=0) + 1))
    return np.reshape(centres, (-1, 2))[:, ::-1]


def above_otsu(surface: np.ndarray) -> np.ndarray:
    """Which pixels of a map lie above Otsu's threshold; shape (y, x)."""
    from skimage.filters import threshold_otsu

    # In single precision, a map of nearly one value has no room for the bins of a histogram.
    return surface > threshold_otsu(surface.astype(float))
