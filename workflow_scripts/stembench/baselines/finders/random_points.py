"""Random points: the floor of every detection metric."""

import hashlib

import numpy as np

from stembench.baselines.finders.base import Finder
from stembench.localisation.peaks import PeakSettings, find_columns


def random_points(image: np.ndarray, pixel_size: float, settings: PeakSettings) -> tuple[np.ndarray, np.ndarray]:
    """Return as many uniformly random points [A] as there are smoothed maxima, and the heights of these."""
    _, heights = find_columns(image, pixel_size, settings)
    rng = np.random.default_rng(int.from_bytes(hashlib.sha256(image.tobytes()).digest()[:8]))
    return rng.uniform(0, 1, (len(heights), 2)) * np.array(image.shape[::-1]) * pixel_size, heights


FINDER = Finder(find=random_points, tuned_as="smoothed_maxima", kind="floor")
