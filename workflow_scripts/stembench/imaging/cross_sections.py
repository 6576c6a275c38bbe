"""Cross sections of atomic columns for annular dark-field detectors."""

from functools import cache
from typing import NamedTuple

import numpy as np

from stembench.imaging.column_peak import peak_intensity
from stembench.imaging.detectors import collected
from stembench.imaging.probe import REST_ENERGY, Probe, electron_wavelength
from stembench.imaging.scattering import wentzel

_NUMBER, _ORDER = 30.0, 2.6  # atomic number and inner angle [1/A] that the constants count from
_ORDERS = (1.0, 4.2)  # inner angles that they were fitted for [1/A]


class Channelling(NamedTuple):
    """Constants of `column_cross_section`, all but the first as powers of e or exponents.

    Thin columns have `free` times the Wentzel cross section of their atoms. As the beam channels along the column, the
    signal of an atom rises by `gain`, at the rate `focus`; as the column scatters it away, it falls at the rate `loss`.
    Each depends on atomic number (`..._number`), inner angle (`..._angle`) and the interaction constant, which falls
    with the beam's energy (`..._energy`), by a power.
    """

    free: float
    free_number: float
    free_angle: float
    free_energy: float
    gain: float
    gain_number: float
    gain_angle: float
    focus: float
    focus_number: float
    focus_energy: float
    loss: float
    loss_number: float
    loss_angle: float
    loss_energy: float


#: Length over which a beam diverges, by which its density along a column falls [lambda / alpha^2].
DEPTH_OF_FOCUS = 1.55

#: Fitted to multislice by benchmarks/reference/fit.py.
FITTED = Channelling(
    *(-0.479, -0.062, 0.413, -0.335),
    *(-0.119, -0.316, 0.427),
    *(-1.857, 1.968, 1.756),
    *(-7.164, 2.993, -1.629, 1.278),
)


@cache
def atom_cross_section(number: int, energy: float, semiangle: float, inner: float, outer: float) -> float:
    """Cross section of a free atom for scattering onto an annular detector out of a convergent beam [A^2].

    Wentzel's differential cross section, integrated over the change of what the detector takes of the beam.

    Parameters
    ----------
    number : int
        Atomic number.
    energy : float
        [eV].
    semiangle, inner, outer : float
        Of the beam and of the detector [mrad].
    """
    angle = np.geomspace(0.05, 2000.0, 2000)
    change = collected(angle, inner, outer, semiangle) - collected(np.zeros(1), inner, outer, semiangle)
    return float(2e-6 * np.pi * np.trapezoid(wentzel(angle, number, energy) * change * angle, angle))


def column_cross_section(
    numbers: np.ndarray,
    occupancies: np.ndarray,
    energy: float,
    semiangle: float,
    detector: tuple[float, float],
    fitted: Channelling = FITTED,
) -> float:
    """Cross section of an atomic column for an annular dark-field detector [A^2].

    It is the fraction of the beam that the column scatters onto the detector, integrated over the image. Wentzel cross
    sections of its atoms, times a rise by channelling and a fall by saturation, which are fitted to multislice of
    columns of C to U, 20 to 100 A long. At 200 keV from 50 mrad on, and at 60 and 100 keV from 80 mrad on, it agrees
    within 16 %, also for elements that the fit does not know. From 50 mrad at 60 and 100 keV it may be 60 % off, and
    for detectors that begin nearer to the bright-field disc too small by a factor of two: most of what falls on these
    are Bragg reflections, which add up over the column's atoms and depend on its spacing, and the model has none.

    Parameters
    ----------
    numbers, occupancies : ndarray, shape (atoms,)
        Atomic numbers, and how often each atom is there.
    energy : float
        [eV].
    semiangle : float
        Of the beam [mrad].
    detector : tuple of float
        Inner and outer angle [mrad].
    fitted : Channelling
        Constants.
    """
    wavelength = electron_wavelength(energy)
    order = float(np.clip(1e-3 * detector[0] / wavelength, *_ORDERS)) / _ORDER
    relative = numbers / _NUMBER
    atoms = np.array([atom_cross_section(int(number), energy, semiangle, *detector) for number in numbers])
    interaction = _interaction(energy) / _interaction(200e3)
    thin = np.exp(fitted.free) * interaction**fitted.free_energy
    free = thin * order**fitted.free_angle * (occupancies * atoms * relative**fitted.free_number).sum()
    weights = occupancies / max(occupancies.sum(), 1e-12)
    gain = np.exp(fitted.gain) * order**fitted.gain_angle * (weights * relative**fitted.gain_number).sum()
    focused = (
        np.exp(fitted.focus) * interaction**fitted.focus_energy * (occupancies * relative**fitted.focus_number).sum()
    )
    lost = np.exp(fitted.loss) * interaction**fitted.loss_energy * (occupancies * relative**fitted.loss_number).sum()
    lost = max(lost * order**fitted.loss_angle, 1e-9)
    return float(free * (1 + gain * -np.expm1(-focused)) * -np.expm1(-lost) / lost)


def peak_per_area(probe: Probe, thermal_b: float, thickness: float) -> float:
    """Beam density at a column in focus, averaged over a specimen's thickness [1/A^2].

    The probe's peak intensity at the entrance surface falls with depth as the beam diverges. The depth of focus,
    `DEPTH_OF_FOCUS` lambda / alpha^2, is fitted to multislice; heavy columns scatter the beam away faster than that.

    Parameters
    ----------
    probe : Probe
        Probe and source.
    thermal_b : float
        Of the column [A^2].
    thickness : float
        [A].
    """
    depth_of_focus = DEPTH_OF_FOCUS * probe.wavelength / (1e-3 * probe.semiangle) ** 2
    return float(peak_intensity(probe, np.array([thermal_b]))[0] / np.hypot(1, thickness / depth_of_focus))


def _interaction(energy: float) -> float:
    """Interaction constant of electrons with a projected potential [rad / (V A)]."""
    momentum = electron_wavelength(energy) * energy
    return float(2 * np.pi / momentum * (REST_ENERGY + energy) / (2 * REST_ENERGY + energy))
