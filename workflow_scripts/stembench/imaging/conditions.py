"""Microscope settings as they are written in the configuration, in the library's units."""

from math import radians
from typing import TYPE_CHECKING

from stembench.imaging.detectors import Mode, detector_name, mode_of
from stembench.imaging.probe import Probe, focal_spread

if TYPE_CHECKING:
    from stembench.config import Condition


def probe_of(condition: "Condition") -> Probe:
    """The probe of microscope settings."""
    return Probe(
        energy=1e3 * condition.energy_keV,
        semiangle=condition.semiangle_mrad,
        source_size=condition.source_size_A,
        source_tail=condition.source_tail,
        source_tail_size=condition.source_tail_A,
        defocus=condition.defocus_A,
        c3=1e7 * condition.c3_mm,
        c5=1e7 * condition.c5_mm,
        astigmatism=condition.astigmatism_A,
        astigmatism_angle=radians(condition.astigmatism_angle_deg),
        coma=condition.coma_A,
        coma_angle=radians(condition.coma_angle_deg),
        threefold=condition.threefold_A,
        threefold_angle=radians(condition.threefold_angle_deg),
        star=1e7 * condition.star_mm,
        star_angle=radians(condition.star_angle_deg),
        focal_spread=focal_spread(1e7 * condition.cc_mm, condition.energy_spread_eV, 1e3 * condition.energy_keV),
    )


def detectors_of(condition: "Condition") -> dict[str, tuple[float, float]]:
    """Inner and outer angle [mrad] of each detector by its name.

    Raises
    ------
    ValueError
        If a detector is none.
    """
    alpha = condition.semiangle_mrad
    detectors = condition.detectors_mrad or ((80.0, 200.0), (alpha / 2, alpha), (0.0, alpha / 2))
    for angles in detectors:
        mode_of(*angles, alpha)
    return {detector_name(*angles): angles for angles in detectors}


def modes_of(condition: "Condition") -> dict[tuple[float, float], Mode]:
    """The imaging mode of each detector by its inner and outer angle [mrad]."""
    shown = (condition.semiangle_mrad, 1e3 * condition.energy_keV)
    return {angles: mode_of(*angles, *shown) for angles in detectors_of(condition).values()}


def detector_of(
    condition: "Condition", mode: Mode, angles: tuple[float, float] | None = None
) -> tuple[float, float] | None:
    """Inner and outer angle [mrad] of the detector of a mode, of iDPC the segmented one; none where there is none.

    Parameters
    ----------
    condition : Condition
        Microscope settings.
    mode : Mode
        Imaging mode.
    angles : tuple of float, optional
        Which detector of this mode [mrad]; the first where it is not given.
    """
    if mode == "iDPC":
        segmented = condition.segmented_mrad
        return segmented if angles in (None, segmented) else None
    fitting = [one for one, its in modes_of(condition).items() if its == mode and angles in (None, one)]
    return fitting[0] if fitting else None
