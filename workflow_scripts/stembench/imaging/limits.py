"""What a multislice calculation cannot do; known before it is run."""

from collections.abc import Mapping

import numpy as np

from stembench.errors import InputError
from stembench.imaging.detectors import Mode
from stembench.imaging.probe import Probe, electron_wavelength

#: Inner and outer angle of annular detectors by the name of their imaging mode [mrad].
Detectors = Mapping[Mode, tuple[float, float]]

#: Supercells are at least this wide where the probe would do with less [A]; at 200 keV and 24 mrad it keeps the error
#: of a tile within 1 % of the maximum (benchmarks/multislice_tile.py).
NARROWEST_CELL_A = 24.0

_TAIL = 5.0  # [lambda / alpha]: 2 % of an Airy pattern lies outside this radius, lambda / (pi^2 alpha r)


def cutoff_angle(energy: float, sampling: float) -> float:
    """Largest scattering angle of a multislice calculation [mrad]: 2/3 of the Nyquist angle, abTEM's aperture.

    Parameters
    ----------
    energy : float
        [eV].
    sampling : float
        Spacing of the wave function's grid points [A].
    """
    return 1e3 * electron_wavelength(energy) / (3 * sampling)


def smallest_cell(probe: Probe, thickness: float) -> float:
    """Cell width below which a probe meets its own periodic images [A].

    The widest geometric beam between the two faces, by the ray displacement |d chi / d theta| at the aperture's edge
    and inside it, and 5 lambda / alpha of diffraction tail on either side, beyond which 2 % of the Airy pattern lie.
    """
    angle = 1e-3 * probe.semiangle * np.linspace(0, 1, 65)
    depth = np.array([[0.0], [thickness]]) - probe.defocus
    rays = abs(angle * depth + probe.c3 * angle**3 + probe.c5 * angle**5)
    rays += abs(probe.astigmatism) * angle + abs(probe.coma) * angle**2
    return float(2 * (rays.max() + _TAIL * probe.wavelength / angle[-1]))


def cell_width(probe: Probe, thickness: float, asked: float | None = None) -> float:
    """The width that is asked for, or else what the probe needs [A]."""
    return max(NARROWEST_CELL_A, smallest_cell(probe, thickness)) if asked is None else asked


def check(probe: Probe, detectors: Detectors, thickness: float, cell_width: float, sampling: float) -> None:
    """Refuse what a multislice calculation would get wrong without a word.

    Parameters
    ----------
    probe : Probe
        The probe.
    detectors : mapping
        Angles of each imaging mode [mrad].
    thickness, cell_width, sampling : float
        Of the specimen, of the supercell, and of the wave function's grid [A].

    Raises
    ------
    InputError
        If an angle lies beyond the cut-off or the cell is too small; the message holds value, limit and remedy.
    """
    limit = cutoff_angle(probe.energy, sampling)
    angles = {"the probe's semi-angle": probe.semiangle}
    angles |= {f"the outer angle of detector {mode}": outer for mode, (_, outer) in detectors.items()}
    for name, angle in angles.items():
        if angle > limit:
            finest = np.floor(1e3 * cutoff_angle(probe.energy, 1.0) / angle) / 1e3
            raise InputError(
                f"{name}, {angle:g} mrad, lies beyond the cut-off of the multislice calculation, {limit:.1f} mrad at a "
                f"sampling of {sampling:g} A; lower the sampling to {finest:g} A or the angle"
            )
    least = smallest_cell(probe, thickness)
    if cell_width < least:
        raise InputError(
            f"a cell of {cell_width:g} A is too small: the probe is up to {least:.1f} A wide in a specimen of "
            f"{thickness:g} A and would meet its periodic images; raise the cell width to {np.ceil(least):g} A"
        )
