"""Precision without truth: the spread of the spacings between columns of a single crystal.

Source: Lin et al., Sci. Rep. 11, 5386 (2021), Fig. 11, doi 10.1038/s41598-021-84499-w. A method that puts columns onto
a lattice of its own has no spread at all, so the spread is read beside the response of `displacement_response`.
"""

import numpy as np
import pandas as pd
import scipy  # whose parts load when they are used
from scipy import fft, ndimage

from stembench.errors import InputError
from stembench.localisation.peaks import PeakSettings, find_columns

#: Names of the two shortest lattice vectors, the shorter first.
AXES = ("a", "b")

#: What tells how an image was denoised before columns were looked for: a network or filter, or `none`; of a network
#: what it was trained for and on.
DENOISER = ("denoiser", "denoiser_task", "denoiser_dataset")

_BACKGROUND_A = 3.0  # SD of the Gaussian that is taken for the background
_AS_HIGH = 0.85  # of the highest maximum: columns of two sublattices correlate less than those of one
_LEAST_SINE = 0.3  # of the angle between the two vectors, which is at least 60 degrees for the shortest ones
_TOLERANCE = 0.15  # of the shorter vector, less than half the distance between columns in most projections
_BLOCKS = 4  # on each axis, that stand for independent images


def lattice_vectors(image: np.ndarray, pixel_size: float) -> np.ndarray:
    """The two shortest lattice vectors of an image that shows one crystal, from its autocorrelation.

    Parameters
    ----------
    image : ndarray, shape (y, x)
        Bright columns or dark ones.
    pixel_size : float
        [A].

    Returns
    -------
    ndarray, shape (2, 2)
        x and y [A] of a and of b, a the shorter one; each points to the right, or straight down.

    Raises
    ------
    InputError
        If the image shows no lattice.
    """
    correlation = _autocorrelation(image - ndimage.gaussian_filter(image, _BACKGROUND_A / pixel_size))
    positions, heights = find_columns(correlation, pixel_size, PeakSettings(0.0, 0.0, 0.0, relative=False))
    lags = positions - np.array(correlation.shape[::-1]) // 2 * pixel_size
    lengths = np.linalg.norm(lags, axis=1)
    elsewhere = lengths > pixel_size
    alike = np.flatnonzero(elsewhere & (heights >= _AS_HIGH * heights[elsewhere].max(initial=0)))
    nearest = lags[alike[np.argsort(lengths[alike])]]
    for other in nearest[1:]:
        shortest = nearest[0]
        area = shortest[0] * other[1] - shortest[1] * other[0]
        if abs(area) > _LEAST_SINE * np.linalg.norm(shortest) * np.linalg.norm(other):
            return np.array([vector * (1 if tuple(vector) > (0, 0) else -1) for vector in (shortest, other)])
    raise InputError(
        "the image shows no lattice; take `single_crystal` out of its entry in evaluation.lab_testsets, which is for "
        "images of one crystal"
    )


def _autocorrelation(signal: np.ndarray) -> np.ndarray:
    """Mean product of an image with itself at lags up to a quarter of it, lag 0 in the centre."""
    shape = tuple(fft.next_fast_len(2 * n, real=True) for n in signal.shape)
    summed, overlap = (
        fft.fftshift(fft.irfft2(np.abs(fft.rfft2(part, shape)) ** 2, shape)) for part in (signal, np.ones_like(signal))
    )
    lags = tuple(slice(n // 2 - m // 4, n // 2 + m // 4 + 1) for n, m in zip(shape, signal.shape))
    return summed[lags] / overlap[lags]


def spacings(columns: np.ndarray, vectors: np.ndarray, extent: tuple[float, float]) -> pd.DataFrame:
    """Spacings between columns that lie a lattice vector apart.

    Two columns belong together if each is the nearest to where the other one and the vector point, within a fraction of
    the shorter vector. Sublattices, dumbbells and missing columns do not mix, since neither has a partner there.

    Parameters
    ----------
    columns : ndarray, shape (n, 2)
        x and y [A].
    vectors : ndarray, shape (2, 2)
        x and y [A] of a and b.
    extent : tuple of float
        Height and width of the image [A].

    Returns
    -------
    DataFrame
        A row a spacing: `axis`, `spacing_pm`, its middle `x_A`, `y_A`, and which `block` of the image that lies in.
    """
    height, width = extent
    tolerance = _TOLERANCE * np.linalg.norm(vectors, axis=1).min()
    tables = []
    for axis, vector in zip(AXES, vectors):
        first, second = _partners(columns, vector, tolerance)
        middle = (columns[first] + columns[second]) / 2
        length = np.linalg.norm(columns[second] - columns[first], axis=1)
        table = pd.DataFrame({"axis": axis, "spacing_pm": 100 * length, "x_A": middle[:, 0], "y_A": middle[:, 1]})
        block = _BLOCKS * (_BLOCKS * table.y_A // height) + _BLOCKS * table.x_A // width
        tables.append(table.assign(block=block.astype(int)))
    return pd.concat(tables, ignore_index=True)


def _partners(columns: np.ndarray, vector: np.ndarray, tolerance: float) -> tuple[np.ndarray, np.ndarray]:
    if not len(columns):
        return np.empty(0, int), np.empty(0, int)
    tree = scipy.spatial.cKDTree(columns)
    _, ahead = tree.query(columns + vector, distance_upper_bound=tolerance)
    _, behind = tree.query(columns - vector, distance_upper_bound=tolerance)
    first = np.flatnonzero(ahead < len(columns))
    first = first[behind[ahead[first]] == first]
    return first, ahead[first]


def spacing_sums(measured: pd.DataFrame) -> pd.DataFrame:
    """Sums of spacings along one axis over each block of the image, a row a block, which is its `structure`."""
    pm = measured.spacing_pm
    table = pd.DataFrame({"n": 1.0, "pm": pm, "pm2": pm**2, "structure": measured.block})
    return table.groupby("structure").sum().reset_index()


def spacing_metrics(sums: pd.DataFrame) -> pd.DataFrame:
    """`mean_pm` and `sd_pm` of spacings from sums, a row for a row; the SD of less than two is nan."""
    mean = sums.pm / sums.n.where(sums.n > 0)
    variance = (sums.pm2 - sums.n * mean**2) / (sums.n - 1).where(sums.n > 1)
    return pd.DataFrame({"mean_pm": mean, "sd_pm": np.sqrt(variance.clip(lower=0))})
