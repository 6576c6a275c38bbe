"""Patches of an image, over which uncertainties are bootstrapped."""

import numpy as np

_PATCH_PX = (16, 64)  # rows, columns: several times as far as noise is correlated, which is along the rows
_BAND_ROWS = 8
_RESAMPLINGS = 300


def patch_numbers(shape: tuple[int, int]) -> np.ndarray:
    """Number of the patch that each pixel of an image of `shape` (at least 16 x 64) belongs to."""
    rows, columns = (np.minimum(np.arange(n) // size, n // size - 1) for n, size in zip(shape, _PATCH_PX))
    return rows[:, None] * (columns[-1] + 1) + columns


def row_bands(shape: tuple[int, int]) -> np.ndarray:
    """Number of the band of rows that each pixel of an image of `shape` belongs to.

    Displaced rows correlate the noise along the whole row; rows are independent of each other.
    """
    rows = np.minimum(np.arange(shape[0]) // _BAND_ROWS, max(shape[0] // _BAND_ROWS - 1, 0))
    return np.broadcast_to(rows[:, None], shape)


def row_starts(rows: int) -> np.ndarray:
    """First row of each of these bands."""
    return np.arange(max(rows // _BAND_ROWS, 1)) * _BAND_ROWS


def resampled(patches: int, rng: np.random.Generator) -> np.ndarray:
    """How often each patch is drawn in each resampling of a bootstrap, shape (resamplings, patches)."""
    return rng.multinomial(patches, np.full(patches, 1 / patches), _RESAMPLINGS).astype(float)
