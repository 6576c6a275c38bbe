"""What is measured of an image and of each column that is found in a network's map of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import ndimage
from scipy.spatial import KDTree

from stembench.application.frame import as_trained, filled, without_outliers, without_thickness
from stembench.application.tiling import Progress, map_of
from stembench.imaging.detectors import Mode, bright_columns
from stembench.imaging.resampling import resampled
from stembench.localisation.peaks import MIN_DISTANCE_A, PeakSettings, find_columns
from stembench.localisation.profile_fit import fit_profiles
from stembench.trained_network import TrainedNetwork

if TYPE_CHECKING:
    from stembench.crystals.projection import Projection

#: Width of the Gaussian that a column's intensity is averaged with [A].
COLUMN_SIGMA_A = 0.3

#: What tells of a column found by a network, and what more once it was fitted.
NETWORK_FEATURES = ("height", "mass", "contrast", "neighbour_A", "uneven_pm", "noise", "anisotropy", "pixel_size_A")
FIT_FEATURES = (*NETWORK_FEATURES, "fit_error_pm", "moved_pm")

_SIGNAL_SIGMA_A = 0.25  # that noise is smoothed out with, to tell what the image varies by
_PEAK_SIGMA_A, _AROUND_SIGMA_A = 0.1, 1.0
_FARTHEST_A = 5.0  # that a neighbour is looked for
# Of unevenness: quantile over the columns, neighbours of each, columns that are read, and value without any order.
_QUANTILE, _NEAREST, _READ, _NO_ORDER_PM = 0.25, 12, 2000, 100.0
_REACH = 3.0  # widths of a Gaussian that is averaged with
_BLOCK_PX, _WINDOW_PX = 1024, 512  # that maxima are read in, and that columns are fitted in
_START_ERROR_A = 0.03  # of a coordinate in a network's map, for a fit
_DISTANCES = 3  # median column distances that such a window overlaps by
_AT_ONCE = 2**22  # pixels of surroundings, and of differences of rows


@dataclass(frozen=True)
class Seen:
    """An image, and what a network makes of it.

    Attributes
    ----------
    image : ndarray of float32, shape (y, x)
        As recorded, from 0 to 1, its columns bright; without outliers, filled where nothing was measured.
    measured : ndarray of bool, shape (y, x)
        Where something was.
    pixel_size : float
        [A].
    framed : ndarray of float32, shape (y', x')
        The image at the pixel size that the network sees it with.
    surface : ndarray of float32, shape (y', x')
        The network's map.
    surface_pixel_size : float
        Of both [A].
    noise_sd : float
        Standard deviation of the noise in a pixel of that size, were it white.
    noise : float
        The same over the standard deviation of what the image shows: a level that the image's gain, its offset and the
        pixel size it was recorded with leave as it is.
    anisotropy : float
        Noise down the columns of pixels over noise along the rows; rows that jitter raise it.
    """

    image: np.ndarray
    measured: np.ndarray
    pixel_size: float
    framed: np.ndarray
    surface: np.ndarray
    surface_pixel_size: float
    noise_sd: float
    noise: float
    anisotropy: float


def look(
    image: np.ndarray,
    pixel_size: float,
    network: TrainedNetwork,
    *,
    mode: Mode = "HAADF",
    structure: Projection | None = None,
    progress: Progress | None = None,
) -> Seen:
    """Apply a network that localises to an image; parameters as for `columns.find_columns`."""
    framed, target = as_trained(without_thickness(image, pixel_size), pixel_size, network.record, mode=mode)
    context = network.told_of(structure, target) if structure else {}
    surface = map_of(network, framed, context=context, progress=progress)
    del framed  # as large as the map
    bright = _bright(filled(without_outliers(image)), mode)
    framed = resampled(bright, pixel_size, target)
    measured = np.isfinite(image)
    in_pixel, anisotropy = _noise(bright, measured)
    noise_sd = in_pixel * pixel_size / target  # white noise has one spectral density, whatever the pixels
    smooth = ndimage.gaussian_filter(framed, _SIGNAL_SIGMA_A / target)
    smooth -= smooth.mean(dtype=float)
    signal = np.sqrt(sum(float(row @ row) for row in smooth) / smooth.size)  # with no array in double precision
    noise = noise_sd / max(signal, 1e-6)
    return Seen(bright, measured, pixel_size, framed, surface, target, noise_sd, noise, anisotropy)


def _bright(image: np.ndarray, mode: Mode) -> np.ndarray:
    """From 0 to 1, in place, with bright columns."""
    low, high = float(image.min()), float(image.max())
    image -= low
    image /= (high - low) or 1
    return bright_columns(image, mode)


def _noise(image: np.ndarray, measured: np.ndarray) -> tuple[float, float]:
    """Standard deviation of white noise in a pixel, and its ratio down to along.

    From second differences along both axes, which leave little of what a microscope resolves: Immerkaer (1996), Fast
    noise variance estimation, Computer Vision and Image Understanding 64, 300-302.
    """
    sums, number = np.zeros(3), 0
    step = max(_AT_ONCE // image.shape[1], 1)
    for first in range(0, image.shape[0] - 2, step):
        rows = slice(first, first + step + 2)
        part = np.where(measured[rows], image[rows], np.nan)
        down = _second_difference(part, 0)[:, 1:-1]
        along = _second_difference(part, 1)[1:-1]
        both = _second_difference(_second_difference(part, 0), 1)
        known = np.isfinite(both)
        sums += [np.abs(each[known]).sum(dtype=float) for each in (both, down, along)]
        number += int(known.sum())
    both, down, along = sums / max(number, 1)
    return float(np.sqrt(np.pi / 2) / 6 * both), float(down / max(along, 1e-12)) if number else 1.0


def _second_difference(image: np.ndarray, axis: int) -> np.ndarray:
    before, at, after = (np.take(image, range(start, image.shape[axis] + start - 2), axis) for start in range(3))
    return before - 2 * at + after


def read_columns(seen: Seen, settings: PeakSettings) -> pd.DataFrame:
    """Columns of a network's map, read block by block.

    Returns
    -------
    DataFrame
        A row a column where something was measured: its position `x_A`, `y_A`, and `NETWORK_FEATURES`: `height` and
        `mass` of the map (averaged with Gaussians of 0.1 and 0.3 A), `contrast` of the image (averaged with a Gaussian
        of 0.3 A, less one of 1 A, in standard deviations of what noise makes of the first), the distance
        `neighbour_A` to the nearest of the others, at most 5 A, and of the image `uneven_pm` (see `unevenness`),
        `noise`, `anisotropy` and the `pixel_size_A` of the map.
    """
    size = seen.surface_pixel_size
    halo = int(4 * settings.sigma_A / size + 0.5) + round(MIN_DISTANCE_A / size) + 3
    places = [np.empty((0, 2))]
    for core, window in _blocks(seen.surface.shape, _BLOCK_PX, halo):
        corner = np.array([window[1].start, window[0].start])
        found = find_columns(seen.surface[window], size, settings)[0] / size + corner
        places.append(found[_inside(found, core)])
    positions = np.concatenate(places)
    recorded = np.rint(positions * size / seen.pixel_size).astype(int)
    x, y = np.clip(recorded, 0, np.array(seen.image.shape[::-1]) - 1).T
    positions = positions[seen.measured[y, x]]
    nearest = np.full(len(positions), np.inf)
    if len(positions) > 1:
        nearest = KDTree(positions).query(positions, k=2)[0][:, 1] * size
    narrow, wide = (gaussian_means(seen.framed, positions, s / size) for s in (COLUMN_SIGMA_A, _AROUND_SIGMA_A))
    left = seen.noise_sd * size / (2 * np.sqrt(np.pi) * COLUMN_SIGMA_A)  # of white noise after that Gaussian
    return pd.DataFrame(
        {
            "x_A": positions[:, 0] * size,
            "y_A": positions[:, 1] * size,
            "height": gaussian_means(seen.surface, positions, _PEAK_SIGMA_A / size),
            "mass": gaussian_means(seen.surface, positions, COLUMN_SIGMA_A / size),
            "contrast": (narrow - wide) / max(left, 1e-6),
            "neighbour_A": np.minimum(nearest, _FARTHEST_A),
            "uneven_pm": unevenness(positions * size),
            "noise": seen.noise,
            "anisotropy": seen.anisotropy,
            "pixel_size_A": size,
        }
    )


def unevenness(positions: np.ndarray) -> float:
    """How far columns lie from the middle between two neighbours [pm]; in a lattice, errors of positions alone do this.

    Each column counts with the pair of its twelve nearest neighbours whose middle is nearest to it. The image has the
    lower quartile of these distances, because columns at edges and defects have no neighbours on opposite sides. It is
    100 pm at most, and for fewer than three columns.

    Parameters
    ----------
    positions : ndarray, shape (columns, 2)
        [A].
    """
    if len(positions) < 3:
        return _NO_ORDER_PM
    some = positions[:: len(positions) // _READ + 1]
    nearest = KDTree(positions).query(some, k=min(_NEAREST + 1, len(positions)))[1][:, 1:]
    away = positions[nearest] - some[:, None]
    middles = np.linalg.norm(away[:, :, None] + away[:, None], axis=-1) / 2
    return min(100 * float(np.quantile(middles.min(axis=(1, 2)), _QUANTILE)), _NO_ORDER_PM)


def fitted(seen: Seen, columns: pd.DataFrame) -> pd.DataFrame:
    """The columns of `read_columns` fitted to the recorded pixels, in windows where the image is large.

    The profile is that of the window with most columns, see `localisation.profile_fit`.

    Returns
    -------
    DataFrame
        The columns, moved where the fit succeeded, and beside them `fit_error_pm`, the standard error of a coordinate
        (nan where the fit failed), and `moved_pm`, how far it went.
    """
    size = seen.pixel_size
    starts = columns[["x_A", "y_A"]].to_numpy() / size
    places, errors = starts.copy(), np.full(len(starts), np.nan)
    halo = int(np.ceil(max(_DISTANCES * columns.neighbour_A.median() / size, 16))) if len(columns) else 0
    parts = [(_inside(starts, core), window) for core, window in _blocks(seen.image.shape, _WINDOW_PX, halo)]
    profile = None
    for own, window in sorted(parts, key=lambda part: -int(part[0].sum())):
        if not own.any():
            break
        near, corner = np.flatnonzero(_inside(starts, window)), np.array([window[1].start, window[0].start])
        image = np.where(seen.measured[window], seen.image[window], np.nan)
        fit = fit_profiles(image, starts[near] - corner, profile=profile, start_error=_START_ERROR_A / size)
        profile = fit.profile
        kept = fit.fitted & own[near]
        places[near[kept]] = fit.positions[kept] + corner
        errors[near[kept]] = fit.errors[kept]
    moved = np.linalg.norm(places - starts, axis=1)
    x, y = places.T * size
    return columns.assign(x_A=x, y_A=y, fit_error_pm=100 * size * errors, moved_pm=100 * size * moved)


def gaussian_means(image: np.ndarray, positions: np.ndarray, sigma: float) -> np.ndarray:
    """Means of an image about positions, weighted with a Gaussian.

    Parameters
    ----------
    image : ndarray, shape (y, x)
        Pixels that are NaN, or outside, have no weight.
    positions : ndarray, shape (columns, 2)
        x and y [px].
    sigma : float
        Its standard deviation [px].

    Returns
    -------
    ndarray, shape (columns,)
        NaN where no pixel has weight.
    """
    means = np.full(len(positions), np.nan)
    for part, down, across, levels in _surroundings(image, positions, _REACH * sigma):
        of_y, of_x = (np.exp(-(away**2) / (2 * sigma**2)) for away in (down, across))
        weights = np.where(np.isfinite(levels), of_y[:, :, None] * of_x[:, None], 0)
        total, summed = weights.sum(axis=(1, 2)), (weights * np.nan_to_num(levels)).sum(axis=(1, 2))
        means[part] = np.divide(summed, total, out=np.full(len(total), np.nan), where=total > 0)
    return means


def _surroundings(
    image: np.ndarray, positions: np.ndarray, reach: float
) -> Iterator[tuple[slice, np.ndarray, np.ndarray, np.ndarray]]:
    """Some positions at a time, distances of pixels around them down and across [px], and their levels, NaN outside."""
    offsets = np.arange(-int(np.ceil(reach)) - 1, int(np.ceil(reach)) + 2)
    nearest, step = np.rint(positions).astype(int), max(_AT_ONCE // len(offsets) ** 2, 1)
    for first in range(0, len(positions), step):
        part = slice(first, first + step)
        across, down = (nearest[part, axis, None] + offsets for axis in (0, 1))
        inside = ((down >= 0) & (down < len(image)))[:, :, None] & ((across >= 0) & (across < image.shape[1]))[:, None]
        rows, columns = (np.clip(at, 0, n - 1) for at, n in zip((down, across), image.shape))
        levels = np.where(inside, image[rows[:, :, None], columns[:, None]], np.nan)
        yield part, down - positions[part, 1, None], across - positions[part, 0, None], levels


def _blocks(shape: tuple[int, ...], edge: int, halo: int) -> Iterator[tuple[tuple[slice, slice], tuple[slice, slice]]]:
    """Cores that cover an image, none larger than `edge`, and the windows around them that reach farther by `halo`."""
    height, width = shape
    for y in range(0, height, edge):
        for x in range(0, width, edge):
            core = slice(y, min(y + edge, height)), slice(x, min(x + edge, width))
            window = [slice(max(at.start - halo, 0), min(at.stop + halo, n)) for at, n in zip(core, shape)]
            yield core, (window[0], window[1])


def _inside(positions: np.ndarray, part: tuple[slice, slice]) -> np.ndarray:
    """Whether x and y [px] lie in the pixels of a part of an image."""
    y, x = part
    first, last = np.array([x.start, y.start]) - 0.5, np.array([x.stop, y.stop]) - 0.5
    return np.all((positions >= first) & (positions < last), axis=1)
