"""Test sets from a lab image: reference columns from the undegraded image, then lower doses."""

from pathlib import Path

import numpy as np
import pandas as pd
from scipy.ndimage import map_coordinates
from scipy.spatial import cKDTree

from stembench.config import LabTestset
from stembench.datasets.sample import Sample
from stembench.datasets.store import columns_by_sample, open_shards, read_table
from stembench.evaluation.matching import NO_HULL, is_scored
from stembench.imaging.detectors import Mode, bright_columns
from stembench.localisation.peaks import PeakSettings, find_columns, smoothed

_BACKGROUND_SIGMA_A = 1.5


def reference_columns(
    image: np.ndarray, pixel_size: float, mode: Mode, settings: LabTestset, marked: np.ndarray | None = None
) -> pd.DataFrame:
    """Reference columns of an undegraded image, for detection alone.

    Those that somebody marked; else local maxima (in ABF and BF minima) of the image after Gaussian smoothing and
    subtraction of a wide Gaussian, above a threshold, refined to sub-pixel by parabolas. They are as good as the eye
    that has checked the figure of them.

    Parameters
    ----------
    image : ndarray, shape (y, x)
        Undegraded.
    pixel_size : float
        [A].
    mode : Mode
        Its detector's.
    settings : LabTestset
        Smoothing, which also tells how strong a column is, and threshold.
    marked : ndarray, shape (columns, 2), or None
        x and y [A].

    Returns
    -------
    DataFrame
        As `Sample.columns`; every column is asked for, resolved and not hidden.
    """
    peaks = PeakSettings(settings.reference_sigma_A, _BACKGROUND_SIGMA_A, settings.reference_threshold, relative=True)
    bright = bright_columns(image, mode)
    if marked is None:
        positions, heights = find_columns(bright, pixel_size, peaks)
    else:
        positions, surface = marked, smoothed(bright, pixel_size, peaks)
        heights = map_coordinates(surface, marked.T[::-1] / pixel_size, order=1, mode="nearest").clip(0)
    neighbour = cKDTree(positions).query(positions, k=2)[0][:, 1]
    return pd.DataFrame(
        {
            "x_A": positions[:, 0],
            "y_A": positions[:, 1],
            "strength": heights / heights.max(),
            "visibility": np.nan,
            "neighbour_A": neighbour,
            "asked": True,
            "resolved": True,
            "hidden": False,
            "rim_A": np.nan,
            "crlb_pm": np.nan,
        }
    )


def thinned(image: np.ndarray, counts_per_px: float, rng: np.random.Generator) -> np.ndarray:
    """Counts at a lower dose: Poisson numbers proportional to the recorded intensity.

    The image's 99.9 percentile becomes `counts_per_px`. No black level is subtracted, for none is recorded: what lies
    under the columns stays there as background.
    """
    return rng.poisson(counts_per_px * np.maximum(image, 0) / np.percentile(image, 99.9)).astype(float)


def lab_samples(
    image: np.ndarray,
    pixel_size: float,
    columns: pd.DataFrame,
    block: int,
    counts_per_px: tuple[float, ...],
    draws: int,
    name: str,
    mode: Mode,
    hull: np.ndarray = NO_HULL,
) -> list[Sample]:
    """Blocks of a lab image at several doses, each dose drawn several times.

    Parameters
    ----------
    image : ndarray, shape (y, x)
        Undegraded.
    pixel_size : float
        [A].
    columns : DataFrame
        Reference columns of the whole image.
    block : int
        Least edge of a block [px]: the image is cut evenly into blocks that are less than twice as large, or is one.
    counts_per_px : tuple of float
        Doses, as electrons at the brightest columns.
    draws : int
        Noise draws of each block and dose; the draws of a block share its `structure` number.
    name : str
        Name of the image.
    mode : Mode
        Its detector's.
    hull : ndarray, shape (edges, 3)
        Labelled part of the image (`matching.hull_of`); blocks outside of it are left out.
    """
    samples: list[Sample] = []
    rows, across = (max(1, n // block) for n in image.shape)
    height, width = image.shape[0] // rows, image.shape[1] // across
    y, x = np.indices(image.shape)
    scored = is_scored(np.stack([x, y], axis=-1) * pixel_size, (np.inf, np.inf), 0.0, hull)
    for level, counts in enumerate(counts_per_px):
        for draw in range(draws):
            rng = np.random.default_rng(np.random.SeedSequence(0, spawn_key=(level, draw)))
            noisy = thinned(image, counts, rng)
            for place in range(rows * across):
                y, x = height * (place // across), width * (place % across)
                here = slice(y, y + height), slice(x, x + width)
                if not scored[here].any():
                    continue
                part = noisy[here]
                drawn = {
                    "sample": len(samples),
                    "structure": place,
                    "block_x_A": x * pixel_size,
                    "block_y_A": y * pixel_size,
                    "material": name,
                    "zone": "",
                    "mode": mode,
                    "pixel_size_A": pixel_size,
                    "counts_per_px": counts,
                    "draw": draw,
                }
                samples.append(
                    Sample({"image": _full_range(part)}, _inside(columns, x, y, part.shape, pixel_size), drawn)
                )
    return samples


def lab_examples(image: np.ndarray, testset: str | Path, counts_per_px: float) -> tuple[np.ndarray, float]:
    """The block of a lab image with most reference columns, as it was recorded and at a dose.

    Parameters
    ----------
    image : ndarray, shape (y, x)
        Undegraded.
    testset : str or Path
        Its test set, of `lab_samples`.
    counts_per_px : float
        One of the test set's doses.

    Returns
    -------
    images : ndarray of float32, shape (2, y, x)
        Both from 0 to 1.
    pixel_size : float
        [A].
    """
    samples, columns = read_table([testset], "samples"), columns_by_sample([testset])
    thin = samples[(samples.counts_per_px == counts_per_px) & (samples.draw == 0)]
    position = thin["sample"].map({number: len(rows) for number, rows in columns.items()}).idxmax()
    shown = open_shards([testset], ["image"])["image"][position]
    at = samples.loc[position, ["block_y_A", "block_x_A"]].to_numpy(float) / samples.pixel_size_A[position]
    y, x = np.round(at).astype(int)
    recorded = image[y : y + shown.shape[0], x : x + shown.shape[1]]
    return np.stack([_full_range(recorded), shown]), float(samples.pixel_size_A[position])


def _full_range(image: np.ndarray) -> np.ndarray:
    return ((image - image.min()) / max(np.ptp(image), 1e-12)).astype(np.float32)


def _inside(columns: pd.DataFrame, x: int, y: int, shape: tuple[int, int], pixel_size: float) -> pd.DataFrame:
    moved = columns.assign(x_A=columns.x_A - x * pixel_size, y_A=columns.y_A - y * pixel_size)
    height, width = (n * pixel_size for n in shape)
    return moved[moved.x_A.between(0, width) & moved.y_A.between(0, height)].reset_index(drop=True)
