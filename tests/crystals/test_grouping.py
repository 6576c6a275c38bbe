"""Columns are what the symmetry of the crystal and an image of its projected atoms say."""

import gemmi
import numpy as np
import pytest
from ase.build import bulk
from ase.data import atomic_numbers
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import maximum_filter
from stembench.crystals.cif import Crystal, read_crystal
from stembench.crystals.grouping import WIDEST_COLUMN_A, grouped
from stembench.crystals.projection import project_structure

#: A garnet and a spinel, from their space group's name.
SPACE_GROUPS = {"garnet": "I a -3 d", "spinel": "F d -3 m:2"}
SITES = {
    "garnet": (11.45, ("Mg 0.125 0 0.25", "Al 0 0 0", "Si 0.375 0 0.25", "O 0.0329 0.0503 0.6533")),
    "spinel": (8.24, ("Li 0.125 0.125 0.125", "Mn 0.5 0.5 0.5", "O 0.2625 0.2625 0.2625")),
}


def crystal_of(atoms) -> Crystal:
    """As it is read from a CIF in P 1."""
    ones = np.ones(len(atoms))
    symbols = tuple(atoms.get_chemical_symbols())
    return Crystal(np.array(atoms.cell), np.zeros((1, 3)), symbols, atoms.get_scaled_positions(), ones, ones)


@pytest.fixture(scope="module")
def cubic(tmp_path_factory, repository):
    def read(name: str) -> tuple[Crystal, gemmi.GroupOps]:
        if name not in SITES:
            path = repository / "structures" / f"{name}.cif"
            block = gemmi.cif.read(str(path)).sole_block()
            group = gemmi.find_spacegroup_by_name(gemmi.cif.as_string(block.find_value("_space_group_name_H-M_alt")))
            return read_crystal(path), group.operations()
        edge, sites = SITES[name]
        path = tmp_path_factory.mktemp("cubic") / f"{name}.cif"
        cell = [f"_cell_length_{side} {edge}" for side in "abc"]
        cell += [f"_cell_angle_{angle} 90" for angle in ("alpha", "beta", "gamma")]
        loop = ["loop_", "_atom_site_label", *(f"_atom_site_fract_{axis}" for axis in "xyz"), *sites]
        symbol = f"_space_group_name_H-M_alt '{SPACE_GROUPS[name]}'"
        path.write_text("\n".join(["data_x", symbol, *cell, *loop]) + "\n")
        return read_crystal(path), gemmi.find_spacegroup_by_name(SPACE_GROUPS[name]).operations()

    return read


def places_of(projection) -> np.ndarray:
    return np.array([[column["x_A"], column["y_A"]] for column in projection.columns])


def apart(one: np.ndarray, other: np.ndarray, lattice: np.ndarray) -> np.ndarray:
    """Distances, shape (one, other), in the periodic pattern."""
    fractions = (one[:, None] - other) @ np.linalg.inv(lattice)
    corners = np.array([[i, j] for i in (-1, 0, 1) for j in (-1, 0, 1)])
    images = ((fractions - np.round(fractions))[:, :, None] + corners) @ lattice
    return np.linalg.norm(images, axis=-1).min(axis=2)


def maxima(projection, blur: float, step: float) -> np.ndarray:
    """Places of the maxima of the atoms' blurred image [A]."""
    atoms = [atom for column in projection.columns for atom in column["atoms"]]
    shape = np.ceil(np.linalg.norm(projection.lattice, axis=1) / step).astype(int)
    image = np.zeros(shape)
    steps = [np.arange(n) / n for n in shape]
    grid = np.stack(np.meshgrid(*steps, indexing="ij"), -1)
    for atom in atoms:
        fractions = grid - np.array([atom["x_A"], atom["y_A"]]) @ np.linalg.inv(projection.lattice)
        fractions -= np.round(fractions)
        for corner in np.stack(np.meshgrid((-1, 0, 1), (-1, 0, 1)), -1).reshape(-1, 2):
            squared = (((fractions + corner) @ projection.lattice) ** 2).sum(axis=-1)
            image += atom["occupancy"] * atomic_numbers[atom["element"]] * np.exp(-squared / 2 / blur**2)
    return grid[(image == maximum_filter(image, 3, mode="wrap")) & (image > 0.02 * image.max())] @ projection.lattice


@pytest.mark.parametrize("zone", [(0, 0, 1), (1, 1, 0), (1, 1, 1), (1, 2, 0), (2, 1, 3), (1, 1, 3)])
@pytest.mark.parametrize("name", ["Co3O4", "garnet", "spinel"])
def test_each_symmetry_along_the_beam_takes_columns_to_columns_of_the_same_atoms(cubic, name, zone):
    crystal, operations = cubic(name)
    projection = project_structure(crystal, zone)
    to_plane = projection.frame[:2] @ crystal.cell.T
    places, found = places_of(projection), 0
    kinds = [sorted(atom["element"] for atom in column["atoms"]) for column in projection.columns]
    for operation in operations:
        turn, shift = np.array(operation.rot) / gemmi.Op.DEN, np.array(operation.tran) / gemmi.Op.DEN
        if abs(turn @ zone) != pytest.approx(np.abs(zone)) or np.linalg.norm(np.cross(turn @ zone, zone)) > 1e-9:
            continue
        in_plane = to_plane @ turn @ np.linalg.pinv(to_plane)
        distances = apart(places @ in_plane.T + to_plane @ shift, places, projection.lattice)
        assert distances.min(axis=1).max() < 2e-3
        assert [kinds[image] for image in distances.argmin(axis=1)] == kinds
        found += 1
    assert found >= 2


def test_cobalt_oxide_along_001_has_six_columns_at_the_maxima_of_its_image(projection_of):
    projection = projection_of("Co3O4", "001")
    assert len(projection.columns) == 6
    distances = apart(maxima(projection, 0.15, 0.03), places_of(projection), projection.lattice)
    assert distances.min(axis=1).max() < 0.03  # every maximum is a column
    assert distances.min(axis=0).max() < 0.03  # and every column one


@pytest.mark.parametrize("seed", range(4))
def test_a_relaxed_cell_of_silicon_shows_the_columns_of_silicon(seed):
    atoms = bulk("Si", cubic=True) * (5, 5, 5)
    perfect = project_structure(crystal_of(atoms), (1, 1, 0))
    atoms.rattle(0.05, seed=seed)
    rattled = project_structure(crystal_of(atoms), (1, 1, 0))
    assert len(perfect.columns) == len(rattled.columns) == 100
    assert {len(column["atoms"]) for column in rattled.columns} == {10}
    assert apart(places_of(rattled), places_of(perfect), perfect.lattice).min(axis=1).max() < 0.1
    if seed == 0:
        assert len(maxima(rattled, 0.3, 0.15)) == 100


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 60), st.floats(0.3, 4), st.floats(0, 1.5))
def test_columns_do_not_depend_on_the_order_of_atoms_or_the_origin(seed, atoms, side, skew):
    rng = np.random.default_rng(seed)
    lattice = np.array([[side, 0], [skew, 3.0]])
    places = rng.random((atoms, 2)) @ lattice
    order, origin, cells = rng.permutation(atoms), rng.uniform(-5, 5, 2), rng.integers(-3, 4, (atoms, 2))
    one, other = grouped(places, lattice), grouped((places + origin + cells @ lattice)[order], lattice)
    assert {frozenset(own) for own, _ in one} == {frozenset(order[own]) for own, _ in other}
    for own, steps in one:
        together = places[own] + steps @ lattice
        width = np.linalg.norm(together[:, None] - together, axis=2).max()
        assert width <= WIDEST_COLUMN_A + 1e-5
    assert sorted(np.concatenate([own for own, _ in one])) == list(range(atoms))


def test_a_row_without_an_end_falls_apart_into_its_equal_atoms():
    lattice = np.diag([1.5, 4.0])
    row = np.array([[0.15 * i, 1.0] for i in range(10)])
    assert len(grouped(row, lattice)) == 10
    pairs = np.array([[0.3 * i + d, 1.0] for i in range(5) for d in (0.0, 0.13)])
    assert sorted(sorted(own.tolist()) for own, _ in grouped(pairs, lattice)) == [[2 * i, 2 * i + 1] for i in range(5)]


def test_a_zigzag_across_the_cells_edge_is_one_column():
    lattice = np.diag([4.0, 4.0])
    ((own, steps),) = grouped(np.array([[0.05, 0.02], [3.93, 3.99]]), lattice)
    places = np.array([[0.05, 0.02], [3.93, 3.99]])[own] + steps @ lattice
    assert np.linalg.norm(np.diff(places, axis=0)) == pytest.approx(np.hypot(0.12, 0.03))
