"""Local maxima with sub-pixel positions.

scipy and scikit-image are imported where they are used: the workflow reads settings from here when it plans.
"""

from dataclasses import asdict, dataclass

import numpy as np

#: Closest that two columns are told apart [A].
MIN_DISTANCE_A = 0.5


@dataclass(frozen=True)
class PeakSettings:
    """How columns are read from a map.

    Attributes
    ----------
    sigma_A : float
        Width of the Gaussian the map is smoothed with [A].
    background_sigma_A : float
        Width of a second, wider Gaussian whose result is subtracted [A]; 0 subtracts nothing.
    threshold : float
        Lowest maximum that counts, in units of the map after smoothing; see `relative`.
    relative : bool
        Whether the threshold is a fraction of the 99.5 percentile of the smoothed map.
    """

    sigma_A: float
    background_sigma_A: float
    threshold: float
    relative: bool

    def to_dict(self) -> dict:
        """As plain values."""
        return asdict(self)


def smoothed(image: np.ndarray, pixel_size: float, settings: PeakSettings) -> np.ndarray:
    """The map that maxima are taken of: smoothed, less its background, scaled where the threshold is relative."""
    from scipy import ndimage

    image = image.astype(float)
    result = ndimage.gaussian_filter(image, settings.sigma_A / pixel_size) if settings.sigma_A else image
    if settings.background_sigma_A:
        result = result - ndimage.gaussian_filter(image, settings.background_sigma_A / pixel_size)
    if settings.relative:
        low, high = (0.0 if settings.background_sigma_A else np.percentile(result, 0.5)), np.percentile(result, 99.5)
        result = (result - low) / max(high - low, 1e-12)
    return result


def find_columns(image: np.ndarray, pixel_size: float, settings: PeakSettings) -> tuple[np.ndarray, np.ndarray]:
    """Find the maxima of an image, or of the map of a network.

    Parameters
    ----------
    image : ndarray, shape (y, x)
        Bright columns.
    pixel_size : float
        Pixel size [A].
    settings : PeakSettings
        Smoothing and threshold.

    Returns
    -------
    positions : ndarray, shape (columns, 2)
        x and y [A], refined by a parabola through the maximum and its neighbours on each axis. The bias for a
        noise-free Gaussian is 0.012 px at most for sigma 2 px and 0.05 px for 1 px, towards the centre of the pixel.
    heights : ndarray, shape (columns,)
        Value of the smoothed map at each maximum, the strongest first.
    """
    surface = smoothed(image, pixel_size, settings)
    rows, columns = _maxima(surface, max(1, round(MIN_DISTANCE_A / pixel_size)), settings.threshold).T
    heights = surface[rows, columns]
    y = rows + _vertex(surface[rows - 1, columns], heights, surface[rows + 1, columns])
    x = columns + _vertex(surface[rows, columns - 1], heights, surface[rows, columns + 1])
    return np.stack([x, y], axis=1) * pixel_size, heights


def _maxima(surface: np.ndarray, distance: int, threshold: float) -> np.ndarray:
    """Return row and column of each pixel that is the highest within a distance [px], the strongest first.

    Of a plateau those pixels are returned, the first ones first, that are a distance apart along a row or column.
    """
    from skimage.feature import peak_local_max

    within = np.ones((2 * distance + 1,) * 2)  # by its `min_distance` scikit-image takes ten times as long
    maxima = peak_local_max(surface, footprint=within, threshold_abs=threshold, exclude_border=1)
    near, kept = np.zeros(surface.shape, dtype=bool), []
    for number, (row, column) in enumerate(maxima.tolist()):
        if not near[row, column]:
            kept.append(number)
            rows, columns = (slice(max(at - distance + 1, 0), at + distance) for at in (row, column))
            near[rows, columns] = True
    return maxima[kept]


def _vertex(before: np.ndarray, at: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Offset of the vertex of the parabola through three samples about a maximum [samples]."""
    curvature = before - 2 * at + after
    return np.where(curvature < 0, 0.5 * (before - after) / np.where(curvature < 0, curvature, -1), 0)
