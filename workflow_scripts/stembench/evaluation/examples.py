"""Images that figures show, and what a method makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import pandas as pd

from stembench.evaluation.tuning import NO_DOSE, dose_levels
from stembench.products import whole

_NUMBER = 3


@dataclass(frozen=True)
class Examples:
    """What a method makes of some images.

    Attributes
    ----------
    titles : ndarray of str, shape (images,)
        What each shows.
    pixel_sizes : ndarray, shape (images,)
        [A].
    images : ndarray, shape (images, y, x)
        Grey levels in [0, 1].
    outputs : ndarray, shape (images, scale * y, scale * x)
        Of the method.
    targets : ndarray, shape (images, scale * y, scale * x)
        What they should be; none (0, 0, 0) where nobody knows.
    note : str
        Why there are no images, empty where there are.
    """

    titles: np.ndarray
    pixel_sizes: np.ndarray
    images: np.ndarray
    outputs: np.ndarray
    targets: np.ndarray
    note: str = ""

    @classmethod
    def none(cls, note: str) -> Examples:
        """Of a method that cannot be had."""
        empty = np.empty((0, 0, 0), np.float32)
        return cls(np.empty(0, str), np.empty(0), empty, empty, empty, note)

    @classmethod
    def read(cls, path: str | Path) -> Examples:
        """From an `.npz` file."""
        with np.load(path) as stored:
            return cls(**{**stored, "note": str(stored["note"])})

    def write(self, path: str | Path) -> None:
        """To an `.npz` file."""
        with whole(path) as partial:
            np.savez(partial, **{field.name: getattr(self, field.name) for field in fields(self)})


def example_positions(samples: pd.DataFrame) -> list[int]:
    """Positions of a few samples, far from each other in the table, at the lowest dose but one."""
    levels = dose_levels(samples)
    level = sorted(set(levels), key=lambda name: 0 if name == NO_DOSE else float(name))[:2][-1]
    positions = [position for position, at in enumerate(levels) if at == level]
    return positions[:: max(1, len(positions) // _NUMBER)][:_NUMBER]


def example_titles(samples: pd.DataFrame, positions: Sequence[int]) -> np.ndarray:
    """Material, zone axis and dose of samples."""
    titles = []
    for _, sample in samples.iloc[positions].iterrows():
        zone = f" [{sample.zone}]" if sample.zone else ""
        dose = f"\n{sample.counts_per_px:g} e/px" if np.isfinite(sample.get("counts_per_px", np.nan)) else ""
        titles.append(f"{sample.material.replace('_', ' ')}{zone}{dose}")
    return np.array(titles)
