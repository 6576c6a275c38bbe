"""Which columns an image shows: those that stand out from its noise, and from their neighbours."""

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from stembench.datasets.labels import windows
from stembench.noise.calibrated import NoiseParameters, smooth_gradient, streak_correlation

#: Expected electrons a pixel beside a column, at least: else every column in vacuum would be visible.
FLOOR = 0.05
#: Expected electrons of a visible column, at least.
LEAST_COUNTS = 10.0
#: By how much the image falls between a column and each of its neighbours, as a fraction of its height there.
SADDLE = 0.03

_REACH = 2.5  # SDs of a column's profile that are looked at
_NEAR = 2.5  # FWHM up to which columns can hide each other
_SAME = 0.15  # FWHM below which two columns are one spot, the weaker part of the stronger
_STEPS = 12  # of the line between two columns
_AROUND, _DIRECTIONS = (0.5, 0.75, 1.0, 1.25), 24  # FWHM at which, and directions in which, an image is lowest


def visibility(
    counts: np.ndarray, positions: np.ndarray, heights: np.ndarray, sigmas: np.ndarray, variance: float = 0.0
) -> np.ndarray:
    """How far columns stand out from counting noise: the likelihood ratio of a column against none, in SDs.

    Z = sqrt(2 sum_px [n ln(n / b) - (n - b)]), n the expected electrons of a pixel and b those without the column. A
    weak Gaussian column has Z = peak * sigma * sqrt(pi / b).

    Parameters
    ----------
    counts : ndarray, shape (y, x)
        Expected electrons in each pixel of the noise-free image.
    positions : ndarray, shape (columns, 2)
        x and y of the columns [px].
    heights : ndarray, shape (columns,)
        Expected electrons a pixel that a column adds at its maximum, negative where columns are dark.
    sigmas : ndarray, shape (columns,)
        SD of each column's profile, which is taken as a Gaussian [px].
    variance : float
        Of a pixel's noise beside the counting, such as read-out noise [electrons^2].

    Returns
    -------
    ndarray, shape (columns,)
        Z; 0 for columns of fewer than `LEAST_COUNTS` electrons.
    """
    if not len(positions):
        return np.zeros(0)
    x, y = positions.T
    rows, columns, across, along = windows(x, y, _REACH * sigmas.max())
    height, width = counts.shape
    profiles = [
        np.where((pixels >= 0) & (pixels < length), np.exp((steps / sigmas[:, None]) ** 2 / -2), 0).astype(np.float32)
        for pixels, length, steps in ((rows, height, along), (columns, width, across))
    ]
    added = heights.astype(np.float32)[:, None, None] * profiles[0][:, :, None] * profiles[1][:, None, :]
    total = counts.astype(np.float32)[rows.clip(0, height - 1)[:, :, None], columns.clip(0, width - 1)[:, None, :]]
    without = np.maximum(total - added, FLOOR) + np.float32(variance)
    contrast = np.maximum(added / without, FLOOR / without - 1)
    ratio = without * ((1 + contrast) * np.log1p(contrast) - contrast)
    enough = np.abs(added).sum((1, 2)) >= LEAST_COUNTS
    return np.where(enough, np.sqrt(2 * np.maximum(ratio, 0).sum((1, 2))), 0.0)


def visibility_in_calibrated_noise(
    grey: np.ndarray, positions: np.ndarray, heights: np.ndarray, sigmas: np.ndarray, noise: NoiseParameters
) -> np.ndarray:
    """How far columns stand out from scan and pointwise noise: what a matched filter makes of each, in SDs.

    Z = s's / sqrt(s'Cs), s the column's pixels and C the covariance of the noise around it. In white noise it is the
    Z of a weak column in `visibility`; along streaks it is less, for they are as long as columns are wide.

    Parameters
    ----------
    grey : ndarray, shape (y, x)
        Grey levels of the noise-free image.
    positions, sigmas
        As in `visibility`.
    heights : ndarray, shape (columns,)
        Grey levels that a column adds at its maximum.
    noise : NoiseParameters
        Of the image.

    Returns
    -------
    ndarray, shape (columns,)
        Z.
    """
    if not len(positions):
        return np.zeros(0)
    steps = np.arange(np.ceil(_REACH * sigmas.max()) + 1)
    steps = np.concatenate([-steps[:0:-1], steps])
    profiles = np.exp((steps / sigmas[:, None]) ** 2 / -2)
    apart = np.abs(steps[:, None] - steps)
    correlations = streak_correlation(apart / noise.streak_px), noise.pixel_correlation**apart
    deviations = noise.scan_sd(smooth_gradient(grey)), noise.pointwise_sd(grey)
    along = np.zeros(len(positions))
    for deviation, correlation in zip(deviations, correlations):
        around = ndimage.gaussian_filter(deviation**2, sigmas.mean())
        x, y = positions.T
        variances = ndimage.map_coordinates(around, [y, x], order=1, mode="nearest")
        along += variances * np.einsum("ci,ij,cj->c", profiles, correlation, profiles)
    squares = (profiles**2).sum(axis=1)
    return np.abs(heights) * squares**1.5 / np.sqrt(along)


def visibility_in_integral(heights: np.ndarray, counts: float, variance: float = 0.0) -> np.ndarray:
    """How far columns stand out in an iDPC image, whose noise is that of the quadrants that are integrated.

    A column's gradient is the difference that it makes between opposite quadrants, whose noise is white:
    Z^2 = sum_px |grad s|^2 / v, which is pi h^2 / v for a Gaussian of any width, and v = (n + 4 r) / (2 n^2).

    Parameters
    ----------
    heights : ndarray, shape (columns,)
        Integrated difference of opposite quadrants that a column adds at its maximum [beam on all quadrants times px].
    counts : float
        Electrons n on all quadrants, a pixel's mean.
    variance : float
        Of a pixel's noise r in each quadrant beside the counting [electrons^2].

    Returns
    -------
    ndarray, shape (columns,)
        Z.
    """
    return np.abs(heights) * counts * np.sqrt(2 * np.pi / (counts + 4 * variance))


def local_heights(image: np.ndarray, positions: np.ndarray, fwhm: float) -> np.ndarray:
    """How far an image rises at columns above its lowest place within 1.25 FWHM of each.

    For images that do not follow from the strength of columns. Of a Gaussian alone it is 0.99 of its height; between
    close neighbours it is less, for the image does not fall to what is below all columns.

    Parameters
    ----------
    image : ndarray, shape (y, x)
        Noise-free image with bright columns.
    positions : ndarray, shape (columns, 2)
        x and y of the columns [px].
    fwhm : float
        Of a column [px].

    Returns
    -------
    ndarray, shape (columns,)
        At least 0.
    """
    angles = np.linspace(0, 2 * np.pi, _DIRECTIONS, endpoint=False)
    circle = fwhm * np.column_stack([np.cos(angles), np.sin(angles)])
    around = positions[:, None] + np.concatenate([np.zeros((1, 2)), *(radius * circle for radius in _AROUND)])
    values = ndimage.map_coordinates(image, [around[..., 1], around[..., 0]], order=1, mode="nearest")
    return values[:, 0] - values.min(axis=1)


def resolved(image: np.ndarray, positions: np.ndarray, heights: np.ndarray, fwhm: float) -> np.ndarray:
    """Whether columns make maxima of their own: the image falls by `SADDLE` towards every neighbour.

    Parameters
    ----------
    image : ndarray, shape (y, x)
        Noise-free image without background, with bright columns.
    positions : ndarray, shape (columns, 2)
        x and y of the columns [px].
    heights : ndarray, shape (columns,)
        How high each is; where two are one spot, the higher one stands for both.
    fwhm : float
        Of a column [px].

    Returns
    -------
    ndarray of bool, shape (columns,)
    """
    alone = np.ones(len(positions), bool)
    if len(positions) < 2:
        return alone
    pairs = cKDTree(positions).query_pairs(_NEAR * fwhm, output_type="ndarray")
    first, second = positions[pairs[:, 0]], positions[pairs[:, 1]]
    steps = np.linspace(0, 1, _STEPS + 1)[:, None]
    x, y = (first[:, axis] + steps * (second - first)[:, axis] for axis in (0, 1))
    along = ndimage.map_coordinates(image, [y, x], order=1, mode="nearest")
    lowest = along.min(0)
    one_spot = np.linalg.norm(second - first, axis=1) < _SAME * fwhm
    for own, end, other in ((0, along[0], 1), (1, along[-1], 0)):
        weaker = heights[pairs[:, own]] < heights[pairs[:, other]]
        weaker |= (heights[pairs[:, own]] == heights[pairs[:, other]]) & (own == 1)
        hidden = np.where(one_spot, weaker, lowest > (1 - SADDLE) * end)
        alone[pairs[hidden, own]] = False
    return alone
