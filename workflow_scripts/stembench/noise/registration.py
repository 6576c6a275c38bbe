"""How far the rows of an image lie off its lattice, by registration of each row, and what noise that leaves.

A row displaced by d = (dx, dy) differs from the lattice by -d . gradient. Streaks of scan noise look much the same, and
are as long as columns are wide. They differ in their spectrum along the row: noise of streaks has low frequencies, and
a lattice has high ones as well. So rows are registered by generalised least squares: their noise is whitened before.
"""

from dataclasses import dataclass

import numpy as np
from scipy import linalg, ndimage

#: Fourth order, for `ndimage.convolve1d`.
DERIVATIVE = np.array([-1, 8, 0, -8, 1]) / 12
_WHITENING_PX = 16  # reach of the filter: streaks are as long
_SEGMENT_PX = 24  # further than whitened noise is correlated along a row; a crop's rows hold two
_LEAST_WHITE = 1e-3  # of the noise, so that smooth noise can be whitened


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
        taps = np.eye(1, _WHITENING_PX + 1)[0]
        for _ in range(2):  # first as if noise were white, which tells displacements well enough from noise
            rest = registered(image, lattice, cls(taps))[2]
            lags = range(_WHITENING_PX + 1)
            covariance = np.array([np.mean(rest[:, : rest.shape[1] - lag] * rest[:, lag:]) for lag in lags])
            covariance[0] = max(covariance[0] * (1 + _LEAST_WHITE), 1e-12)
            taps = np.append(1, -linalg.solve_toeplitz(covariance[:-1], covariance[1:]))
        return cls(taps)

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """Filter rows, shape (rows, columns, ...), of which it leaves all but the first 16 columns."""
        columns = rows.shape[1] - _WHITENING_PX
        return sum(
            tap * rows[:, _WHITENING_PX - lag : _WHITENING_PX - lag + columns] for lag, tap in enumerate(self.taps)
        )


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
    def of(cls, normal: np.ndarray, moments: np.ndarray, starts: np.ndarray) -> "RowDisplacements":
        """Of the normal equations of rows (`registered`); bands begin at the rows `starts`."""
        products = _between_segments(moments[..., :, None], moments[..., None, :], "rsiz,rtzj->rij")
        systems = _between_segments(normal, normal, "rsik,rtjl->rijkl")
        sums = products.reshape(-1, 4), systems.reshape(-1, 4, 4)
        return cls(*(np.add.reduceat(each, starts) for each in sums))

    def variances(self, weights: np.ndarray) -> np.ndarray:
        """Variance of displacements along x and y [px^2], shape (..., 2), with bands weighted, shape (..., bands).

        Chance makes some negative where rows lie on the lattice.
        """
        systems = np.tensordot(weights, self.systems, 1)
        covariances = np.linalg.pinv(systems, rcond=1e-6) @ (weights @ self.products)[..., None]
        return covariances[..., [0, 3], 0]


def registered(image: np.ndarray, lattice: np.ndarray, whitening: Whitening) -> tuple[np.ndarray, ...]:
    """Register the rows of an image on a lattice.

    Parameters
    ----------
    image, lattice : ndarray, shape (rows, columns)
        At least 64 px wide.
    whitening : Whitening
        Of the noise.

    Returns
    -------
    normal, moments : ndarray, shapes (rows, segments, 2, 2) and (rows, segments, 2)
        Normal equations of the displacement along x and y of each segment of each row.
    rest : ndarray, shape (rows, columns)
        What is left of the noise when each row is displaced back by the least squares of all its segments.
    """
    slopes = np.stack([ndimage.convolve1d(lattice, DERIVATIVE, axis=axis) for axis in (1, 0)], -1)
    difference = image - lattice
    steep, white = whitening(slopes), whitening(difference)
    segments = white.shape[1] // _SEGMENT_PX
    shape, columns = (len(image), segments, _SEGMENT_PX), slice(segments * _SEGMENT_PX)
    steep = steep[:, columns].reshape(*shape, 2)
    normal = np.einsum("rspi,rspj->rsij", steep, steep)
    moments = np.einsum("rsp,rspi->rsi", white[:, columns].reshape(shape), steep)
    displacements = np.linalg.pinv(normal.sum(1), rcond=1e-6) @ moments.sum(1)[..., None]
    return normal, moments, difference - (slopes @ displacements)[..., 0]


def _between_segments(first: np.ndarray, second: np.ndarray, product: str) -> np.ndarray:
    """Sum over pairs of different segments of a row: of all pairs, less those of a segment with itself."""
    whole = np.einsum(product, first.sum(1, keepdims=True), second.sum(1, keepdims=True))
    return whole - np.einsum(product.replace("t", "s"), first, second)
