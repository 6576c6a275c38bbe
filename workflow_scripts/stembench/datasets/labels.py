"""TEMImageNet's label images, made from columns (doi 10.1038/s41598-021-84499-w)."""

import numpy as np


def gaussian_mask(positions: np.ndarray, shape: tuple[int, int], pixel_size: float, fwhm: float) -> np.ndarray:
    """Gaussian peaks of height 1 at the columns.

    Parameters
    ----------
    positions : ndarray, shape (columns, 2)
        x and y [A].
    shape : tuple of int
        Height and width [px].
    pixel_size : float
        [A].
    fwhm : float
        Full width at half maximum of the peaks [A].

    Returns
    -------
    ndarray of float32, shape `shape`
        Overlapping peaks take their maximum.
    """
    sigma = fwhm / np.sqrt(8 * np.log(2)) / pixel_size
    return _stamped(positions / pixel_size, shape, 4 * sigma, lambda r2: np.exp(-r2 / (2 * sigma**2)))


def circular_mask(positions: np.ndarray, shape: tuple[int, int], pixel_size: float, radius: float) -> np.ndarray:
    """Discs of value 1 and `radius` [A] at the columns; otherwise as `gaussian_mask`."""
    radius_px = radius / pixel_size
    return _stamped(positions / pixel_size, shape, radius_px, lambda r2: r2 <= radius_px**2)


def _stamped(centres: np.ndarray, shape: tuple[int, int], reach: float, profile) -> np.ndarray:
    """Maximum over the columns of `profile` (of squared distance, px^2) within `reach` px."""
    image = np.zeros(shape, np.float32)
    half = int(np.ceil(reach)) + 1
    steps = np.arange(-half, half + 1)
    columns = np.round(centres[:, 0]).astype(int)[:, None] + steps
    rows = np.round(centres[:, 1]).astype(int)[:, None] + steps
    r2 = (columns - centres[:, :1])[:, None, :] ** 2 + (rows - centres[:, 1:])[:, :, None] ** 2
    values = np.where(r2 <= reach**2, profile(r2), 0).astype(np.float32)
    rows, columns = np.broadcast_arrays(rows[:, :, None], columns[:, None, :])
    inside = (rows >= 0) & (rows < shape[0]) & (columns >= 0) & (columns < shape[1])
    np.maximum.at(image, (rows[inside], columns[inside]), values[inside])
    return image
