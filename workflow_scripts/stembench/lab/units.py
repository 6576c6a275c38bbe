"""Lengths and energies in whatever way files write their units."""

import re
import unicodedata

import numpy as np

_METRES = {"p": 1e-2, "n": 10.0, "u": 1e4, "μ": 1e4, "m": 1e7, "c": 1e8, "": 1e10}
_PREFIXES = {"pico": "p", "nano": "n", "micro": "u", "milli": "m", "centi": "c"}
_LENGTH = re.compile(rf"({'|'.join([*_METRES, *_PREFIXES])})(m|met(?:er|re)s?)")
_ANGSTROM = re.compile("å|a|ang|[aå]ngstr[oö]e?ms?")
_OTHERS = {"micron": 1e4, "microns": 1e4, "inch": 2.54e8, "inches": 2.54e8, "in": 2.54e8}
_RECIPROCAL = re.compile(r"(1|rad)?/.+|.+\^?-1|[muμ]?rad(ian)?s?|deg(ree)?s?|°")
_ENERGY = re.compile("[mk]?(ev|electronvolts?)")
_VOLTAGE = re.compile(r"([-+]?[0-9.]+(?:e[-+]?[0-9]+)?)(k|m|)(v|ev|volts?|electronvolts?)?")
_VOLTS = {"": 1.0, "k": 1e3, "m": 1e6}
_VOLTS_FROM = 5000  # a beam energy without a unit is in V from here on, else in kV
_NONE = {"px", "pixel", "pixels", "none", "<undefined>", "undefined", "dimensionless"}


def plain(units: object) -> str:
    """Return a unit in one way of writing: lower case, without brackets and spaces, and "" for none.

    Parameters
    ----------
    units : object
        What stands in the file: text, bytes, a sequence that begins with one of them, or None.
    """
    text = re.sub(r"\\u([0-9a-fA-F]{4})", lambda code: chr(int(code[1], 16)), _text(units))
    text = unicodedata.normalize("NFKC", text.replace("Â", "")).translate({0x2212: "-", 0x2013: "-"})
    text = re.sub(r"[\s_\[\](){}\0]|(/|per)\s*(px|pixels?)\s*$", "", text).lower()
    return "" if text in _NONE else text


def _text(units: object) -> str:
    while isinstance(units, (list, tuple, np.ndarray)) and np.size(units):
        units = units[0] if np.ndim(units) else units.item()  # type: ignore[union-attr]
    if isinstance(units, bytes):
        try:
            return units.decode()
        except UnicodeDecodeError:
            return units.decode("latin-1")
    return "" if units is None else str(units)


def length_in_angstrom(units: object) -> float | None:
    """Return a unit of length [A], or None if the unit is of no length."""
    text = plain(units)
    if _ANGSTROM.fullmatch(text):
        return 1.0
    found = _LENGTH.fullmatch(text)
    return _METRES[_PREFIXES.get(found[1], found[1])] if found else _OTHERS.get(text)


def is_reciprocal(units: object) -> bool:
    """Return whether a unit is one of diffraction: an inverse length or an angle."""
    return _RECIPROCAL.fullmatch(plain(units)) is not None


def is_energy(units: object) -> bool:
    """Return whether a unit is one of the energy of electrons or X-rays."""
    return _ENERGY.fullmatch(plain(units)) is not None


def beam_energy(energy: object, units: object = "") -> float | None:
    """Return a beam energy [keV], or None if it is none that a microscope has.

    Parameters
    ----------
    energy : object
        A number, or text such as 300, 300000 or 300 kV.
    units : object
        Its unit, if it stands elsewhere. A number without a unit is in V if it is large, else in kV.
    """
    found = _VOLTAGE.fullmatch(plain(energy) + plain(units))
    try:
        value = float(found[1]) if found else 0.0
    except ValueError:
        return None
    prefix = found[2] if found and found[3] else "" if value >= _VOLTS_FROM else "k"
    found_keV = abs(value) * _VOLTS[prefix] / 1e3
    return found_keV if 20 <= found_keV <= 1000 else None
