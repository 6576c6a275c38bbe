"""Test sets from a lab image: reference columns from the undegraded image, then lower doses."""

from pathlib import Path

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from stembench.config import LabTestset
from stembench.datasets.sample import Sample
from stembench.datasets.store import columns_by_sample, open_shards, read_table
from stembench.imaging.detectors import Mode, bright_columns
from stembench.localisation.peaks import PeakSettings, find_columns

_BACKGROUND_SIGMA_A = 1.5


def reference_columns(image: np.ndarray, pixel_size: float, mode: Mode, settings: LabTestset) -> pd.DataFrame:
    """Reference columns of an undegraded image, for detection alone.

    Local maxima (in ABF and BF minima) of the image after Gaussian smoothing and subtraction of a wide Gaussian, above
    a threshold, refined to sub-pixel by parabolas. They are as good as the eye that has checked the figure of them.

    Returns
    -------
    DataFrame
        As `Sample.columns`; every column is asked for, resolved and not hidden.
    """
    peaks = PeakSettings(settings.reference_sigma_A, _BACKGROUND_SIGMA_A, settings.reference_threshold, relative=True)
    positions, heights = find_columns(bright_columns(image, mode), pixel_size, peaks)
    neighbour = cKDTree(positions).query(positions, k=2)[0][:, 1]
    return pd.DataFrame(
        {
            "x_A": positions[:, 0],
            "y_A": positions[:, 1],
            "strength": heights / heights.max(),
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
        Edge of a block [px]; what is left over at the right and bottom is left out.
    counts_per_px : tuple of float
        Doses, as electrons at the brightest columns.
    draws : int
        Noise draws of each block and dose; the draws of a block share its `structure` number.
    name : str
        Name of the image.
    mode : Mode
        Its detector's.
    """
    samples = []
    places = block_corners(image.shape, block)
    for level, counts in enumerate(counts_per_px):
        for draw in range(draws):
            rng = np.random.default_rng(np.random.SeedSequence(0, spawn_key=(level, draw)))
            noisy = thinned(image, counts, rng)
            for place, (y, x) in enumerate(places):
                part = noisy[y : y + block, x : x + block]
                drawn = {
                    "sample": len(samples),
                    "structure": place,
                    "material": name,
                    "zone": "",
                    "mode": mode,
                    "pixel_size_A": pixel_size,
                    "counts_per_px": counts,
                    "draw": draw,
                }
                scaled = ((part - part.min()) / max(np.ptp(part), 1)).astype(np.float32)
                samples.append(Sample({"image": scaled}, _inside(columns, x, y, block, pixel_size), drawn))
    return samples


def block_corners(shape: tuple[int, int], block: int) -> list[tuple[int, int]]:
    """Row and column of the first pixel of each block of an image, by its `structure` number."""
    rows, across = (n // block for n in shape)
    return [(block * row, block * column) for row in range(rows) for column in range(across)]


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
    images : ndarray of float32, shape (2, block, block)
        Both from 0 to 1.
    pixel_size : float
        [A].
    """
    samples, columns = read_table([testset], "samples"), columns_by_sample([testset])
    thin = samples[(samples.counts_per_px == counts_per_px) & (samples.draw == 0)]
    position = thin["sample"].map({number: len(rows) for number, rows in columns.items()}).idxmax()
    shown = open_shards([testset], ["image"]).image.values[position]
    y, x = block_corners(image.shape, len(shown))[samples.structure[position]]
    recorded = image[y : y + len(shown), x : x + len(shown)]
    return np.stack([_full_range(recorded), shown]), float(samples.pixel_size_A[position])


def _full_range(image: np.ndarray) -> np.ndarray:
    return ((image - image.min()) / max(np.ptp(image), 1e-12)).astype(np.float32)


def _inside(columns: pd.DataFrame, x: int, y: int, block: int, pixel_size: float) -> pd.DataFrame:
    moved = columns.assign(x_A=columns.x_A - x * pixel_size, y_A=columns.y_A - y * pixel_size)
    edge = block * pixel_size
    return moved[moved.x_A.between(0, edge) & moved.y_A.between(0, edge)].reset_index(drop=True)
