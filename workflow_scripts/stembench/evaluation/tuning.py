"""Settings of methods, chosen for each dose on validation images."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd
from scipy import ndimage

from stembench.config import Evaluation
from stembench.evaluation.matching import Truth, assign
from stembench.localisation.peaks import PeakSettings, find_columns
from stembench.products import read_json

Settings = TypeVar("Settings")

Find = Callable[[np.ndarray, pd.Series, PeakSettings], tuple[np.ndarray, np.ndarray]]

#: The level of a set whose images have no dose.
NO_DOSE = "none"
#: Prefix of the settings that are best with gain and offset free.
FREE = "free_"
_MOST_LEVELS = 20  # of a dose series

#: Settings that are tried for reading columns from a network's map.
MAP_SETTINGS = [
    PeakSettings(sigma, 0.0, threshold, relative=False)
    for sigma in (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)
    for threshold in (0.001, 0.0015, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.08, 0.12, 0.2, 0.3)
]


def dose_levels(samples: pd.DataFrame) -> list[str]:
    """The level of each sample: its counts per pixel, or `NO_DOSE` where they are not those of a series."""
    if "counts_per_px" not in samples or samples.counts_per_px.nunique() > _MOST_LEVELS:
        return [NO_DOSE] * len(samples)
    return [f"{counts:g}" for counts in samples.counts_per_px]


def nearest_level(level: str, tuned: Sequence[str]) -> str:
    """The tuned level nearest to `level` on a logarithmic scale."""
    if level in tuned:
        return level
    known = [name for name in tuned if name != NO_DOSE]
    if level == NO_DOSE or not known:
        raise ValueError(f"no settings were tuned for images of dose {level}")
    return min(known, key=lambda name: abs(np.log(float(name) / float(level))))


def found_in_map(image: np.ndarray, sample: pd.Series, settings: PeakSettings) -> tuple[np.ndarray, np.ndarray]:
    """Maxima of a map and their heights."""
    return find_columns(image, sample.pixel_size_A, settings)


def tune_peaks(
    maps: Sequence[np.ndarray],
    samples: pd.DataFrame,
    columns: dict[int, pd.DataFrame],
    grid: Sequence[PeakSettings],
    evaluation: Evaluation,
    find: Find = found_in_map,
    spared: float = 0.0,
) -> dict[str, dict]:
    """For each dose, the settings of the highest F1 over columns that are resolved and not hidden.

    F1 is averaged with weights 1, 2, 1 over neighbouring thresholds before the best is taken, so that none is chosen
    that stands on an edge by chance. Of settings whose F1 is nearly the best, those of the highest precision are taken.

    Parameters
    ----------
    maps : sequence of ndarray, shape (y, x)
        Images or network maps, in the order of `samples`.
    samples : DataFrame
        Their parameters.
    columns : dict
        Truth by sample number.
    grid : sequence of PeakSettings
        What is tried. Settings that differ in their threshold alone share one search for maxima.
    evaluation : Evaluation
        Match radius and border.
    find : callable
        Positions [A] and heights of what is found in a map, given the sample's parameters and settings.
    spared : float
        By how much F1 may be lower than the best.

    Returns
    -------
    dict
        Level to `settings` and their `f1`.
    """
    families: dict[tuple, list[PeakSettings]] = {}
    for settings in sorted(grid, key=lambda s: s.threshold):
        families.setdefault((settings.sigma_A, settings.background_sigma_A, settings.relative), []).append(settings)
    counts = {(level, settings): np.zeros(3) for level in set(dose_levels(samples)) for settings in grid}
    for image, level, (_, sample) in zip(maps, dose_levels(samples), samples.iterrows()):
        extent = tuple(n * sample.pixel_size_A for n in image.shape)
        truth = Truth.of(columns[sample["sample"]], evaluation)
        for family in families.values():
            positions, heights = find(image, sample, family[0])
            assigned, outcomes = -1, np.zeros(3)
            for settings in family:
                found = positions[heights > settings.threshold]
                if len(found) != assigned:  # a higher threshold leaves out the lowest: as many are the same
                    assigned, outcomes = len(found), _outcomes(found, truth, extent, evaluation)
                counts[level, settings] += outcomes
    best: dict[str, dict] = {}
    for level in sorted(set(dose_levels(samples))):
        scored: list[tuple[float, float, PeakSettings]] = []
        for family in families.values():
            tp, fp, fn = np.array([counts[level, settings] for settings in family]).T
            f1 = ndimage.convolve1d(2 * tp / np.maximum(2 * tp + fp + fn, 1), [0.25, 0.5, 0.25], mode="nearest")
            precision = tp / np.maximum(tp + fp, 1)
            scored += zip(f1.tolist(), precision.tolist(), family)
        highest = max(f1 for f1, *_ in scored)
        nearly = [each for each in scored if each[0] >= highest - spared]
        score, _, settings = max(nearly, key=lambda each: each[1] if spared else each[0])
        best[level] = {"settings": settings.to_dict(), "f1": score}
    return best


def _outcomes(found: np.ndarray, truth: Truth, extent: tuple[float, float], evaluation: Evaluation) -> np.ndarray:
    """Numbers of true, false and missed columns, of those that are resolved and not hidden."""
    found_at, truth_at, counts_with = assign(found, truth, extent, evaluation)
    clear = np.append(truth.clear, True)[counts_with]
    hit, lost = found_at[clear] >= 0, truth_at[clear] < 0
    return np.array([np.sum(hit & ~lost), np.sum(lost), np.sum(~hit)])


def best_by_level(levels: Sequence[str], scores: Sequence[dict], *, prefix: str = "", metric: str) -> dict[str, dict]:
    """For each dose, the settings (keys of `scores`) of the highest mean score, under `{prefix}settings`."""
    best = {}
    for level in sorted(set(levels)):
        chosen = [score for at, score in zip(levels, scores) if at == level]
        means = {settings: float(np.mean([score[settings] for score in chosen])) for settings in chosen[0]}
        settings = max(means, key=means.__getitem__)
        best[level] = {f"{prefix}settings": vars(settings), metric: means[settings]}
    return best


def best_tuned(paths: Sequence[str | Path], levels: Sequence[str]) -> tuple[str, str | Path]:
    """Of filters that were tuned on one dataset, that of the highest mean PSNR with a free scale, and its file."""

    def psnr(path: str | Path) -> float:
        tuned = read_json(path)["levels"]
        return float(np.mean([tuned[nearest_level(level, list(tuned))]["psnr_free_db"] for level in levels]))

    best = max(paths, key=psnr)
    return read_json(best)["method"], best


def read_tuning(path: str | Path, settings_type: Callable[..., Settings], level: str, *, prefix: str = "") -> Settings:
    """The stored settings for a dose; those of filters with the prefix `FREE` are for images of any gain and offset."""
    levels = read_json(path)["levels"]
    return settings_type(**levels[nearest_level(level, list(levels))][f"{prefix}settings"])
