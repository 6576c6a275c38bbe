"""Images at another pixel size; pixel 0 keeps its place."""

import numpy as np
from scipy import sparse

_LOBES = 3  # of the Lanczos kernel (Duchon, J. Appl. Meteorol. 18, 1016 (1979)), on each side


def resampled(image: np.ndarray, pixel_size: float, target: float, shape: tuple[int, int] | None = None) -> np.ndarray:
    """An image at another pixel size, by a Lanczos kernel as wide as the larger pixels, so that nothing is aliased.

    Parameters
    ----------
    image : ndarray, shape (y, x)
        Without NaN.
    pixel_size, target : float
        Of the image, and of the result [A].
    shape : tuple of int, optional
        Of the result [px]; by default as many pixels as lie inside the image. Beyond its edges it is mirrored.

    Returns
    -------
    ndarray of float32, shape `shape`
        The image itself where the pixel sizes are equal.
    """
    if pixel_size == target:
        return image.astype(np.float32, copy=False)
    step = target / pixel_size
    down, across = shape or tuple(int((n - 1) / step + 1e-6) + 1 for n in image.shape)
    rows, columns = (_lanczos(n, step, count) for n, count in zip(image.shape, (down, across)))
    return rows @ (columns @ image.astype(np.float32, copy=False).T).T


def _lanczos(count: int, step: float, wanted: int) -> sparse.csr_array:
    """Weights of `count` pixels in each of `wanted` ones that lie `step` px apart."""
    places, stretch = step * np.arange(wanted), max(step, 1.0)
    taps = np.ceil(places - _LOBES * stretch)[:, None] + np.arange(int(2 * _LOBES * stretch) + 1)
    steps = (taps - places[:, None]) / stretch
    weights = np.where(np.abs(steps) < _LOBES, np.sinc(steps) * np.sinc(steps / _LOBES), 0)
    weights /= weights.sum(axis=1, keepdims=True)
    period = max(2 * (count - 1), 1)
    taps = taps.astype(int) % period
    sources = np.minimum(taps, period - taps) if count > 1 else np.zeros_like(taps)
    starts = np.arange(0, weights.size + 1, weights.shape[1])
    return sparse.csr_array((weights.astype(np.float32).ravel(), sources.ravel(), starts), shape=(wanted, count))
