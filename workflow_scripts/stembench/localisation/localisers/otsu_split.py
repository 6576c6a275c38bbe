"""Otsu's threshold with centroids, and touching columns split."""

import numpy as np

from stembench.localisation.localisers.base import Localiser
from stembench.localisation.peaks import MIN_DISTANCE_A

_SMOOTHING = 0.25  # of the least distance: flat tops get one maximum, and two columns that far apart keep theirs


def otsu_split(surface: np.ndarray, pixel_size: float) -> np.ndarray:
    """As `otsu`, each region first divided among its maxima that are at least `MIN_DISTANCE_A` apart.

    It is divided along the valleys of the map, after a Gaussian of a quarter of that distance: a watershed whose seeds
    are the maxima. Parameters and result are those of `otsu`.
    """
    from scipy import ndimage
    from skimage.feature import peak_local_max
    from skimage.measure import label
    from skimage.segmentation import watershed

    from stembench.localisation.regions import above_otsu, centroids

    above = above_otsu(surface)
    smooth = ndimage.gaussian_filter(surface.astype(float), _SMOOTHING * MIN_DISTANCE_A / pixel_size)
    distance = max(1, round(MIN_DISTANCE_A / pixel_size))
    maxima = peak_local_max(smooth, min_distance=distance, labels=label(above, connectivity=2), exclude_border=False)
    seeds = np.zeros(surface.shape, int)
    seeds[tuple(maxima.T)] = np.arange(1, len(maxima) + 1)
    return centroids(watershed(-smooth, seeds, mask=above)) * pixel_size


LOCALISER = Localiser(otsu_split)
