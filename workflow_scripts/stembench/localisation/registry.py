"""Ways to read columns from a network's map, by name."""

import numpy as np

from stembench.localisation.otsu import otsu
from stembench.localisation.otsu_split import otsu_split
from stembench.localisation.peaks import PeakSettings, find_columns
from stembench.networks.localisers import own_localiser

_NOTHING_TO_TUNE = {"otsu": otsu, "otsu_split": otsu_split}


def localise(
    localiser: str,
    surface: np.ndarray,
    pixel_size: float,
    *,
    settings: PeakSettings,
    architecture: str = "",
    spacing: float = np.nan,
) -> np.ndarray:
    """Columns of a network's map.

    Parameters
    ----------
    localiser : str
        `maxima`, `otsu`, `otsu_split`, or `own` for that of the network's authors.
    surface : ndarray, shape (y, x)
        Bright columns.
    pixel_size : float
        [A].
    settings : PeakSettings
        Of `maxima`, which alone are tuned.
    architecture : str
        The network of the registry whose own localiser is meant.
    spacing : float
        Mean nearest-neighbour distance of the columns that the network tells [px], nan if it tells none.

    Returns
    -------
    ndarray, shape (columns, 2)
        x and y [A].

    Raises
    ------
    KeyError
        If there is no localiser of that name.
    """
    if localiser == "maxima":
        return find_columns(surface, pixel_size, settings)[0]
    if localiser == "own":
        return own_localiser(architecture)(surface, pixel_size, spacing)
    return _NOTHING_TO_TUNE[localiser](surface, pixel_size)
