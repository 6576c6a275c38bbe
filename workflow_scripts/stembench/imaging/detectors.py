"""Annular detectors: the imaging mode that their angles make, and what scattering brings onto them."""

from functools import cache
from typing import Literal

import numpy as np

from stembench.imaging.scattering import wentzel

#: Imaging modes, from the highest scattering angles to the lowest.
Mode = Literal["HAADF", "ADF", "ABF", "BF", "iDPC"]
#: Modes that show columns bright on dark.
DARK_FIELD: tuple[Mode, ...] = ("HAADF", "ADF", "iDPC")

#: From this inner angle on, a dark-field detector counts as high-angle [mrad] (Pennycook & Nellist, Scanning
#: Transmission Electron Microscopy, Springer 2011, doi 10.1007/978-1-4419-7200-2: incoherent imaging).
HIGH_ANGLE_MRAD = 50.0

_MEDIUM_HEAVY = 30  # atomic number by which a detector on both sides of the disc's edge is judged


def bright_columns(image: np.ndarray, mode: Mode) -> np.ndarray:
    """An image whose columns are bright: of ABF and BF one less the image, of the others the image itself."""
    return image if mode in DARK_FIELD else 1 - image


def detector_name(inner: float, outer: float) -> str:
    """Name of a detector by its angles [mrad], as in `27-110 mrad`."""
    return f"{inner:g}-{outer:g} mrad"


def collected(angle: np.ndarray, inner: float, outer: float, semiangle: float) -> np.ndarray:
    """Fraction of a convergent beam that an annular detector takes, after scattering by an angle.

    The beam fills the bright-field disc evenly. Scattering moves the disc; what of the moved disc lies on the annulus
    is taken.

    Parameters
    ----------
    angle : ndarray
        Scattering angles [mrad].
    inner, outer : float
        Integration limits [mrad].
    semiangle : float
        Convergence semi-angle [mrad].
    """
    overlaps = [_overlap(np.asarray(angle, float), semiangle, radius) for radius in (outer, inner)]
    return (overlaps[0] - overlaps[1]) / (np.pi * semiangle**2)


def mode_of(inner: float, outer: float, semiangle: float, energy: float = 200e3) -> Mode:
    """The imaging mode of an annular detector.

    A detector on which scattering by a column brings more electrons than it takes away makes a dark field: HAADF, or
    ADF if it begins below `HIGH_ANGLE_MRAD`. Any other makes a bright field: BF, or ABF if it has a hole. A detector
    outside the bright-field disc is always the former, one inside always the latter; for one on both sides of the
    disc's edge, scattering by a medium heavy element decides.

    Parameters
    ----------
    inner, outer : float
        Integration limits [mrad].
    semiangle : float
        Convergence semi-angle, the radius of the bright-field disc [mrad].
    energy : float
        Of the beam, which enters for a detector on both sides of the edge alone [eV].

    Raises
    ------
    ValueError
        If the limits are not in order.
    """
    if not 0 <= inner < outer:
        raise ValueError(f"detector angles {inner:g} and {outer:g} mrad: the inner must be the smaller, from 0 up")
    if _gains(inner, outer, semiangle, energy):
        return "HAADF" if inner >= HIGH_ANGLE_MRAD else "ADF"
    return "ABF" if inner > 0 else "BF"


@cache
def _gains(inner: float, outer: float, semiangle: float, energy: float) -> bool:
    if inner >= semiangle:
        return True
    if inner == 0 or outer <= semiangle:
        return False
    angle = np.geomspace(0.1, 1000.0, 2000)
    change = collected(angle, inner, outer, semiangle) - collected(np.zeros(1), inner, outer, semiangle)
    return bool(np.trapezoid(wentzel(angle, _MEDIUM_HEAVY, energy) * change * angle, angle) > 0)


def _overlap(distance: np.ndarray, first: float, second: float) -> np.ndarray:
    """Area that two discs share, by the distance of their centres."""
    small, large = sorted((first, second))
    if small == 0:
        return np.zeros_like(distance)
    crossing = np.clip(distance, large - small, large + small)
    safe = np.maximum(crossing, 1e-12)
    halves = [
        radius**2 * np.arccos(np.clip((safe**2 + radius**2 - other**2) / (2 * safe * radius), -1, 1))
        for radius, other in ((small, large), (large, small))
    ]
    kite = (
        (large + small - crossing)
        * (crossing - large + small)
        * (crossing + large - small)
        * (large + small + crossing)
    )
    return np.where(distance <= large - small, np.pi * small**2, sum(halves) - np.sqrt(np.maximum(kite, 0)) / 2)
