from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from ase.data import atomic_numbers
from scipy.ndimage import map_coordinates
from stembench.crystals.cif import Crystal
from stembench.crystals.field import columns_in_field, in_plane_turn
from stembench.crystals.projection import project_structure
from stembench.crystals.specimen import Specimen, atoms_alone, crystal_slab
from stembench.crystals.supercell import orthogonal_supercell
from stembench.errors import InputError
from stembench.imaging.limits import check, cutoff_angle, smallest_cell
from stembench.imaging.linear import linear_image
from stembench.imaging.multislice import (
    Tile,
    configurations,
    scan,
    simulate_tile,
)
from stembench.imaging.probe import Probe

pytestmark = pytest.mark.slow

PROBE = Probe(200e3, 24.0)
DETECTORS = {"BF": (0.0, 32.0), "MAADF": (32.0, 45.0), "HAADF": (45.0, 65.0)}
COARSE = {"sampling": 0.125, "slice_thickness": 2.0, "seed": 5}
TINY = {**COARSE, "cell_width": 11.7, "phonons": 0}
A = 3.905


def tile_of(projection, thicknesses=(A,), probe=PROBE, **changes) -> Tile:
    return simulate_tile(projection, probe, DETECTORS, thicknesses, **{**TINY, **changes})


@pytest.fixture(scope="module")
def titanate(projection_of):
    """SrTiO3 [001], three thicknesses."""
    return tile_of(projection_of("SrTiO3", "001"), (A, 2 * A, 3 * A))


def simple(cell, elements=("Sr",), positions=((0, 0, 0),), thermal_b=0.5):
    ones = np.ones(len(elements))
    crystal = Crystal(np.array(cell, float), np.zeros((1, 3)), elements, np.array(positions), ones, thermal_b * ones)
    return project_structure(crystal, (0, 0, 1))


HEXAGONAL = [[4.4, 0, 0], [-2.2, 2.2 * np.sqrt(3), 0], [0, 0, 4.0]]


def test_a_field_out_of_an_oblique_tile_is_the_scan_of_the_same_crystal():
    rotation = 0.7
    projection = simple(HEXAGONAL, ("Sr", "O"), ((0, 0, 0), (1 / 3, 2 / 3, 0.5)))
    fine = {"sampling": 0.0625}  # abTEM's potentials depend a little on where an atom lies between grid points
    probe = replace(PROBE, defocus=20.0, coma=2000.0, coma_angle=0.4 + rotation)  # breaks every symmetry
    turned_back = replace(probe, coma_angle=0.4)  # the tile's azimuths count from the crystal's x axis
    tile = tile_of(projection, (4.0,), turned_back, cell_width=17.0, **fine)
    offset = np.array([0.5, 0.7])
    slab = crystal_slab(projection, (1.6, 1.6), rotation, offset, 8.0, 4.0)
    direct = scan(slab, probe, DETECTORS, (5, 5), 0.4, phonons=0, padding=1.0, **{**COARSE, **fine})
    for mode, image in zip(DETECTORS, direct):
        ours = tile.image(mode, 0, (5, 5), 0.4, rotation, offset)
        assert np.corrcoef(ours.ravel(), image.ravel())[0, 1] > 0.9995
        assert np.ptp(ours) == pytest.approx(np.ptp(image), rel=0.15)
        assert ours.mean() == pytest.approx(image.mean(), rel=0.06)


def test_detectors_share_out_at_most_the_beam(titanate):
    total = titanate.intensity.sum(axis=0)
    assert total.max() <= 1 + 2e-4  # abTEM limits the band of waves and phase objects, in single precision
    assert total.min() > 0.9


def test_high_angles_rise_with_thickness_and_atomic_number(projection_of):
    thermal = tile_of(projection_of("SrTiO3", "001"), (A, 2 * A, 3 * A), phonons=2)
    assert np.all(np.diff(thermal.intensity[2].mean(axis=(1, 2))) > 0)
    means = [tile_of(simple(4 * np.eye(3), (element,)), (4.0,)).intensity[2].mean() for element in ("C", "Cu", "Au")]
    assert means[0] < means[1] / 3
    assert means[1] < means[2] / 3


def test_a_tile_has_the_symmetry_of_its_crystal(titanate):
    span = np.ptp(titanate.intensity, axis=(2, 3))
    for turned in (titanate.intensity.swapaxes(2, 3), np.roll(titanate.intensity[:, :, ::-1], 1, axis=2)):
        assert np.all(abs(turned - titanate.intensity).max(axis=(2, 3)) < 1e-3 * span)


def test_a_thickness_series_equals_separate_runs(titanate, projection_of):
    alone = tile_of(projection_of("SrTiO3", "001"), (2 * A,))
    assert alone.intensity[:, 0] == pytest.approx(titanate.intensity[:, 1], abs=1e-6)


def test_a_tile_keeps_to_the_nyquist_grid(titanate, projection_of):
    finest = np.linalg.norm(titanate.lattice, axis=1) / titanate.intensity.shape[:1:-1]
    assert np.all(finest <= 1 / (2 * PROBE.cutoff))
    double = tile_of(projection_of("SrTiO3", "001"), probe=replace(PROBE, semiangle=12.0), cell_width=21.0)
    assert double.intensity.shape[2:] == (7, 7)


def test_pixels_on_the_probes_have_their_values(titanate):
    count = titanate.intensity.shape[-1]
    image = titanate.image("HAADF", 2, (2 * count, count), A / count, offset=(A, -A))
    span = np.ptp(titanate.intensity[2, 2])
    if titanate.lattice[0, 0] < 1:
        image = image.T
    assert image == pytest.approx(np.tile(titanate.intensity[2, 2], (2, 1)), abs=1e-4 * span)


def test_between_the_probes_the_image_is_their_fourier_series(titanate):
    generator = np.random.default_rng(3)
    rotation, offset = 0.4, generator.uniform(0, 4, 2)
    image = titanate.image("MAADF", 0, (40, 50), 0.21, rotation, offset)
    values = titanate.intensity[1, 0]
    coefficients = np.fft.fft2(values, norm="forward")
    orders = np.fft.fftfreq(len(values), 1 / len(values))
    y, x = np.mgrid[:40, :50] * 0.21
    points = (np.stack([x, y], -1) - offset) @ in_plane_turn(rotation).T @ np.linalg.inv(titanate.lattice)
    along = [np.exp(2j * np.pi * points[..., axis, None] * orders) for axis in (1, 0)]
    direct = np.einsum("yxk,kl,yxl->yx", along[0], coefficients, along[1]).real
    assert image == pytest.approx(direct, abs=3e-4 * np.ptp(values))


def test_columns_of_the_label_are_bright_in_the_image(projection_of, titanate):
    projection, rotation, offset = projection_of("SrTiO3", "001"), 0.5, np.array([0.7, 1.9])
    image = titanate.image("HAADF", 0, (120, 120), 0.1, rotation, offset, source_size=0.5)
    positions, sites, _ = columns_in_field(projection, (11.0, 11.0), rotation, offset, -0.5)
    strengths = [sum(atomic_numbers[a["element"]] for a in column["atoms"]) for column in projection.columns]
    values = map_coordinates(image, positions.T[::-1] / 0.1, order=3)
    assert values[sites == np.argmax(strengths)].min() > 0.95 * image.max()
    assert values[sites == np.argmin(strengths)].max() < 0.4 * image.max()


def test_a_source_blurs_and_keeps_the_sum(titanate):
    count = 64
    sharp, blurred = (titanate.image("HAADF", 0, (count, count), A / count, source_size=size) for size in (0.0, 1.2))
    assert blurred.sum() == pytest.approx(sharp.sum(), rel=1e-5)
    assert np.ptp(blurred) < 0.7 * np.ptp(sharp)
    first = [abs(np.fft.fft2(image)[0, 1]) for image in (sharp, blurred)]
    sigma = 1.2 / np.sqrt(8 * np.log(2))
    assert first[1] / first[0] == pytest.approx(np.exp(-2 * (np.pi * sigma / A) ** 2), rel=1e-3)


def test_a_seed_is_bitwise_reproducible_and_threads_do_not_matter(projection_of):
    projection = projection_of("SrTiO3", "001")
    one, same, other = (
        tile_of(projection, phonons=2, seed=seed, threads=threads).intensity
        for seed, threads in ((1, 1), (1, 2), (2, 1))
    )
    assert one.tobytes() == same.tobytes()
    assert abs(one - other).max() > 1e-4 * one.max()


def test_a_tile_is_stored_and_read_back(titanate, tmp_path):
    titanate.to_dataset().to_zarr(tmp_path / "tile.zarr", zarr_format=3, consolidated=False)
    with xr.open_zarr(tmp_path / "tile.zarr", consolidated=False, chunks=None) as stored:
        back = Tile.from_dataset(stored.load())
    assert back.intensity.tobytes() == titanate.intensity.tobytes()
    assert (back.detectors, back.settings) == (titanate.detectors, titanate.settings)
    view = ("HAADF", 1, (9, 9), 0.3, 0.2)
    assert back.image(*view) == pytest.approx(titanate.image(*view), abs=0)


@pytest.mark.parametrize(("material", "zone", "thickness"), [("SrTiO3", "001", A), ("Si", "110", 3.84)])
def test_a_thin_slab_is_the_linear_model(projection_of, material, zone, thickness):
    projection = projection_of(material, zone)
    tile = tile_of(projection, (thickness,), phonons=4)
    image = tile.image("HAADF", 0, (100, 100), 0.12, 0.3, (0.5, 0.2), source_size=0.8)
    slab = crystal_slab(projection, (12.0, 12.0), 0.3, np.array([0.5, 0.2]), 6.0, thickness)
    atoms = slab.positions[:, :2], slab.numbers**1.7, slab.thermal_b
    linear = linear_image(*atoms, replace(PROBE, source_size=0.8), (100, 100), 0.12)
    assert np.corrcoef(image.ravel(), linear.ravel())[0, 1] > 0.98


def test_an_atom_alone_is_where_it_stands_and_has_the_signal_of_a_sparse_crystal():
    gold = atoms_alone(np.array([[2.0, 1.5, 0.5]]), atomic_numbers["Au"])
    image = scan(gold, PROBE, DETECTORS, (13, 17), 0.25, phonons=0, **COARSE)
    assert np.unravel_index(image[2].argmax(), image[2].shape) == (6, 8)
    sparse = tile_of(simple(np.diag([12.0, 12.0, 2.0]), ("Au",), thermal_b=0.0), (2.0,), sampling=0.125)
    tile = sparse.image("HAADF", 0, (13, 17), 0.25, offset=(2.0, 1.5))
    assert image[2] == pytest.approx(tile, abs=0.03 * tile.max())


def test_the_beam_stays_focused_on_what_lies_below_an_overlayer():
    """An atom of hydrogen 30 A above changes nothing, whereas a beam that is focused on it is 0.7 A wide."""
    gold = atoms_alone(np.array([[2.0, 1.5, 0.0]]), atomic_numbers["Au"])
    covered = atoms_alone(np.array([[2.0, 1.5, 0.0], [3.5, 3.0, -30.0]]), np.array([79, 1]))
    alone, below = (scan(each, PROBE, DETECTORS, (13, 17), 0.25, phonons=0, **COARSE)[2] for each in (gold, covered))
    assert below == pytest.approx(alone, abs=0.05 * alone.max())


def column_of_silicon(slope: tuple[float, float], above: float = 0.0) -> Specimen:
    """An atom every 4 A along the beam, each further to the right and down by `slope` per depth."""
    depths = np.arange(10) * 4.0 + 0.5 - above
    places = np.array([2.0, 1.8]) + depths[:, None] * slope
    return atoms_alone(np.column_stack([places, depths]), atomic_numbers["Si"], 0.3)


@pytest.mark.parametrize("above", [0.0, 12.0])
def test_a_tilted_beam_sees_sheared_columns(above):
    """A mistilted specimen looks like one whose atoms are displaced with depth, also below an overlayer."""
    tilt = np.array([20.0, -12.0])
    view = ((8, 9), 0.5)
    common = {**COARSE, "phonons": 0}
    tilted = scan(column_of_silicon((0.0, 0.0), above), PROBE, DETECTORS, *view, tilt=tuple(tilt), **common)
    sheared, upright = (
        scan(column_of_silicon(tuple(np.tan(1e-3 * tilt * sense)), above), PROBE, DETECTORS, *view, **common)
        for sense in (1, 0)
    )
    for one, other, without in zip(tilted, sheared, upright):
        contrast = np.linalg.norm(other - other.mean())
        assert np.linalg.norm(one - other) < 0.15 * contrast
        assert np.linalg.norm(without - other) > 0.5 * contrast


def test_mistilt_moves_and_stretches_a_column_alike_in_both_models():
    tilt = np.array([14.0, 7.0])
    image = scan(
        column_of_silicon((0.0, 0.0)), PROBE, DETECTORS, (15, 15), 0.3, tilt=tuple(tilt), **{**COARSE, "phonons": 0}
    )[2]
    atoms = column_of_silicon(tuple(np.tan(1e-3 * tilt)))
    linear = linear_image(atoms.positions[:, :2], np.ones(10), atoms.thermal_b, PROBE, (15, 15), 0.3)
    found = []
    for each in (image, linear):
        bright = np.where(each > 0.3 * each.max(), each, 0)
        y, x = (0.3 * axis for axis in np.mgrid[:15, :15])
        mean = np.array([(bright * axis).sum() for axis in (x, y)]) / bright.sum()
        spread = np.cov(np.stack([x.ravel(), y.ravel()]), aweights=bright.ravel())
        found.append((mean - [2.0, 1.8], np.linalg.eigh(spread)[1][:, -1]))
    for moved, along in found:
        assert moved @ tilt / np.hypot(*tilt) > 0.1  # to where deep atoms lie
        assert abs(along @ tilt) / np.hypot(*tilt) > 0.97
    assert found[0][0] == pytest.approx(found[1][0], abs=0.1)


def test_the_mean_over_phonons_does_not_depend_on_how_it_is_taken():
    """A tile, which simulates one of the probes that symmetry makes equal, against scans of a slab elsewhere."""
    projection = simple(4 * np.eye(3), thermal_b=0.6)
    tile = tile_of(projection, (8.0,), phonons=24, cell_width=15.0)
    offset = np.array([1.0, 0.6])
    slab = crystal_slab(projection, (2.0, 2.0), 0.3, offset, 7.0, 8.0)
    direct = scan(slab, PROBE, DETECTORS, (6, 6), 0.4, phonons=24, padding=1.0, **COARSE)
    for mode, image in zip(DETECTORS, direct):
        ours = tile.image(mode, 0, (6, 6), 0.4, 0.3, offset)
        assert ours.mean() == pytest.approx(image.mean(), rel=0.08)
        assert np.corrcoef(ours.ravel(), image.ravel())[0, 1] > 0.97


def test_a_scan_of_many_probes_goes_by_prism_and_gives_the_same(monkeypatch):
    from stembench.imaging import multislice

    gold = atoms_alone(np.array([[1.0, 1.5, 0.5], [2.2, 1.1, 3.0]]), atomic_numbers["Au"], 0.4)
    probe = replace(PROBE, defocus=20.0, coma=1000.0, coma_angle=0.4)
    view = ((32, 30), 0.1)
    images = []
    for largest in (2e9, 0.0):
        monkeypatch.setattr(multislice, "_LARGEST_MATRIX", largest)
        images.append(scan(gold, probe, DETECTORS, *view, phonons=1, **COARSE))
    assert images[0] == pytest.approx(images[1], abs=1e-5)
    assert not np.array_equal(*images)  # they did go by different ways


def test_an_aberrated_probe_draws_an_atom_alike_in_both_models():
    """Also the sense of coma: a scanned image shows the probe inverted through its centre."""
    probe = Probe(200e3, 24.0, defocus=20.0, astigmatism=15.0, astigmatism_angle=0.3, coma=2500.0, coma_angle=0.9)
    silicon = atoms_alone(np.array([[2.4, 2.6, 0.5]]), atomic_numbers["Si"])
    image = scan(silicon, probe, DETECTORS, (21, 21), 0.25, phonons=0, **COARSE)[2]
    linear = linear_image(silicon.positions[:, :2], np.ones(1), np.full(1, 0.2), probe, (21, 21), 0.25)
    assert np.corrcoef(image.ravel(), linear.ravel())[0, 1] > 0.98
    assert np.corrcoef(image.ravel(), linear[::-1, ::-1].ravel())[0, 1] < 0.9


def test_columns_that_climb_give_the_tile_of_a_flat_crystal():
    """A scan of the slab as it is, its columns beginning at other heights, differs no more from a tile without it."""
    offset, differences = np.array([0.7, 0.4]), []
    for climb in (0.0, 0.2):  # A over 4 A
        projection = simple([[4.0, 0, climb], [0, 4.0, 0], [0, 0, 4.0]], ("Sr", "O"), ((0, 0, 0), (0.5, 0.5, 0.25)))
        tile = tile_of(projection, (16.0,), cell_width=15.5)
        assert tile.settings["climb"] == pytest.approx(climb / 4)
        slab = crystal_slab(projection, (3.2, 3.2), 0.0, offset, 8.0, 16.0)
        direct = scan(slab, PROBE, DETECTORS, (8, 8), 0.4, phonons=0, padding=1.0, **COARSE)
        ours = np.stack([tile.image(mode, 0, (8, 8), 0.4, 0.0, offset) for mode in DETECTORS])
        differences.append(abs(ours - direct).max(axis=(1, 2)) / np.ptp(direct, axis=(1, 2)))
    assert differences[1] == pytest.approx(differences[0], abs=0.01)


def one_site(occupancies: tuple[float, ...], thermal_b: float, count: int) -> Specimen:
    """`count` sites 3 A apart, each shared by as many species as there are occupancies."""
    places = np.repeat(np.arange(count) * 3.0, len(occupancies))
    atoms = atoms_alone(np.outer(places, [1, 0, 0]), np.tile(np.arange(len(occupancies)) + 1, count), thermal_b)
    return replace(atoms, occupancies=np.tile(occupancies, count).astype(float))


def test_displacements_have_the_variance_of_their_b():
    drawn = configurations(one_site((1.0,), 0.79, 4000), np.array([12000.0, 5, 5]), 3, 9)
    shifts = np.stack([atoms.positions for atoms in drawn]) - np.outer(np.arange(4000) * 3.0, [1, 0, 0])
    assert shifts[..., :2].std(axis=1) == pytest.approx(np.full((3, 2), 0.1), rel=0.05)
    assert not shifts[..., 2].any()
    assert shifts[1] == pytest.approx(-shifts[0], abs=1e-9)  # antithetic
    assert abs(np.corrcoef(shifts[0, :, 0], shifts[2, :, 0])[0, 1]) < 0.06
    still = configurations(one_site((1.0,), 0.79, 10), np.array([30.0, 5, 5]), 0, 9)
    assert np.array_equal(still[0].positions[:, 0], np.arange(10) * 3.0)


def test_a_shared_site_holds_at_most_one_atom_as_often_as_its_occupancy_says():
    atoms = configurations(one_site((0.5, 0.3), 0.0, 4000), np.array([12000.0, 5, 5]), 0, 2)[0]
    assert len(np.unique(atoms.positions[:, 0])) == len(atoms)
    counts = np.bincount(atoms.numbers)[1:] / 4000
    assert counts == pytest.approx([0.5, 0.3], abs=0.03)


def test_the_cut_off_is_where_abtem_has_it():
    import abtem

    waves = abtem.Probe(energy=200e3, semiangle_cutoff=10, sampling=0.1, extent=10)
    assert cutoff_angle(200e3, 0.1) == pytest.approx(min(waves.cutoff_angles), rel=0.02)


def test_detectors_and_apertures_beyond_the_cut_off_are_refused():
    check(PROBE, {"HAADF": (60, 83)}, 40.0, 20.0, 0.1)
    with pytest.raises(InputError, match=r"detector HAADF, 90 mrad, .* 83\.6 mrad .* sampling to 0\.092 A"):
        check(PROBE, {"HAADF": (60, 90)}, 40.0, 20.0, 0.1)
    check(PROBE, {"HAADF": (60, 90)}, 40.0, 20.0, 0.092)
    with pytest.raises(InputError, match=r"focal spread of 30 A.* linear model"):
        check(replace(PROBE, focal_spread=30.0), {}, 40.0, 20.0, 0.1)
    with pytest.raises(InputError, match=r"semi-angle, 24 mrad"):
        check(PROBE, {}, 40.0, 20.0, 0.4)


def test_a_cell_that_the_probe_outgrows_is_refused(projection_of):
    with pytest.raises(InputError, match=r"cell of 11.7 A is too small.* in a specimen of 200 A .* raise .* to 21 A"):
        tile_of(projection_of("SrTiO3", "001"), (200.0,))
    assert smallest_cell(PROBE, 0.0) == pytest.approx(10 * PROBE.wavelength / 0.024)
    assert smallest_cell(replace(PROBE, defocus=-100.0), 200.0) - smallest_cell(PROBE, 0.0) == pytest.approx(14.4)
    assert smallest_cell(replace(PROBE, c3=1e7), 0.0) > smallest_cell(PROBE, 0.0) + 270


def test_the_smallest_cell_holds_the_probe():
    import abtem

    for probe, aberrations in ((PROBE, {}), (replace(PROBE, defocus=150.0), {"C10": -150.0})):
        width = smallest_cell(probe, 0.0)
        waves = abtem.Probe(energy=200e3, semiangle_cutoff=24, sampling=0.1, extent=60, aberrations=aberrations)
        intensity = waves.build((30.0, 30.0), lazy=False).intensity().array
        x = np.arange(len(intensity)) * 0.1 - 30
        inside = np.hypot(x[:, None], x) < width / 2
        assert intensity[inside].sum() / intensity.sum() > 0.97


def test_a_strained_cell_gives_the_tile_of_the_crystal_as_it_is():
    beta = np.deg2rad(92.0)
    projection = simple([[4.0, 0, 0], [4.2 * np.cos(beta), 4.2 * np.sin(beta), 0], [0, 0, 4.0]])
    cell = orthogonal_supercell(projection, 11.0)
    assert cell.strain > 0
    tile = tile_of(projection, (4.0,))
    assert tile.lattice == pytest.approx(cell.tile @ projection.lattice)
    assert tile.settings["strain"] == cell.strain
