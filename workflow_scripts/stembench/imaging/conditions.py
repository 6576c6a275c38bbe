"""Microscope settings as they are written in the configuration, in the library's units."""

from math import radians
from typing import TYPE_CHECKING

from stembench.imaging.detectors import Mode, mode_of
from stembench.imaging.probe import Probe

if TYPE_CHECKING:
    from stembench.config import Condition


def probe_of(condition: "Condition") -> Probe:
    """The probe of microscope settings."""
    return Probe(
        energy=1e3 * condition.energy_keV,
        semiangle=condition.semiangle_mrad,
        source_size=condition.source_size_A,
        defocus=condition.defocus_A,
        c3=1e7 * condition.c3_mm,
        c5=1e7 * condition.c5_mm,
        astigmatism=condition.astigmatism_A,
        astigmatism_angle=radians(condition.astigmatism_angle_deg),
        coma=condition.coma_A,
        coma_angle=radians(condition.coma_angle_deg),
    )


def detectors_of(condition: "Condition") -> dict[Mode, tuple[float, float]]:
    """Inner and outer angle [mrad] of each detector by its mode.

    Raises
    ------
    ValueError
        If a detector is none, or two have the same mode.
    """
    alpha = condition.semiangle_mrad
    found: dict[Mode, tuple[float, float]] = {}
    for inner, outer in condition.detectors_mrad or ((80.0, 200.0), (alpha / 2, alpha), (0.0, alpha / 2)):
        mode = mode_of(inner, outer, alpha)
        if mode in found:
            raise ValueError(f"detectors_mrad holds more than one {mode} detector; keep one")
        found[mode] = (inner, outer)
    return found
