"""How far the rows of an image lie off its lattice, by registration of each row, and what noise that leaves."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from stembench.noise.patches import row_bands
from stembench.noise.streaks import row_products

#: Of an image along an axis, for `ndimage.convolve1d`; fourth order.
DERIVATIVE = np.array([-1, 8, 0, -8, 1]) / 12
#: Part of a row that is registered, further than noise is correlated along it [px].
SEGMENT_PX = 64


@dataclass(frozen=True)
class RowDisplacements:
    """Sums of linear registration, over bands of rows.

    A row displaced by d = (dx, dy) differs from the lattice by -d . gradient. Least squares in each segment of a row
    would give d with noise; the noise of two segments is independent while their d is one, so the covariance of d
    comes from products between different segments alone.

    Attributes
    ----------
    products, systems : ndarray, shapes (bands, 4) and (bands, 4, 4)
        E[m_s m_t'] = N_s C N_t' for segments s and t of a row and the covariance C of d, which is linear in C.
    rest : ndarray, shape (bands, 4)
        `streaks.row_products` of what is left when each row is displaced back by the d of least squares.
    """

    products: np.ndarray
    systems: np.ndarray
    rest: np.ndarray

    @classmethod
    def of(cls, image: np.ndarray, lattice: np.ndarray, segment: int = SEGMENT_PX) -> "RowDisplacements":
        """Of the rows of an image from its lattice; both of shape (rows, columns), at least two segments wide."""
        slopes = np.stack([ndimage.convolve1d(lattice, DERIVATIVE, axis=axis) for axis in (1, 0)], -1)
        difference = image - lattice
        segments = image.shape[1] // segment
        shape, columns = (len(image), segments, segment), slice(segments * segment)
        steep = slopes[:, columns].reshape(*shape, 2)
        normal = np.einsum("rspi,rspj->rsij", steep, steep)
        moments = np.einsum("rsp,rspi->rsi", difference[:, columns].reshape(shape), steep)
        products = _between_segments(moments[..., :, None], moments[..., None, :], "rsiz,rtzj->rij")
        systems = _between_segments(normal, normal, "rsik,rtjl->rijkl")
        moved = np.linalg.pinv(normal.sum(1), rcond=1e-6) @ moments.sum(1)[..., None]
        rest = row_products(difference - (slopes @ moved)[..., 0])
        starts = np.flatnonzero(np.diff(row_bands(image.shape)[:, 0], prepend=-1))
        sums = (products.reshape(-1, 4), systems.reshape(-1, 4, 4), rest)
        return cls(*(np.add.reduceat(each, starts) for each in sums))

    def variances(self, weights: np.ndarray) -> np.ndarray:
        """Variance of displacements along x and y [px^2], shape (..., 2), with bands weighted, shape (..., bands).

        Chance makes some negative where rows lie on the lattice.
        """
        systems = np.tensordot(weights, self.systems, 1)
        covariances = np.linalg.pinv(systems, rcond=1e-6) @ (weights @ self.products)[..., None]
        return covariances[..., [0, 3], 0]


def _between_segments(first: np.ndarray, second: np.ndarray, product: str) -> np.ndarray:
    """Sum over pairs of different segments of a row: of all pairs, less those of a segment with itself."""
    whole = np.einsum(product, first.sum(1, keepdims=True), second.sum(1, keepdims=True))
    return whole - np.einsum(product.replace("t", "s"), first, second)
