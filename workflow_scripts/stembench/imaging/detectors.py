"""Annular detectors and the imaging mode that their angles make."""

from typing import Literal

import numpy as np

#: Imaging modes, from the highest scattering angles to the lowest.
Mode = Literal["HAADF", "ADF", "ABF", "BF"]
#: Modes that show columns bright on dark.
DARK_FIELD: tuple[Mode, ...] = ("HAADF", "ADF")

#: From this inner angle on, a dark-field detector counts as high-angle [mrad] (Pennycook & Nellist, Scanning
#: Transmission Electron Microscopy, Springer 2011, doi 10.1007/978-1-4419-7200-2: incoherent imaging).
HIGH_ANGLE_MRAD = 50.0


def bright_columns(image: np.ndarray, mode: Mode) -> np.ndarray:
    """An image whose columns are bright: of ABF and BF one less the image, of a dark field the image itself."""
    return image if mode in DARK_FIELD else 1 - image


def mode_of(inner: float, outer: float, semiangle: float) -> Mode:
    """The imaging mode of an annular detector.

    Inside of the bright-field disc it is BF, or ABF if it has a hole; outside HAADF, or ADF if it begins below
    `HIGH_ANGLE_MRAD`.

    Parameters
    ----------
    inner, outer : float
        Integration limits [mrad].
    semiangle : float
        Convergence semi-angle, the radius of the bright-field disc [mrad].

    Raises
    ------
    ValueError
        If the limits are not in order, or lie on both sides of the disc's edge.
    """
    if not 0 <= inner < outer:
        raise ValueError(f"detector angles {inner:g} and {outer:g} mrad: the inner must be the smaller, from 0 up")
    if inner < semiangle < outer:
        raise ValueError(
            f"a detector from {inner:g} to {outer:g} mrad takes part of the bright-field disc (semi-angle "
            f"{semiangle:g} mrad) and of the dark field; end it at {semiangle:g} mrad or begin it there"
        )
    if outer <= semiangle:
        return "ABF" if inner > 0 else "BF"
    return "HAADF" if inner >= HIGH_ANGLE_MRAD else "ADF"
