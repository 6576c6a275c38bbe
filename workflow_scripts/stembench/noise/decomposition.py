"""The published decomposition of a real image into scan and pointwise noise, and its raw statistics.

Source: SFIN, Li et al., CVPR 2025, arXiv 2504.02555: B2 is the image blurred in two dimensions, B1 the image blurred
along the scan row alone; B1 - B2 is taken for scan noise and image - B1 for pointwise noise. Both hold some of the
signal, so these are statistics of an image, not parameters of its noise (see `calibration`).
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage, stats

from stembench.errors import InputError

#: Width of both blurs [px].
SMOOTH_PX = 2.0
#: Gradients (unscaled Sobel, as `gradient_magnitude`) above this hold too few pixels to tell anything (published code).
MAX_GRADIENT = 78.0
#: Percentiles of a raw image that become grey levels 0 and 255.
GREY_PERCENTILES = (0.1, 99.9)
_MIN_PIXELS_A_BIN = 200


@dataclass(frozen=True)
class Trend:
    """SD of a noise component in bins of what it depends on, and the straight line through it.

    `centres` (gradient or grey level), `sds` [grey] and pixel `counts` are arrays of one length.
    """

    centres: np.ndarray
    sds: np.ndarray
    counts: np.ndarray
    slope: float
    intercept: float

    def at(self, where: float) -> float:
        """The line's value."""
        return self.intercept + self.slope * where


@dataclass(frozen=True)
class RawStatistics:
    """What the decomposition finds in an image; SDs on grey levels 0 to 255."""

    scan: Trend
    pointwise: Trend
    tukey_lambda: float

    def to_dict(self) -> dict[str, float]:
        """As plain numbers, named `raw_*`."""
        return {
            "raw_scan_slope": self.scan.slope,
            "raw_scan_intercept": self.scan.intercept,
            "raw_pointwise_slope": self.pointwise.slope,
            "raw_pointwise_intercept": self.pointwise.intercept,
            "raw_tukey_lambda": self.tukey_lambda,
        }


def to_grey(image: np.ndarray) -> np.ndarray:
    """A raw image on the 0 to 255 grey scale: 8-bit images as they are, others with their 0.1 and 99.9 percentiles
    at the ends and nothing clipped."""
    if image.dtype == np.uint8:
        return image.astype(float)
    low, high = np.percentile(image, GREY_PERCENTILES)
    if not high > low:
        raise InputError("an image of one grey level has no noise to calibrate")
    return (image.astype(float) - low) * (255 / (high - low))


def gradient_magnitude(grey: np.ndarray) -> np.ndarray:
    """Sobel 3 x 3 gradient magnitude as published, without the 1/8 that would make it grey levels a pixel."""
    return np.hypot(ndimage.sobel(grey, axis=0), ndimage.sobel(grey, axis=1))


def raw_statistics(grey: np.ndarray) -> RawStatistics:
    """Decompose an image and fit the published trends to its parts.

    Parameters
    ----------
    grey : ndarray, shape (rows, columns)
        Grey levels, 0 to 255, scanned along the rows.
    """
    along_row = ndimage.gaussian_filter1d(grey, SMOOTH_PX, axis=1)
    smooth = ndimage.gaussian_filter(grey, SMOOTH_PX)
    gradient = gradient_magnitude(smooth)
    pointwise = grey - along_row
    return RawStatistics(
        scan=_trend(gradient, along_row - smooth, MAX_GRADIENT),
        pointwise=_trend(smooth, pointwise, 255.0),
        tukey_lambda=_tukey_shape(pointwise),
    )


def _trend(where: np.ndarray, noise: np.ndarray, highest: float) -> Trend:
    """SD of `noise` in bins of `where`, and a line through the bins, each counting the same.

    Bins are one unit wide, as published; wider in images of fewer than about 400 pixels a bin.
    """
    width = max(1.0, np.ceil(400 * highest / where.size))
    edges = np.arange(0, highest + width, width)
    bins = np.digitize(where.ravel(), edges) - 1
    valid = (bins >= 0) & (bins < len(edges) - 1)
    bins, noise = bins[valid], noise.ravel()[valid]
    counts = np.bincount(bins, minlength=len(edges) - 1)
    sums, squares = (np.bincount(bins, noise**power, minlength=len(edges) - 1) for power in (1, 2))
    used = counts >= _MIN_PIXELS_A_BIN
    counts, sums, squares = counts[used], sums[used], squares[used]
    sds = np.sqrt(np.maximum(squares / counts - (sums / counts) ** 2, 0))
    centres = ((edges[1:] + edges[:-1]) / 2)[used]
    if len(centres) < 3:
        raise InputError("an image shows too few grey levels or gradients to read its noise; give a larger one")
    slope, intercept = np.polyfit(centres, sds, 1)
    return Trend(centres, sds, counts, float(slope), float(intercept))


def _tukey_shape(noise: np.ndarray) -> float:
    """Tukey lambda by the probability-plot correlation coefficient (scipy), from a regular subset of pixels."""
    flat = noise.ravel()
    return float(stats.ppcc_max(flat[:: max(1, flat.size // 20_000)], brack=(-0.2, 0.8)))
