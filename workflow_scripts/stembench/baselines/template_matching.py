"""Template matching: columns from a crystal whose structure is known, by the lattice that correlates best."""

import numpy as np
from scipy import fft, ndimage, optimize

from stembench.crystals.field import columns_in_field, in_plane_turn
from stembench.crystals.projection import Projection
from stembench.datasets.labels import sharpened
from stembench.imaging.linear import strength_of

_GAMMA = 1.7  # of Z in a column's strength, as in the linear model
_BACKGROUND_A = 3.0  # SD of the Gaussian that is taken for the background
_REGION_A = 2.0  # SD of the Gaussian window of the local correlation
_BINS_PER_FWHM = 4
_MOST_STRAIN = 0.03  # that drift, shear and a wrong calibration make


def matched_columns(
    image: np.ndarray, pixel_size: float, projection: Projection, *, fwhm: float = 1.0, weakest: float = 0.2
) -> tuple[np.ndarray, np.ndarray]:
    """Columns of the one lattice that matches an image best, and how well the image agrees around each of them.

    Every in-plane rotation and offset of the structure, drawn as Gaussian columns, is compared with the whole image by
    normalised cross-correlation; the best is refined together with a small strain. Beyond it are a second lattice in
    the image, a displaced column and a vacancy: it finds where the structure is, not what differs from it.

    Parameters
    ----------
    image : ndarray, shape (y, x)
        Bright columns; of ABF and BF, one less the image.
    pixel_size : float
        [A].
    projection : Projection
        The structure along its zone axis.
    fwhm : float
        Of the drawn columns [A].
    weakest : float
        Columns that scatter less than this fraction of the strongest are drawn, but not reported.

    Returns
    -------
    positions : ndarray, shape (columns, 2)
        x and y [A].
    correlations : ndarray, shape (columns,)
        Normalised correlation of image and drawn lattice around the column, between -1 and 1.
    """
    flat = image - ndimage.gaussian_filter(image.astype(float), _BACKGROUND_A / pixel_size)
    strengths = np.array(
        [sum(a["occupancy"] * strength_of(a["element"], _GAMMA) for a in c["atoms"]) for c in projection.columns]
    )
    strengths /= strengths.max()
    rotation, offset = _best_match(flat, pixel_size, projection, strengths, fwhm)
    extent = tuple(n * pixel_size for n in image.shape)
    columns, sites, _ = columns_in_field(projection, extent, rotation, offset, margin=fwhm)
    smooth = ndimage.gaussian_filter(flat, fwhm / np.sqrt(8 * np.log(2)) / pixel_size, mode="constant")
    columns = _strained(columns, strengths[sites], smooth, pixel_size, fwhm)

    drawn = sharpened(columns, strengths[sites], image.shape, pixel_size, np.sqrt(2) * fwhm).astype(float)
    x, y = np.round(columns.T / pixel_size).astype(int)
    shown = (x >= 0) & (x < image.shape[1]) & (y >= 0) & (y < image.shape[0]) & (strengths[sites] >= weakest)
    correlations = _local_correlation(smooth, drawn, _REGION_A / pixel_size)
    return columns[shown], correlations[y[shown], x[shown]]


def _best_match(
    image: np.ndarray, pixel_size: float, projection: Projection, strengths: np.ndarray, fwhm: float
) -> tuple[float, np.ndarray]:
    """Rotation [rad] and offset [A] of the structure that correlates best with an image.

    The pixels are gathered by their place in the cell of the turned lattice, where one rendered cell serves every
    rotation, and a correlation of cells stands for one of whole images.
    """
    height, width = image.shape
    places = pixel_size * np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1).reshape(-1, 2)
    values = image.ravel() - image.mean()
    bins = np.ceil(np.linalg.norm(projection.lattice, axis=1) / (fwhm / _BINS_PER_FWHM)).astype(int)
    cell = _drawn_cell(projection, strengths, bins, fwhm)
    drawn, drawn_squared = np.conj(fft.rfft2(cell)), np.conj(fft.rfft2(cell**2))

    step = fwhm / 2 / np.hypot(*(pixel_size * np.array(image.shape)) / 2)  # moves the corners by half of the FWHM
    best = (-np.inf, 0.0, np.zeros(2))
    for rotation in np.linspace(0, 2 * np.pi, int(np.ceil(2 * np.pi / step)), endpoint=False):
        lattice = projection.lattice @ in_plane_turn(rotation)
        along, across = (np.floor(places @ np.linalg.inv(lattice) * bins).astype(int) % bins).T
        where = along * bins[1] + across
        sums, counts = (fft.rfft2(np.bincount(where, w, bins.prod()).reshape(bins)) for w in (values, None))
        products, totals, squares = (
            fft.irfft2(a * b, bins) for a, b in ((sums, drawn), (counts, drawn), (counts, drawn_squared))
        )
        spread = squares - totals**2 / len(values)
        correlation = products / np.sqrt(np.maximum(spread, 1e-9 * squares.max()))  # the image's spread is the same
        highest = np.unravel_index(correlation.argmax(), correlation.shape)
        if correlation[highest] > best[0]:
            best = correlation[highest], rotation, np.array(highest) / bins @ lattice
    return best[1], best[2]


def _drawn_cell(projection: Projection, strengths: np.ndarray, bins: np.ndarray, fwhm: float) -> np.ndarray:
    """The structure over one cell, at the centres of `bins` along its two vectors, from its structure factors."""
    places = np.array([[column["x_A"], column["y_A"]] for column in projection.columns])
    fractions = places @ np.linalg.inv(projection.lattice)
    orders = [fft.fftfreq(n, 1 / n) for n in bins]
    waves = [np.exp(-2j * np.pi * n * (u[:, None] - 0.5 / m)) for n, u, m in zip(orders, fractions.T, bins)]
    frequencies = np.stack(np.meshgrid(*orders, indexing="ij"), -1) @ np.linalg.inv(projection.lattice).T
    blur = np.exp(-((np.pi * fwhm) ** 2) / (4 * np.log(2)) * (frequencies**2).sum(-1))
    return fft.ifft2((strengths[:, None] * waves[0]).T @ waves[1] * blur).real


def _strained(
    columns: np.ndarray, strengths: np.ndarray, smooth: np.ndarray, pixel_size: float, fwhm: float
) -> np.ndarray:
    """Columns moved together, turned and strained a little, until they lie highest on a smoothed image."""
    centre = pixel_size * (np.array(smooth.shape[::-1]) - 1) / 2
    half = np.abs(centre).max()
    whole = np.all(np.abs(columns - centre) <= centre - fwhm / 2, axis=1)  # columns that no edge of the image halves
    coefficients = ndimage.spline_filter(smooth, mode="mirror")
    scale = max(smooth.std() * strengths.sum(), 1e-12)  # so that the optimiser's tolerances fit

    def moved(columns: np.ndarray, change: np.ndarray) -> np.ndarray:
        """All by the last two numbers [A], and by what the others say at the image's edges, in proportion inside."""
        return columns + (columns - centre) / half @ change[:4].reshape(2, 2) + change[4:]

    def depth(change: np.ndarray) -> float:
        places = moved(columns[whole], change).T[::-1] / pixel_size
        heights = ndimage.map_coordinates(coefficients, places, order=3, mode="mirror", prefilter=False)
        return -strengths[whole] @ heights / scale

    limits = [fwhm / 4 + _MOST_STRAIN * half] * 4 + [fwhm / 2] * 2
    found = optimize.minimize(depth, np.zeros(6), method="L-BFGS-B", bounds=[(-most, most) for most in limits])
    return moved(columns, found.x)


def _local_correlation(one: np.ndarray, other: np.ndarray, sigma: float) -> np.ndarray:
    """Correlation coefficient of two images in a Gaussian window around each pixel."""

    def mean(image: np.ndarray) -> np.ndarray:
        return ndimage.gaussian_filter(image, sigma)

    covariance = mean(one * other) - mean(one) * mean(other)
    variances = [np.maximum(mean(each**2) - mean(each) ** 2, 1e-12) for each in (one, other)]
    return covariance / np.sqrt(variances[0] * variances[1])
