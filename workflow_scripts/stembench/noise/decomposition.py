"""The published decomposition of a real image into scan and pointwise noise, and its raw statistics.

Source: SFIN, Li et al., CVPR 2025, arXiv 2504.02555: B2 is the image blurred in two dimensions, B1 the image blurred
along the scan row alone; B1 - B2 is taken for scan noise and image - B1 for pointwise noise. Both hold some of the
signal, so these are statistics of an image, not parameters of its noise (see `calibration`).
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage, optimize, special

from stembench.errors import InputError
from stembench.noise.patches import row_bands

#: Width of both blurs [px].
SMOOTH_PX = 2.0
#: Gradients (unscaled Sobel, as `gradient_magnitude`) above this hold too few pixels to tell anything (published code).
MAX_GRADIENT = 78.0
#: Percentiles of a raw image that become grey levels 0 and 255.
GREY_PERCENTILES = (0.1, 99.9)

MAX_GREY = 255.0
_MIN_PIXELS_A_BIN = 200
#: Edges of the histogram of pointwise noise [SD].
STANDARD_BINS = np.linspace(-8, 8, 201)


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

    def at(self, where: np.ndarray) -> np.ndarray:
        """The line's values."""
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


@dataclass(frozen=True)
class BinnedNoise:
    """A noise component by patch of the image and bin of what it depends on: pixels, their sum and sum of squares.

    `sums` has shape (3, patches, bins), `centres` shape (bins,).
    """

    centres: np.ndarray
    sums: np.ndarray

    @classmethod
    def of(cls, noise: np.ndarray, where: np.ndarray, highest: float, patches: np.ndarray) -> "BinnedNoise":
        """Bins are one unit wide, as published; wider in images of fewer than about 400 pixels a bin."""
        width = max(1.0, np.ceil(400 * highest / where.size))
        count = int(np.ceil(highest / width))
        bins = np.floor(where / width).astype(int)
        valid = (bins >= 0) & (bins < count)
        cells, values = (patches * count + bins)[valid], noise[valid]
        shape = (int(patches.max()) + 1, count)
        sums = [np.bincount(cells, weights, np.prod(shape)) for weights in (None, values, values**2)]
        return cls((np.arange(count) + 0.5) * width, np.reshape(sums, (3, *shape)))

    @property
    def used(self) -> np.ndarray:
        """Bins that hold enough pixels."""
        return self.sums[0].sum(0) >= _MIN_PIXELS_A_BIN

    def sds(self, weights: np.ndarray) -> np.ndarray:
        """SD in each used bin, shape (..., bins), with patches weighted, weights of shape (..., patches)."""
        counts, sums, squares = (weights @ each[:, self.used] for each in self.sums)
        counts = np.maximum(counts, 1)
        return np.sqrt(np.maximum(squares / counts - (sums / counts) ** 2, 0))

    def line(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Slope and intercept of the straight line through the SDs, each bin counting the same."""
        if self.used.sum() < 3:
            raise InputError("an image shows too few grey levels or gradients to read its noise; give a larger one")
        sds, centres = self.sds(weights), self.centres[self.used]
        slope = sds @ (centres - centres.mean()) / np.sum((centres - centres.mean()) ** 2)
        return slope, sds.mean(-1) - slope * centres.mean()

    def trend(self) -> Trend:
        """Over the whole image."""
        everywhere = np.ones(self.sums.shape[1])
        slope, intercept = self.line(everywhere)
        counts = self.sums[0].sum(0)[self.used]
        return Trend(self.centres[self.used], self.sds(everywhere), counts, float(slope), float(intercept))


@dataclass(frozen=True)
class PatchStatistics:
    """All that the raw statistics of any selection of an image's bands of rows need.

    Attributes
    ----------
    scan, pointwise : BinnedNoise
        Scan noise by gradient, pointwise noise by grey level.
    histogram : ndarray, shape (patches, bins)
        Of pointwise noise over its SD at that grey level.
    """

    scan: BinnedNoise
    pointwise: BinnedNoise
    histogram: np.ndarray

    @classmethod
    def of(cls, grey: np.ndarray) -> "PatchStatistics":
        """Decompose an image, shape (rows, columns), grey levels 0 to 255, scanned along the rows."""
        along_row = ndimage.gaussian_filter1d(grey, SMOOTH_PX, axis=1)
        smooth = ndimage.gaussian_filter1d(along_row, SMOOTH_PX, axis=0)
        residual = grey - along_row
        patches = row_bands(grey.shape)
        scan = BinnedNoise.of(along_row - smooth, gradient_magnitude(smooth), MAX_GRADIENT, patches)
        pointwise = BinnedNoise.of(residual, smooth, MAX_GREY, patches)
        return cls(scan, pointwise, standardised_histogram(residual, smooth, pointwise, patches))

    @property
    def patches(self) -> int:
        """How many."""
        return len(self.histogram)

    def raw(self) -> RawStatistics:
        """Of the whole image."""
        return RawStatistics(self.scan.trend(), self.pointwise.trend(), tukey_shape(self.histogram.sum(0)))


def standardised_histogram(noise: np.ndarray, grey: np.ndarray, binned: BinnedNoise, patches: np.ndarray) -> np.ndarray:
    """Histogram, by patch, of pointwise noise over its SD at that grey level, shape (patches, bins)."""
    trend = binned.trend()
    sds = np.interp(grey, trend.centres, trend.sds, left=np.nan, right=np.nan)
    seen = sds > 0  # grey levels of few pixels are left out, as in the trend
    position = (noise[seen] / sds[seen] - STANDARD_BINS[0]) / (STANDARD_BINS[1] - STANDARD_BINS[0])
    shape = (int(patches.max()) + 1, len(STANDARD_BINS) - 1)
    cells = patches[seen] * shape[1] + np.clip(position, 0, shape[1] - 1).astype(int)
    return np.bincount(cells, minlength=np.prod(shape)).reshape(shape)


def grey_scale(image: np.ndarray) -> tuple[float, float]:
    """What is grey level 0 in a raw image, and grey levels a unit: 8-bit images are taken as they are, others have
    their 0.1 and 99.9 percentiles at grey levels 0 and 255."""
    if image.dtype == np.uint8:
        return 0.0, 1.0
    low, high = (float(value) for value in np.percentile(image, GREY_PERCENTILES))
    if not high > low:
        raise InputError("an image of one grey level has no noise to calibrate")
    return low, 255 / (high - low)


def to_grey(image: np.ndarray) -> np.ndarray:
    """A raw image on the 0 to 255 grey scale (`grey_scale`), nothing clipped."""
    low, scale = grey_scale(image)
    return (image.astype(float) - low) * scale


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
    return PatchStatistics.of(grey).raw()


def tukey_sd(shape: float) -> float:
    """Standard deviation of the Tukey-lambda distribution of scale 1 (1.81 at 0, 1.45 at 0.14)."""
    if abs(shape) < 1e-5:  # the logistic distribution, where the formula loses its digits
        return np.pi / np.sqrt(3)
    return float(np.sqrt(2 * (1 / (1 + 2 * shape) - special.beta(shape + 1, shape + 1))) / abs(shape))


def tukey_shape(histogram: np.ndarray) -> float:
    """Tukey lambda by the probability-plot correlation coefficient (Filliben 1975, doi 10.1080/00401706.1975.10489279).

    `histogram` is over `STANDARD_BINS`. The quantile function's mean over a bin's share of probability has a closed
    form.
    """
    cumulative = np.append(0, np.cumsum(histogram)) / max(histogram.sum(), 1)
    centres = (STANDARD_BINS[1:] + STANDARD_BINS[:-1]) / 2

    def correlation(shape: float) -> float:
        integral = (cumulative ** (shape + 1) + (1 - cumulative) ** (shape + 1) - 1) / (shape * (shape + 1))
        return centres @ np.diff(integral) / tukey_sd(shape)

    found = optimize.minimize_scalar(lambda shape: -correlation(shape), bounds=(-0.45, 1.0), method="bounded")
    return float(found.x)
