"""Row jitter of an image: how far its rows lie off the lattice, by registration of each row."""

import numpy as np
from scipy import ndimage

from stembench.noise.lattice import lattice_estimate
from stembench.noise.patches import resampled
from stembench.noise.physical import shifted_rows

_DERIVATIVE = np.array([-1, 8, 0, -8, 1]) / 12  # fourth order, for `ndimage.convolve1d`
_SEGMENT_PX = 64  # further than noise is correlated along a row
_BLOCK_ROWS = 8
_SIGNIFICANCE = 3.0  # standard errors from which on a displacement is large enough to learn from


def row_jitter_sd(image: np.ndarray, signal: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """SD of the displacements of single rows from the lattice, free of noise.

    What large displacements lose to the linear registration, and small ones to the estimate of the lattice, which
    follows them a little, is learnt from the lattice with rows displaced as much.

    Parameters
    ----------
    image, signal : ndarray, shape (rows, columns)
        The image and its lattice (`lattice.lattice_estimate`), at least 128 px wide.
    rng : numpy.random.Generator
        Of the synthetic image and the bootstrap over blocks of rows.

    Returns
    -------
    sds, standard_errors : ndarray, shape (2,)
        Along x (the scan) and y [px].
    """
    sds, errors = _registered(image, signal, rng)
    shifts = rng.standard_normal((len(image), 2)) * sds
    noise = rng.normal(0, np.std(image - signal), image.shape)
    synthetic = shifted_rows(signal, shifts) + noise
    found, _ = _registered(synthetic, lattice_estimate(synthetic), rng)
    seen = (sds > _SIGNIFICANCE * errors) & (found > 0)
    scale = np.divide(shifts.std(0), found, out=np.ones(2), where=seen)
    return sds * scale, errors * scale


def _registered(image: np.ndarray, signal: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """SDs of linear registration, with standard errors.

    A row displaced by d = (dx, dy) differs from the lattice by -d . gradient. Least squares in each segment of a row
    would give d with noise; the noise of two segments is independent while their d is one, so the covariance of d
    comes from products between different segments alone.
    """
    segments = image.shape[1] // _SEGMENT_PX
    columns = segments * _SEGMENT_PX
    gradients = [ndimage.convolve1d(signal, _DERIVATIVE, axis=axis) for axis in (1, 0)]
    slopes = np.stack(gradients, -1)[:, :columns].reshape(len(image), segments, _SEGMENT_PX, 2)
    difference = (signal - image)[:, :columns].reshape(len(image), segments, _SEGMENT_PX)
    normal = np.einsum("rspi,rspj->rsij", slopes, slopes)
    moments = np.einsum("rsp,rspi->rsi", difference, slopes)
    # E[m_s m_t'] = N_s C N_t' for segments s and t of a row, C the covariance of d: linear in C.
    products = _between_segments(moments[..., :, None], moments[..., None, :], "rsiz,rtzj->rij")
    systems = _between_segments(normal, normal, "rsik,rtjl->rijkl")

    starts = np.arange(0, len(image), _BLOCK_ROWS)
    products, systems = np.add.reduceat(products, starts), np.add.reduceat(systems, starts)
    drawn = resampled(len(starts), rng)
    samples = np.array([_sds(each @ products.reshape(-1, 4), each @ systems.reshape(-1, 16)) for each in drawn])
    return _sds(products.sum(0), systems.sum(0)), samples.std(0, ddof=1)


def _between_segments(first: np.ndarray, second: np.ndarray, product: str) -> np.ndarray:
    """Sum over pairs of different segments of a row: of all pairs, less those of a segment with itself."""
    whole = np.einsum(product, first.sum(1, keepdims=True), second.sum(1, keepdims=True))
    return whole - np.einsum(product.replace("t", "s"), first, second)


def _sds(products: np.ndarray, system: np.ndarray) -> np.ndarray:
    covariance = np.linalg.lstsq(system.reshape(4, 4), products.ravel(), rcond=1e-6)[0].reshape(2, 2)
    return np.sqrt(np.maximum(np.diag(covariance), 0))
