"""Smoothed maxima refined by atomap: Nord et al., Adv. Struct. Chem. Imaging 3, 9 (2017)."""

import numpy as np

from stembench.baselines.finders.base import Finder
from stembench.localisation.peaks import PeakSettings, find_columns


def gaussian_fit_atomap(image: np.ndarray, pixel_size: float, settings: PeakSettings) -> tuple[np.ndarray, np.ndarray]:
    """Return positions [A] by centre of mass, then a 2-D Gaussian fit to each column, and heights of their maxima.

    The order and the default mask (40 % of the nearest-neighbour distance) are those of atomap's own tutorial.
    Source: Nord et al., Adv. Struct. Chem. Imaging 3, 9 (2017), doi 10.1186/s40679-017-0042-5.
    """
    starts, heights = find_columns(image, pixel_size, settings)
    if len(starts) < 3:  # atomap needs neighbours to size its masks
        return starts, heights
    import atomap.api as atomap

    sublattice = atomap.Sublattice((starts / pixel_size).tolist(), image=image.astype(float))
    sublattice.find_nearest_neighbors(nearest_neighbors=min(9, len(starts)))
    sublattice.refine_atom_positions_using_center_of_mass(show_progressbar=False)
    sublattice.refine_atom_positions_using_2d_gaussian(show_progressbar=False)
    return np.array(sublattice.atom_positions) * pixel_size, heights


FINDER = Finder(
    find=gaussian_fit_atomap, tuned_as="smoothed_maxima", environment="atomap", localiser="gaussian_fit_atomap"
)
