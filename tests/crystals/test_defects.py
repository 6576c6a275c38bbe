import numpy as np
import pytest
from scipy.spatial import cKDTree
from stembench.crystals.defects import displaced, with_interstitials, with_substitutions, with_vacancies
from stembench.crystals.specimen import columns_of, crystal_slab


@pytest.fixture
def slab(projection_of):
    return crystal_slab(projection_of("SrTiO3", "001"), (60.0, 60.0), 0.2, np.zeros(2), 0.0, 39.05)


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def count(specimen):
    return len(columns_of(specimen, np.ones(len(specimen)))["atoms"])


def test_vacancies_of_atoms_thin_columns_and_those_of_columns_remove_them(slab, rng):
    atoms, columns = with_vacancies(slab, 0.1, rng, "atoms"), with_vacancies(slab, 0.1, rng, "columns")
    assert len(atoms) == pytest.approx(0.9 * len(slab), rel=0.02)
    assert count(atoms) == count(slab)
    assert count(columns) == pytest.approx(0.9 * count(slab), rel=0.04)
    remaining = np.isin(slab.columns, columns.columns)
    assert len(columns) == remaining.sum()


def test_a_substitution_changes_the_species_and_nothing_else(slab, rng):
    other = with_substitutions(slab, 0.2, "Pt", rng)
    assert (other.positions == slab.positions).all()
    assert (other.numbers == 78).mean() == pytest.approx(0.2, abs=0.02)


@pytest.mark.parametrize("of", ["atoms", "columns"])
def test_interstitials_stand_in_places_of_their_own(slab, rng, of):
    more = with_interstitials(slab, 0.05, 0.9, (60.0, 60.0), rng, of)
    new = more[more.columns > slab.columns.max()]
    assert count(new) == pytest.approx(0.05 * (count(slab) if of == "columns" else len(slab)), rel=0.5)
    assert count(more) == count(slab) + count(new)
    assert cKDTree(slab.positions[:, :2]).query(new.positions[:, :2])[0].min() >= 0.9
    heights = np.bincount(np.unique(new.columns, return_inverse=True)[1])
    assert (heights == 1).all() if of == "atoms" else heights.max() >= 10


def test_displacements_have_their_sd_and_the_truth_follows_them(slab, rng):
    moved = displaced(slab, 0.08, rng, "columns")
    shift = moved.positions - slab.positions
    _, first = np.unique(slab.columns, return_index=True)
    assert shift[first, :2].std() == pytest.approx(0.08, rel=0.1)
    assert (shift[:, 2] == 0).all()
    before, after = (columns_of(each, np.ones(len(each)))["x_A"] for each in (slab, moved))
    assert after - before == pytest.approx(shift[first, 0])
    each = displaced(slab, 0.08, rng, "atoms").positions - slab.positions
    assert np.ptp(each[slab.columns == 0], axis=0)[0] > 0.05
