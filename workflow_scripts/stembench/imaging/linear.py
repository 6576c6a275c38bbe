"""The linear (incoherent) image model: columns convolved with the probe intensity."""

from collections.abc import Mapping

import numpy as np
from ase.data import atomic_numbers, chemical_symbols

from stembench.imaging.probe import Probe

#: Single precision, which keeps images within 1e-5 of their maximum.
_REAL, _COMPLEX = np.float32, np.complex64


def strength_of(element: str, gamma: float, factors: Mapping[str, float] | None = None) -> float:
    """Scattering strength of an atom, Z^gamma times a factor that single elements may have.

    Parameters
    ----------
    element : str
        Symbol.
    gamma : float
        Exponent; 1.7 is what the published structure tables of doi 10.1038/s41598-021-84499-w agree with.
    factors : mapping of str to float, optional
        Factor on Z^gamma by element symbol, 1 where none is given.
    """
    return float(atomic_numbers[element]) ** gamma * (factors or {}).get(element, 1.0)


def scattering_strengths(numbers: np.ndarray, gamma: float, factors: Mapping[str, float] | None = None) -> np.ndarray:
    """`strength_of` each of many atoms, given by their atomic numbers."""
    of_element = np.array([0.0, *(strength_of(symbol, gamma, factors) for symbol in chemical_symbols[1:])])
    return of_element[numbers]


def linear_image(
    positions: np.ndarray,
    strengths: np.ndarray,
    thermal_b: np.ndarray,
    probe: Probe,
    shape: tuple[int, int],
    pixel_size: float,
) -> np.ndarray:
    """Image of columns under a probe: the sum of their strengths times the probe's intensity.

    The Fourier coefficients of the point columns are summed exactly at every frequency that the probe transfers
    (|k| <= 2 alpha / lambda), multiplied with the probe's transfer function and each column's thermal broadening, and
    evaluated at the pixel centres: the image is sampled, never interpolated. Positions need no grid, and the period of
    the sum is wider than the image by `probe.reach` on every side, so that nothing wraps around into it.

    Parameters
    ----------
    positions : ndarray, shape (columns, 2)
        x and y [A]; pixel (i, j) is centred at y = i * pixel_size, x = j * pixel_size. Columns within `probe.reach`
        outside the image count, those farther out are left out.
    strengths : ndarray, shape (columns,)
        Relative scattering strengths.
    thermal_b : ndarray, shape (columns,)
        Isotropic B [A^2]; mean square displacement along an axis is B / (8 pi^2).
    probe : Probe
        Probe and source.
    shape : tuple of int
        Height and width [px].
    pixel_size : float
        [A].

    Returns
    -------
    ndarray, shape `shape`
        [strength / A^2]; a column alone has `strength * peak_intensity` at its maximum, which lies `peak_shift` from it
        (`imaging.column_peak`).
    """
    field = pixel_size * (np.array(shape)[::-1] - 1)
    near = np.all((positions >= -probe.reach) & (positions <= field + probe.reach), axis=1)
    if not near.any():
        return np.zeros(shape)
    positions, strengths, thermal_b = positions[near], strengths[near], thermal_b[near]
    box = field + 2 * probe.reach
    turns = (positions + probe.reach) / box
    kx, ky = (np.arange(int(probe.cutoff * length) + 1) / length for length in box)

    values, which = np.unique(thermal_b, return_inverse=True)
    waves_x = _powers(turns[:, 0], len(kx)) * np.exp(-values[:, None] / 4 * kx**2).astype(_REAL)[which]
    waves_y = _powers(turns[:, 1], len(ky)) * np.exp(-values[:, None] / 4 * ky**2).astype(_REAL)[which]
    waves_y *= strengths.astype(_REAL)[:, None]
    # A scan lays the probe over the columns: the image is these convolved with the probe inverted through its centre.
    # Structure factors at (kx, ky) and (kx, -ky), by real products: half the work of complex ones.
    even, odd = (np.ascontiguousarray(part.T) @ waves_x.view(_REAL) for part in (waves_y.real, waves_y.imag))
    even, odd = even.view(_COMPLEX), 1j * odd.view(_COMPLEX)
    transfers = probe.transfer_in_box(*box)
    upper, lower = (even + odd) * np.conj(transfers[0]), (even - odd) * np.conj(transfers[1])
    for part in (upper, lower):  # a half plane stands for the whole, its axes count once
        part[0] /= 2
        part[:, 0] /= 2

    at_x, at_y = ((pixel_size * np.arange(n) + probe.reach) / length for n, length in zip(shape[::-1], box))
    rows, columns = _powers(-at_y, len(ky)), _powers(-at_x, len(kx))
    sums, differences = ((upper + lower).astype(_COMPLEX), 1j * (upper - lower).astype(_COMPLEX))
    along_y = rows.real @ sums.view(_REAL) + rows.imag @ differences.view(_REAL)
    image = along_y[:, ::2] @ columns.real.T - along_y[:, 1::2] @ columns.imag.T
    return image.astype(float) * (2 / (box[0] * box[1]))


def bright_field(image: np.ndarray, contrast: float) -> np.ndarray:
    """Dark columns on a bright field of 1, from a dark-field image; for ABF and BF.

    Phenomenological: inverted contrast and no more (no defocus or thickness reversals); multislice is the real thing.

    Parameters
    ----------
    image : ndarray
        From `linear_image`.
    contrast : float
        How far below 1 the darkest place lies, in [0, 1].
    """
    return 1 - contrast * image / max(image.max(), 1.0)


def _powers(turns: np.ndarray, count: int) -> np.ndarray:
    """exp(-2 pi i n t) for n from 0 to count - 1, shape (len(turns), count), by repeated doubling."""
    powers = np.empty((len(turns), count), _COMPLEX)
    powers[:, 0] = 1
    known = 1
    while known < count:
        new = min(known, count - known)
        base = np.exp(-2j * np.pi * known * turns).astype(_COMPLEX)
        powers[:, known : known + new] = powers[:, :new] * base[:, None]
        known *= 2
    return powers
