"""What a signal is, if it is no image of a specimen and no stack of such images."""

import re
from collections.abc import Sequence

from stembench.lab.signals import Axis, Signal
from stembench.lab.units import is_energy, is_reciprocal, length_in_angstrom

_IMAGE = "give the image of the specimen"
_RECORDED_WITH = "give the HAADF or BF image that was recorded with it"
_VIRTUAL = "give an image that is computed from it, such as a virtual dark field"
_SPECTRAL = re.compile(r"eels|eds|edx|\bcl\b|spectr|lumi", re.IGNORECASE)
_DIFFRACTION = re.compile(r"diffraction|cbed|ebsd", re.IGNORECASE)
_SPECTRAL_AXIS = re.compile(r"energy.*|.*[ _]energy|e-?loss|wavelength", re.IGNORECASE)
_PATTERN = re.compile(r"dp([ _].*)?|diffraction.*|(pa)?cbed.*|ronchigram.*", re.IGNORECASE)
_TRANSFORMED = re.compile(r"(half )?fft\b.*|power ?spectrum.*|diffractogram.*", re.IGNORECASE)
_COORDINATES = 3  # as many numbers at most tell a position


def what_else(signal: Signal) -> tuple[str, str] | None:
    """Return what a signal is, and what to give instead; None if it can be an image or a stack of images.

    Parameters
    ----------
    signal : Signal
        Shape, type, axes, title and what the file calls it decide; its values are not read.
    """
    stored = signal.stored.shape
    shape, size = [n for n in stored if n != 1], " x ".join(map(str, stored))
    told = len(signal.axes) == len(stored)
    axes = [axis for axis, n in zip(signal.axes, stored) if n != 1] if told else [Axis()] * len(shape)
    if signal.kind == "USID":
        return f"values of pycroscopy with all pixels in one row ({size})", "export the image as tif"
    if signal.stored.dtype.kind == "c":
        return f"complex numbers ({size}), such as a Fourier transform (FFT) or an exit wave", _IMAGE
    if spectra := _spectra(signal, axes):
        return f"{spectra} ({size})", _RECORDED_WITH
    if len(shape) < 2:
        return f"a line plot ({size})", _IMAGE
    if _TRANSFORMED.fullmatch(signal.title):
        return f"a Fourier transform (FFT, {size})", _IMAGE
    if _is_diffraction(signal, axes):
        many = len(shape) > 2
        return f"{'diffraction patterns' if many else 'a diffraction pattern'} ({size})", _VIRTUAL if many else _IMAGE
    if len(shape) > 3:
        return f"data of {len(shape)} dimensions ({size}), such as 4D-STEM", _VIRTUAL
    if len(shape) == 3 and any(axis.navigate for axis in axes[-2:]):
        return f"a curve for each place ({size})", _RECORDED_WITH
    if len(shape) == 2 and _is_curves(axes):
        return f"curves along a line ({size})", _RECORDED_WITH
    if len(shape) == 2 and min(shape) <= _COORDINATES < max(shape) and not signal.stored.dtype.names:
        return f"a list of positions or a table ({size})", _IMAGE
    return None


def _spectra(signal: Signal, axes: Sequence[Axis]) -> str | None:
    spectral = any(is_energy(axis.units) or _SPECTRAL_AXIS.fullmatch(axis.name) for axis in axes)
    lengths = sum(length_in_angstrom(axis.units) is not None for axis in axes)
    if not spectral and not (_SPECTRAL.search(signal.kind) and not lengths == len(axes) == 2):
        return None
    return ("a spectrum", "a spectrum", "spectra along a line", "a spectrum image")[min(len(axes), 3)]


def _is_diffraction(signal: Signal, axes: Sequence[Axis]) -> bool:
    told = _DIFFRACTION.search(signal.kind) or _PATTERN.fullmatch(signal.title)
    return told is not None or sum(is_reciprocal(axis.units) for axis in axes) > 1


def _is_curves(axes: Sequence[Axis]) -> bool:
    """Whether two axes are places and what is measured there; an image may be stored so too, along two lengths."""
    return axes[0].navigate != axes[1].navigate and not all(length_in_angstrom(axis.units) for axis in axes)
