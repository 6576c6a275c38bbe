"""Classical column detectors.

Each is a function of (image, pixel size, settings); smoothing and threshold are tuned for each dose on validation
images. `background_subtracted_maxima` is `smoothed_maxima` with a wider Gaussian to subtract in its grid;
`gaussian_fit`, `gaussian_fit_atomap` and `random_points` start from the maxima that `smoothed_maxima` is tuned to.
"""

import hashlib
from itertools import product

import numpy as np

from stembench.localisation.peaks import PeakSettings, find_columns


def smoothed_maxima(image: np.ndarray, pixel_size: float, settings: PeakSettings) -> np.ndarray:
    """Positions (x, y) [A] of the local maxima of the smoothed image."""
    return find_columns(image, pixel_size, settings)[0]


def gaussian_fit(image: np.ndarray, pixel_size: float, settings: PeakSettings) -> np.ndarray:
    """Smoothed maxima refined by Gaussians fitted to all columns together; see `localisation.gaussian_fit`."""
    from stembench.localisation.gaussian_fit import fit_gaussians  # torch is not in atomap's environment

    return fit_gaussians(image, smoothed_maxima(image, pixel_size, settings) / pixel_size).positions * pixel_size


def gaussian_fit_atomap(image: np.ndarray, pixel_size: float, settings: PeakSettings) -> np.ndarray:
    """Smoothed maxima refined by atomap: centre of mass, then a 2-D Gaussian fit to each column.

    The order and the default mask (40 % of the nearest-neighbour distance) are those of atomap's own tutorial.
    Source: Nord et al., Adv. Struct. Chem. Imaging 3, 9 (2017), doi 10.1186/s40679-017-0042-5.
    """
    starts = smoothed_maxima(image, pixel_size, settings)
    if len(starts) < 3:  # atomap needs neighbours to size its masks
        return starts
    import atomap.api as atomap

    sublattice = atomap.Sublattice((starts / pixel_size).tolist(), image=image.astype(float))
    sublattice.find_nearest_neighbors(nearest_neighbors=min(9, len(starts)))
    sublattice.refine_atom_positions_using_center_of_mass(show_progressbar=False)
    sublattice.refine_atom_positions_using_2d_gaussian(show_progressbar=False)
    return np.array(sublattice.atom_positions) * pixel_size


def random_points(image: np.ndarray, pixel_size: float, settings: PeakSettings) -> np.ndarray:
    """As many uniformly random points as there are smoothed maxima: the floor of every detection metric."""
    number = len(smoothed_maxima(image, pixel_size, settings))
    rng = np.random.default_rng(int.from_bytes(hashlib.sha256(image.tobytes()).digest()[:8]))
    return rng.uniform(0, 1, (number, 2)) * np.array(image.shape[::-1]) * pixel_size


DETECTORS = {
    "smoothed_maxima": smoothed_maxima,
    "background_subtracted_maxima": smoothed_maxima,
    "gaussian_fit": gaussian_fit,
    "gaussian_fit_atomap": gaussian_fit_atomap,
    "random_points": random_points,
}

_SIGMAS_A = (0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8)
_THRESHOLDS = (0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6)
_CORRELATIONS = tuple(i / 20 for i in range(18))
_BACKGROUND_SIGMAS_A = (0.6, 0.8, 1.2, 2.0)


def settings_grid(method: str) -> list[PeakSettings]:
    """Settings that are tried for a detector on validation images."""
    if method == "template_matching":
        return [PeakSettings(0.0, 0.0, correlation, relative=False) for correlation in _CORRELATIONS]
    backgrounds = _BACKGROUND_SIGMAS_A if method == "background_subtracted_maxima" else (0.0,)
    return [PeakSettings(*values, relative=True) for values in product(_SIGMAS_A, backgrounds, _THRESHOLDS)]
