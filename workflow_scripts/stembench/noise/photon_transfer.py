"""Gain and dose of an image from the photon-transfer curve: shot noise has a variance in proportion to the mean.

Source: Janesick, Photon Transfer (2007), doi 10.1117/3.725073: variance = gain (mean - offset) + readout^2.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from stembench.noise.lattice import lattice_estimate
from stembench.noise.patches import patch_numbers, resampled

_HIGH_PASS = np.array([1, -4, 6, -4, 1]) / np.sqrt(70)  # keeps the variance of white noise
_BINS = 24
_LARGEST_DEVIATION, _LARGEST_REST = 0.1, 0.3  # of variances from the line, rms, over their mean and over their SD
_SIGNIFICANCE = 3.0  # standard errors


@dataclass(frozen=True)
class PhotonTransfer:
    """Mean-variance line of an image, in the image's own units.

    Attributes
    ----------
    means, variances : ndarray, shape (bins,)
        Signal, and variance of the pixel noise.
    gain : float
        Units an electron; 0 or less if the variance does not rise with the signal.
    dark_level : float
        Signal at which the line has no variance: the offset less readout^2 / gain.
    counts_per_px : float
        Electrons counted in a pixel, mean over the image, if readout noise is negligible, and too many if it is not.
    standard_errors : dict of str to float
        Of these three.
    """

    means: np.ndarray
    variances: np.ndarray
    gain: float
    dark_level: float
    counts_per_px: float
    standard_errors: dict[str, float]

    def line(self, mean: np.ndarray) -> np.ndarray:
        """Variance at a signal."""
        return self.gain * (mean - self.dark_level)

    def reasons(self) -> list[str]:
        """Why the line does not hold and the numbers mean nothing; empty if it does."""
        if self.gain <= _SIGNIFICANCE * self.standard_errors["gain"]:
            return ["the variance of the noise does not rise with the signal"]
        residual = np.std(self.variances - self.line(self.means))
        deviation, left = residual / self.variances.mean(), residual / self.variances.std()
        if deviation > _LARGEST_DEVIATION or left > _LARGEST_REST:
            return [f"the variance deviates from a line by {deviation:.0%} (rms), {left:.0%} of its rise"]
        return []

    def to_dict(self, pixel_size: float | None) -> dict:
        """As plain numbers; with the electrons counted an area where the pixel size [A] is known."""
        stated = {
            name: {"estimate": getattr(self, name), "standard_error": error}
            for name, error in self.standard_errors.items()
        }
        if pixel_size:
            counts = stated["counts_per_px"]
            stated["counted_e_per_A2"] = {key: value / pixel_size**2 for key, value in counts.items()}
        curve = {"means": self.means.tolist(), "variances": self.variances.tolist()}
        reasons = self.reasons()
        return stated | curve | {"line_holds": not reasons, "reasons": reasons}


def photon_transfer(image: np.ndarray, signal: np.ndarray, rng: np.random.Generator) -> PhotonTransfer:
    """Fit the mean-variance line to the pixel noise of one image.

    The noise is seen in fourth differences along both axes, which pass neither the lattice nor scan noise. What
    correlates it from pixel to pixel (afterglow, filters) takes variance away and makes the counts too many. The
    errors of the signal's estimate flatten the line; by how much is learnt from a synthetic image of known gain.

    Parameters
    ----------
    image : ndarray, shape (rows, columns)
        Raw intensities.
    signal : ndarray, shape (rows, columns)
        What it shows without noise, estimated by `lattice.lattice_estimate`.
    rng : numpy.random.Generator
        Of the synthetic image and the bootstrap over patches.
    """
    curve = _Curve.of(image, signal)
    everywhere = np.ones(curve.patches)
    seen = curve.line(everywhere)
    tilt = 1.0
    if seen[0] > 0:
        synthetic = seen[1] + seen[0] * rng.poisson(np.maximum(signal - seen[1], 0) / seen[0])
        tilt = _tilt(synthetic, signal)
    gain, dark_level, counts = curve.line(everywhere, tilt)
    samples = [curve.line(weights, tilt) for weights in resampled(curve.patches, rng)]
    errors = np.std(samples, axis=0, ddof=1).tolist()
    return PhotonTransfer(
        *curve.binned(everywhere),
        gain,
        dark_level,
        counts,
        dict(zip(("gain", "dark_level", "counts_per_px"), errors)),
    )


def _tilt(synthetic: np.ndarray, signal: np.ndarray) -> float:
    """Gain by the true signal over gain by the estimated one."""
    gains = []
    for known in (signal, lattice_estimate(synthetic)):
        curve = _Curve.of(synthetic, known)
        gains.append(curve.line(np.ones(curve.patches))[0])
    return gains[0] / gains[1] if gains[1] > 0 else 1.0


@dataclass(frozen=True)
class _Curve:
    """Pixels, their means and their variances, summed by patch and bin of the mean, shape (3, patches, bins)."""

    sums: np.ndarray

    @classmethod
    def of(cls, image: np.ndarray, signal: np.ndarray) -> "_Curve":
        variance = _along_both(image - signal, _HIGH_PASS) ** 2
        mean = _along_both(signal, _HIGH_PASS**2)  # of the pixels in a difference, as they weigh in its variance
        edges = np.unique(np.quantile(mean, np.arange(1, _BINS) / _BINS))
        patches, bins = patch_numbers(image.shape), np.searchsorted(edges, mean)
        shape = (int(patches.max()) + 1, len(edges) + 1)
        cells = (patches * shape[1] + bins).ravel()
        weights = (None, mean.ravel(), variance.ravel())
        return cls(np.array([np.bincount(cells, each, np.prod(shape)).reshape(shape) for each in weights]))

    @property
    def patches(self) -> int:
        return self.sums.shape[1]

    def binned(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        counts, means, variances = (weights @ each for each in self.sums)
        seen = counts > 0
        return means[seen] / counts[seen], variances[seen] / counts[seen]

    def line(self, weights: np.ndarray, tilt: float = 1.0) -> tuple[float, float, float]:
        """Gain, dark level and mean counts; the bins hold equally many pixels, so errors go with the variance."""
        means, variances = self.binned(weights)
        if len(means) < 2 or variances.min() <= 0:
            return 0.0, 0.0, 0.0
        gain, _ = np.polyfit(means, variances, 1, w=1 / variances)
        gain *= tilt
        middle = np.average(means, weights=variances**-2.0), np.average(variances, weights=variances**-2.0)
        if gain <= 0:
            return float(gain), 0.0, 0.0
        dark_level = middle[0] - middle[1] / gain
        return float(gain), float(dark_level), float((means.mean() - dark_level) / gain)


def _along_both(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    return ndimage.convolve1d(ndimage.convolve1d(image, kernel, axis=0), kernel, axis=1)
