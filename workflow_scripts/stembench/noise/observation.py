"""What is compared of a real and of synthetic images: statistics of their noise when their rows are displaced back.

The parts of the noise are those of the published decomposition (`decomposition`), but of what the lattice leaves of an
image, so that they hold no signal; and scan noise is compared by the gradient of the lattice, not by that of the noisy
image.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from stembench.noise.calibrated import smooth_gradient
from stembench.noise.decomposition import (
    MAX_GRADIENT,
    MAX_GREY,
    SMOOTH_PX,
    BinnedNoise,
    standardised_histogram,
    tukey_shape,
)
from stembench.noise.lattice import lattice_estimate
from stembench.noise.patches import row_bands, row_starts
from stembench.noise.registration import Registration, RowDisplacements, Whitening
from stembench.noise.streaks import correlations, row_products

#: Grey levels where the line of pointwise noise is compared.
GREYS = (64.0, 192.0)
_GRADIENT_PERCENTILES = (10, 90)
_LEAST_RANGE = 1.0  # of gradients


@dataclass(frozen=True)
class Scale:
    """What observations of one image and of its synthetic images share.

    Attributes
    ----------
    whitening : Whitening
        For the registration of rows.
    gradient_noise : float
        Mean square of the gradient of the noise that an estimated lattice keeps.
    gradients : tuple of float
        Where the line of scan noise is compared: at a flat and at a steep place of the lattice.
    """

    whitening: Whitening
    gradient_noise: float
    gradients: tuple[float, float]

    @classmethod
    def of(cls, image: np.ndarray, lattice: np.ndarray, rng: np.random.Generator) -> "Scale":
        """Of an image and the estimate of its lattice, shape (rows, columns).

        What an estimate keeps of the noise is seen in that of another image: the lattice with the noise of other rows.
        """
        whitening = Whitening.of(image, lattice)
        _, rest = Registration.on(lattice, whitening).of(image)
        kept = lattice_estimate(lattice + rng.permutation(rest)) - lattice
        noise = float(np.mean(smooth_gradient(kept) ** 2))
        gradient = np.minimum(_gradient(lattice, noise), MAX_GRADIENT)
        low, high = (float(each) for each in np.percentile(gradient, _GRADIENT_PERCENTILES))
        return cls(whitening, noise, (low, max(high, low + _LEAST_RANGE)))


def _gradient(lattice: np.ndarray, noise: float) -> np.ndarray:
    """Gradient magnitude of an estimated lattice, as `calibrated.smooth_gradient`, free of that of its noise."""
    return np.sqrt(np.maximum(smooth_gradient(lattice) ** 2 - noise, 0))


@dataclass(frozen=True)
class Reference:
    """A lattice, prepared for observations of several images on it.

    Attributes
    ----------
    gradient : ndarray, shape (rows, columns)
        Of the lattice, on which the SD of scan noise depends.
    steep : ndarray, shape (rows, columns)
        How steep it is: 0 at flat and 1 at steep places.
    registration : Registration
        Of rows.
    """

    gradient: np.ndarray
    steep: np.ndarray
    registration: Registration

    @classmethod
    def of(cls, lattice: np.ndarray, scale: Scale) -> "Reference":
        """Of a lattice, shape (rows, columns) [grey]."""
        gradient, (low, high) = _gradient(lattice, scale.gradient_noise), scale.gradients
        steep = np.clip((gradient - low) / (high - low), 0, 1)
        return cls(gradient, steep, Registration.on(lattice, scale.whitening))

    @property
    def lattice(self) -> np.ndarray:
        """Shape (rows, columns) [grey]."""
        return self.registration.lattice


@dataclass(frozen=True)
class Observation:
    """Statistics of one image, by band of rows.

    Attributes
    ----------
    rows : RowDisplacements
        How the rows lie on the lattice.
    products : ndarray, shape (bands, 11)
        `streaks.row_products`.
    scan : ndarray, shape (2, 2, bands)
        Weights of pixels and weighted sums of squares of scan noise, for flat and for steep places.
    pointwise : BinnedNoise
        By grey level.
    histogram : ndarray, shape (bands, bins)
        Of pointwise noise over its SD at that grey level.
    """

    rows: RowDisplacements
    products: np.ndarray
    scan: np.ndarray
    pointwise: BinnedNoise
    histogram: np.ndarray

    @classmethod
    def of(cls, image: np.ndarray, reference: Reference) -> "Observation":
        """Of an image, shape (rows, columns) [grey], on a lattice."""
        bands, starts = row_bands(image.shape), row_starts(len(image))
        moments, rest = reference.registration.of(image)
        along_row = ndimage.gaussian_filter1d(rest, SMOOTH_PX, axis=1)
        squares = (along_row - ndimage.gaussian_filter1d(along_row, SMOOTH_PX, axis=0)) ** 2
        places = (1 - reference.steep, reference.steep)
        sums = [[each.sum(1) for each in (weights, weights * squares)] for weights in places]
        pointwise, smooth = rest - along_row, ndimage.gaussian_filter(image, SMOOTH_PX)
        binned = BinnedNoise.of(pointwise, smooth, MAX_GREY, bands)
        return cls(
            RowDisplacements.of(reference.registration.normal, moments),
            np.add.reduceat(row_products(rest), starts),
            np.add.reduceat(np.array(sums), starts, axis=2),
            binned,
            standardised_histogram(pointwise, smooth, binned, bands),
        )

    @property
    def bands(self) -> int:
        """How many."""
        return len(self.products)


def levels(seen: Sequence[Observation], weights: np.ndarray | None = None) -> np.ndarray:
    """Means over images, bands weighted, shape (..., 17).

    They are the variances of scan noise at flat and at steep places and of pointwise noise at two grey levels, the
    Tukey lambda of all pixels, the correlations along rows at ten distances, and the variances of row displacements
    along x and y.
    """
    weights = np.ones(seen[0].bands) if weights is None else weights
    variances = []
    for each in seen:
        scan = [(weights @ squares) / np.maximum(weights @ pixels, 1e-12) for pixels, squares in each.scan]
        slope, intercept = each.pointwise.line(weights)
        sds = [intercept + slope * grey for grey in GREYS]
        variances.append(np.stack([*scan, *(sd * np.abs(sd) for sd in sds)], axis=-1))
    shapes = np.apply_along_axis(tukey_shape, -1, weights @ sum(each.histogram for each in seen))
    correlation = correlations(weights @ sum(each.products for each in seen))
    rows = np.mean([each.rows.variances(weights) for each in seen], axis=0)
    return np.concatenate([np.mean(variances, axis=0), shapes[..., None], correlation, rows], axis=-1)
