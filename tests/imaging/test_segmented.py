from itertools import product

import numpy as np
import pytest
from scipy.constants import physical_constants
from stembench.crystals.cif import Crystal
from stembench.crystals.projection import Projection, project_structure
from stembench.crystals.specimen import crystal_slab
from stembench.errors import InputError
from stembench.imaging.limits import check
from stembench.imaging.multislice import Tile, scan, simulate_tile
from stembench.imaging.probe import Probe
from stembench.imaging.segmented import differences, idpc_name, integrated_field, quadrant_names

pytestmark = pytest.mark.slow

PROBE = Probe(200e3, 24.0)
COARSE = {"sampling": 0.125, "slice_thickness": 2.0, "phonons": 0, "seed": 5}


def projection_with(*atoms: tuple[str, float, float], cell: float = 4.0) -> Projection:
    """A square cell 2 A thick, atoms at rest at (x, y) in fractions of the cell."""
    names, x, y = zip(*atoms)
    positions, ones = np.column_stack([x, y, np.zeros(len(x))]), np.ones(len(x))
    lattice = np.diag([cell, cell, 2.0])
    return project_structure(Crystal(lattice, np.zeros((1, 3)), names, positions, ones, 0 * ones), (0, 0, 1))


def tile_with(*atoms: tuple[str, float, float], segmented: tuple[float, float]) -> Tile:
    return simulate_tile(projection_with(*atoms), PROBE, {}, [2.0], cell_width=16.0, segmented=segmented, **COARSE)


def weak_phase_spectrum(segmented: tuple[float, float], k: np.ndarray) -> np.ndarray:
    """Transfer of the phase's spectrum into the iDPC image, by the weak-phase theory [A].

    Lazic, Bosch & Lazar (2016): a quadrant W of a detector transfers i times the integral of W over the overlaps of the
    aperture with itself shifted by +k and by -k, the second taken from the first.
    """
    edge = 24e-3 / PROBE.wavelength
    axis = np.linspace(-40e-3, 40e-3, 641) / PROBE.wavelength
    kx, ky = np.meshgrid(axis, axis)
    kx, ky = (each[np.hypot(kx, ky) < edge] for each in (kx, ky))
    angle, azimuth = 1e3 * PROBE.wavelength * np.hypot(kx, ky), np.arctan2(ky, kx)
    on = (angle >= segmented[0]) & (angle < segmented[1])
    quadrant = np.where(on, np.round(azimuth / (np.pi / 2)).astype(int) % 4, -1)
    transfer = []
    for x, y in k:
        change = (np.hypot(kx - x, ky - y) < edge) * 1.0 - (np.hypot(kx + x, ky + y) < edge)
        quadrants = 1j * np.array([change[quadrant == number].sum() for number in range(4)]) / len(kx)
        gradient = quadrants[:2] - quadrants[2:]
        transfer.append((gradient @ [x, y]) / (2j * np.pi * (x**2 + y**2)))
    return np.array(transfer)


@pytest.mark.parametrize("segmented", [(6.0, 24.0), (0.0, 40.0)])
def test_the_image_of_a_weak_phase_is_its_potential_by_the_contrast_transfer_of_idpc(segmented):
    """Also its sign and place: an atom is a maximum, where it stands."""
    import abtem

    place = 1.0, 0.5  # A
    tile = tile_with(("C", place[0] / 4, place[1] / 4), segmented=segmented)
    image = tile.image(idpc_name(*segmented), 0, (16, 16), 0.25)
    orders = np.array([order for order in product(range(-7, 8), repeat=2) if any(order)])
    k = orders[np.hypot(*orders.T) / 4 < PROBE.cutoff] / 4
    volts = abtem.parametrizations.LobatoParametrization().projected_scattering_factor("C")(np.sum(k**2, axis=1))
    rest = physical_constants["electron mass energy equivalent in MeV"][0] * 1e6
    interaction = 2 * np.pi / (PROBE.wavelength * 200e3) * (rest + 200e3) / (2 * rest + 200e3)  # rad / (V A)
    spectrum = weak_phase_spectrum(segmented, k) * interaction * volts / 16
    x, y = np.meshgrid(0.25 * np.arange(16), 0.25 * np.arange(16))
    waves = np.exp(2j * np.pi * (k[:, 0] * (x[..., None] - place[0]) + k[:, 1] * (y[..., None] - place[1])))
    expected = (waves @ spectrum).real
    assert image == pytest.approx(expected, abs=0.04 * np.ptp(expected))
    assert np.unravel_index(image.argmax(), image.shape) == (2, 4)


def test_a_tile_integrates_as_abtem_does():
    import abtem

    segmented = (6.0, 24.0)
    tile = tile_with(("Sr", 0.0, 0.0), ("O", 0.5, 0.3), segmented=segmented)
    assert tile.detectors == tuple(quadrant_names(*segmented))
    x, y = differences(tile.intensity[:, 0])
    step = 4.0 / x.shape[0]
    theirs = abtem.measurements.Images((x + 1j * y).T, sampling=step).integrate_gradient().array.T
    ours = tile.image(idpc_name(*segmented), 0, x.shape, step)
    assert np.ptp(ours) > 0.01
    assert ours - ours.mean() == pytest.approx(theirs - theirs.mean(), abs=1e-3 * np.ptp(theirs))


def test_quadrants_share_out_the_segmented_detector_and_are_turned_with_the_crystal():
    tile = tile_with(("Sr", 0.0, 0.0), segmented=(6.0, 24.0))
    a, b, c, d = tile.intensity[:, 0]
    assert np.sum([a, b, c, d], axis=0).mean() == pytest.approx(1 - (6 / 24) ** 2, rel=0.03)
    scale = 1e-3 * a.max()
    assert b == pytest.approx(a.T, abs=scale)
    assert c == pytest.approx(np.roll(a[:, ::-1], 1, axis=1), abs=scale)
    assert d == pytest.approx(np.roll(b[::-1], 1, axis=0), abs=scale)


def test_a_scan_of_a_crystal_is_the_image_of_its_tile():
    projection, segmented = projection_with(("Sr", 0.0, 0.0), ("O", 0.5, 0.3)), (6.0, 24.0)
    tile = simulate_tile(projection, PROBE, {}, [2.0], cell_width=16.0, segmented=segmented, **COARSE)
    offset = np.array([0.7, 0.4])
    slab = crystal_slab(projection, (3.2, 3.2), 0.0, offset, 8.0, 2.0)
    direct = scan(slab, PROBE, {}, (8, 8), 0.4, segmented=segmented, padding=1.0, **COARSE)
    for name, image in zip(quadrant_names(*segmented), direct):
        ours = tile.image(name, 0, (8, 8), 0.4, 0.0, offset)
        assert ours == pytest.approx(image, abs=0.1 * np.ptp(image))


def test_a_field_is_integrated_without_being_periodic():
    """A sloping plane with a wave, whose gradient at the pixels is known."""
    y, x = 0.2 * np.mgrid[:40, :50]
    function = 0.3 * x - 0.2 * y + np.cos(2 * np.pi * x / 5) * np.cos(2 * np.pi * y / 4)
    gradient = np.stack(np.gradient(function, 0.2)[::-1])
    integrated = integrated_field(gradient, 0.2)
    inside = np.s_[3:-3, 3:-3]
    assert np.corrcoef(integrated[inside].ravel(), function[inside].ravel())[0, 1] > 0.998
    assert np.ptp(integrated) == pytest.approx(np.ptp(function), rel=0.06)


def test_a_segmented_detector_beyond_the_cut_off_is_refused():
    with pytest.raises(InputError, match=r"segmented detector, 90 mrad, .* lower the sampling"):
        check(PROBE, {}, 40.0, 20.0, 0.1, (6.0, 90.0))
