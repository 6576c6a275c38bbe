"""Local maxima of the map, by which networks are compared; smoothing and threshold are tuned."""

import numpy as np

from stembench.localisation.localisers.base import Localiser
from stembench.localisation.peaks import PeakSettings, find_columns


def maxima(surface: np.ndarray, pixel_size: float, settings: PeakSettings) -> np.ndarray:
    """Return the positions [A] of `find_columns`."""
    return find_columns(surface, pixel_size, settings)[0]


LOCALISER = Localiser(maxima, takes=("settings",))
