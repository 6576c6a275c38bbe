"""Patches of an image, over which uncertainties are bootstrapped."""

import numpy as np

_PATCH_PX = (16, 64)  # rows, columns: several times as far as noise is correlated, which is along the rows
_RESAMPLINGS = 300


def patch_numbers(shape: tuple[int, int]) -> np.ndarray:
    """Number of the patch that each pixel of an image of `shape` (at least 16 x 64) belongs to."""
    rows, columns = (np.minimum(np.arange(n) // size, n // size - 1) for n, size in zip(shape, _PATCH_PX))
    return rows[:, None] * (columns[-1] + 1) + columns


def resampled(patches: int, rng: np.random.Generator) -> np.ndarray:
    """How often each patch is drawn in each resampling of a bootstrap, shape (resamplings, patches)."""
    return rng.multinomial(patches, np.full(patches, 1 / patches), _RESAMPLINGS).astype(float)
