"""Elastic scattering of electrons by atoms."""

import numpy as np
from scipy import constants

from stembench.imaging.probe import REST_ENERGY, electron_wavelength

_BOHR_A = 1e10 * constants.physical_constants["Bohr radius"][0]


def wentzel(angle: np.ndarray, number: float, energy: float) -> np.ndarray:
    """Differential cross section of a screened nucleus, first Born approximation for small angles [A^2].

    Source: Reimer & Kohl, Transmission Electron Microscopy, 5th ed., chapter 5 (Wentzel's potential, screening radius
    a_H Z^(-1/3)), doi 10.1007/978-0-387-40093-8.

    Parameters
    ----------
    angle : ndarray
        Scattering angles [mrad].
    number : float
        Atomic number.
    energy : float
        Of the electrons [eV].
    """
    forward, screening = _wentzel(np.asarray(number, float), energy)
    return (forward / (1 + (angle / screening) ** 2)) ** 2


def total_cross_section(number: np.ndarray, energy: float) -> np.ndarray:
    """Elastic cross section of atoms, `wentzel` integrated over all angles [A^2]; parameters as there."""
    forward, screening = _wentzel(np.asarray(number, float), energy)
    return np.pi * (1e-3 * forward * screening) ** 2


def _wentzel(number: np.ndarray, energy: float) -> tuple[np.ndarray, np.ndarray]:
    """Forward scattering amplitude [A] and screening angle [mrad]."""
    radius = _BOHR_A * number ** (-1 / 3)
    screening = 1e3 * electron_wavelength(energy) / (2 * np.pi * radius)
    return 2 * number * radius**2 * (1 + energy / REST_ENERGY) / _BOHR_A, screening
