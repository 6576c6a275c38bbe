"""What a multislice calculation cannot do; known before it is run."""

from collections.abc import Mapping

import numpy as np

from stembench.errors import InputError
from stembench.imaging.probe import Probe, electron_wavelength

#: Inner and outer angle of annular detectors by name [mrad].
Detectors = Mapping[str, tuple[float, float]]

#: Supercells are at least this wide where the probe would do with less [A]; at 200 keV and 24 mrad it keeps the error
#: of a tile within 1 % of the maximum (benchmarks/multislice_tile.py).
NARROWEST_CELL_A = 24.0

#: Grid points of the wave function along an edge that are accepted; a wave of this size takes 0.1 GB.
LARGEST_GRID = 4096

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
    rays = max(probe.geometric_radius(depth) for depth in (0.0, thickness))
    return float(2 * (rays + _TAIL * 1e3 * probe.wavelength / probe.semiangle))


def cell_width(probe: Probe, thickness: float, asked: float | None = None) -> float:
    """The width that is asked for, or else what the probe needs [A]."""
    return max(NARROWEST_CELL_A, smallest_cell(probe, thickness)) if asked is None else asked


def check(
    probe: Probe,
    detectors: Detectors,
    thickness: float,
    cell_width: float,
    sampling: float,
    segmented: tuple[float, float] | None = None,
) -> None:
    """Refuse what a multislice calculation would get wrong without a word.

    Parameters
    ----------
    probe : Probe
        The probe.
    detectors : mapping
        Inner and outer angles by name [mrad].
    thickness, cell_width, sampling : float
        Of the specimen, of the supercell, and of the wave function's grid [A].
    segmented : tuple of float, optional
        Inner and outer angle of a segmented detector [mrad].

    Raises
    ------
    InputError
        If the probe is chromatic, an angle lies beyond the cut-off, or the cell is too small or too large to be
        computed; the message holds value, limit and remedy.
    """
    if probe.focal_spread:
        raise InputError(
            f"the probe has chromatic blur (a focal spread of {probe.focal_spread:.0f} A), which multislice does not "
            "simulate; set cc_mm or energy_spread_eV to 0, or take the linear model"
        )
    limit = cutoff_angle(probe.energy, sampling)
    angles = {"the probe's semi-angle": probe.semiangle}
    angles |= {f"the outer angle of detector {name}": outer for name, (_, outer) in detectors.items()}
    angles |= {"the outer angle of the segmented detector": segmented[1]} if segmented else {}
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
    points = cell_width / sampling
    if points > LARGEST_GRID:
        raise InputError(
            f"a cell of {cell_width:.0f} A at a sampling of {sampling:g} A takes {points:.0f} grid points along an "
            f"edge, and {LARGEST_GRID} can be computed: the probe is {least:.0f} A wide in a specimen of {thickness:g} "
            "A; lower its defocus, aberrations or semi-angle, or the thickness, or coarsen the sampling"
        )
