"""How far the rows of an image lie off its lattice, by registration of each row, and what noise that leaves.

A row displaced by d = (dx, dy) differs from the lattice by -d . gradient. Streaks of scan noise look much the same, and
are as long as columns are wide. They differ in their spectrum along the row: noise of streaks has low frequencies, and
a lattice has high ones as well. So rows are registered by generalised least squares: their noise is whitened before.
"""

from dataclasses import dataclass

import numpy as np
from scipy import linalg, ndimage

from stembench.noise.lattice import lattice_estimate
from stembench.noise.patches import resampled, row_starts
from stembench.noise.physical import shifted_rows

#: Fourth order, for `ndimage.convolve1d`.
DERIVATIVE = np.array([-1, 8, 0, -8, 1]) / 12
_WHITENING_PX = 16  # reach of the filter: streaks are as long
_SEGMENT_PX = 24, 64  # at least and, if rows hold four, at most: further than displacements of parts of a row agree
_LEAST_WHITE = 1e-3  # of the noise, so that smooth noise can be whitened
_SIGNIFICANCE = 3.0  # standard errors from which on a displacement is large enough to learn from


@dataclass(frozen=True)
class Whitening:
    """An autoregressive filter along rows that makes an image's noise white.

    Attributes
    ----------
    taps : ndarray, shape (17,)
        Of a pixel and of those to its left.
    """

    taps: np.ndarray

    @classmethod
    def of(cls, image: np.ndarray, lattice: np.ndarray) -> "Whitening":
        """Of what an image's rows, displaced back, leave of its noise; Yule and Walker's equations."""
        found = UNFILTERED
        for _ in range(2):  # first as if noise were white, which tells displacements well enough from noise
            _, rest = Registration.on(lattice, found).of(image)
            lags = range(_WHITENING_PX + 1)
            covariance = np.array([np.mean(rest[:, : rest.shape[1] - lag] * rest[:, lag:]) for lag in lags])
            covariance[0] = max(covariance[0] * (1 + _LEAST_WHITE), 1e-12)
            found = cls(np.append(1, -linalg.solve_toeplitz(covariance[:-1], covariance[1:])))
        return found

    def segments(self, rows: np.ndarray) -> np.ndarray:
        """Filter rows, shape (rows, columns), and divide them, shape (rows, segments, pixels); the first 16 px are
        lost."""
        white = ndimage.convolve1d(rows, self.taps, axis=1, origin=-(len(self.taps) // 2))[:, _WHITENING_PX:]
        length = int(np.clip(white.shape[1] // 4, *_SEGMENT_PX))
        count = white.shape[1] // length
        return white[:, : count * length].reshape(len(rows), count, length)


#: For noise that is white already, or of which little is seen.
UNFILTERED = Whitening(np.eye(1, _WHITENING_PX + 1)[0])


@dataclass(frozen=True)
class Registration:
    """Least squares that finds the displacements of rows from a lattice.

    Attributes
    ----------
    lattice : ndarray, shape (rows, columns)
        At least 64 px wide.
    whitening : Whitening
        Of the noise of the rows.
    slopes : ndarray, shape (2, rows, columns)
        Gradient of the lattice along x and y.
    white : ndarray, shape (2, rows, segments, pixels)
        The same, whitened, in segments of each row.
    normal : ndarray, shape (rows, segments, 2, 2)
        Matrix of each segment's normal equations.
    """

    lattice: np.ndarray
    whitening: Whitening
    slopes: np.ndarray
    white: np.ndarray
    normal: np.ndarray

    @classmethod
    def on(cls, lattice: np.ndarray, whitening: Whitening) -> "Registration":
        """Of rows on a lattice."""
        slopes = np.stack([ndimage.convolve1d(lattice, DERIVATIVE, axis=axis) for axis in (1, 0)])
        white = np.stack([whitening.segments(each) for each in slopes])
        return cls(lattice, whitening, slopes, white, np.einsum("irsp,jrsp->rsij", white, white))

    def of(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Register the rows of an image, of the lattice's shape.

        Returns
        -------
        moments : ndarray, shape (rows, segments, 2)
            Right-hand side of each segment's normal equations.
        rest : ndarray, shape (rows, columns)
            What is left of the noise when each row is displaced back, by the least squares of all its segments.
        """
        difference = image - self.lattice
        moments = np.einsum("rsp,irsp->rsi", self.whitening.segments(difference), self.white)
        shifts = np.linalg.pinv(self.normal.sum(1), rcond=1e-6) @ moments.sum(1)[..., None]
        return moments, difference - shifts[:, 0] * self.slopes[0] - shifts[:, 1] * self.slopes[1]


@dataclass(frozen=True)
class RowDisplacements:
    """Sums of linear registration, over bands of rows.

    Least squares in each segment of a row would give its displacement with noise; the noise of two segments is
    independent while their displacement is one, so the covariance of displacements comes from products between
    different segments alone.

    Attributes
    ----------
    products, systems : ndarray, shapes (bands, 4) and (bands, 4, 4)
        E[m_s m_t'] = N_s C N_t' for segments s and t of a row and the covariance C of d, which is linear in C.
    """

    products: np.ndarray
    systems: np.ndarray

    @classmethod
    def of(cls, normal: np.ndarray, moments: np.ndarray) -> "RowDisplacements":
        """Of the normal equations of rows, as in `Registration`."""
        products = _between_segments(moments[..., :, None], moments[..., None, :], "rsiz,rtzj->rij")
        systems = _between_segments(normal, normal, "rsik,rtjl->rijkl")
        starts = row_starts(len(normal))
        sums = products.reshape(-1, 4), systems.reshape(-1, 4, 4)
        return cls(*(np.add.reduceat(each, starts) for each in sums))

    def variances(self, weights: np.ndarray) -> np.ndarray:
        """Variance of displacements along x and y [px^2], shape (..., 2), with bands weighted, shape (..., bands).

        Chance makes some negative where rows lie on the lattice.
        """
        systems = np.tensordot(weights, self.systems, 1)
        covariances = np.linalg.pinv(systems, rcond=1e-6) @ (weights @ self.products)[..., None]
        return covariances[..., [0, 3], 0]


def row_jitter_sd(image: np.ndarray, signal: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """SD of the displacements of single rows from the lattice, free of noise.

    What large displacements lose to the linear registration, and small ones to the estimate of the lattice, which
    follows them a little, is learnt from the lattice with rows displaced as much.

    Parameters
    ----------
    image, signal : ndarray, shape (rows, columns)
        The image and its lattice (`lattice.lattice_estimate`), at least 64 px wide.
    rng : numpy.random.Generator
        Of the synthetic image and the bootstrap over bands of rows.

    Returns
    -------
    sds, standard_errors : ndarray, shape (2,)
        Along x (the scan) and y [px].
    """
    whitening = Whitening.of(image, signal)
    sds, errors, rest = _registered(image, signal, whitening, rng)
    shifts = rng.standard_normal((len(image), 2)) * sds
    synthetic = shifted_rows(signal, shifts) + rng.permutation(rest)
    found, *_ = _registered(synthetic, lattice_estimate(synthetic), whitening, rng)
    seen = (sds > _SIGNIFICANCE * errors) & (found > 0)
    scale = np.divide(shifts.std(0), found, out=np.ones(2), where=seen)
    return sds * scale, errors * scale


def _registered(
    image: np.ndarray, signal: np.ndarray, whitening: Whitening, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """SDs of linear registration, their standard errors, and what it leaves of the noise."""
    registration = Registration.on(signal, whitening)
    moments, rest = registration.of(image)
    rows = RowDisplacements.of(registration.normal, moments)
    bands = len(rows.products)
    sds, samples = (np.sqrt(np.maximum(rows.variances(each), 0)) for each in (np.ones(bands), resampled(bands, rng)))
    return sds, samples.std(0, ddof=1), rest


def _between_segments(first: np.ndarray, second: np.ndarray, product: str) -> np.ndarray:
    """Sum over pairs of different segments of a row: of all pairs, less those of a segment with itself."""
    whole = np.einsum(product, first.sum(1, keepdims=True), second.sum(1, keepdims=True))
    return whole - np.einsum(product.replace("t", "s"), first, second)
