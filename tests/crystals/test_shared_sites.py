import numpy as np
import pytest
from stembench.crystals.shared_sites import SAME_SITE_A, drawn_atoms

BOX = np.array([10.0, 10.0, 4.0])


def draws(positions, occupancies, times=1500) -> np.ndarray:
    generator = np.random.default_rng(0)
    placed = np.array(positions, float), np.array(occupancies, float)
    return np.array([drawn_atoms(*placed, BOX, generator) for _ in range(times)])


@pytest.mark.parametrize("apart", [0.0, 0.19, 0.3, 0.49])
def test_of_a_split_site_that_is_full_exactly_one_position_is_taken(apart):
    there = draws([[5, 5, 1], [5 + apart, 5, 1]], [0.5, 0.5])
    assert (there.sum(axis=1) == 1).all()
    assert there.mean(axis=0) == pytest.approx([0.5, 0.5], abs=0.05)


def test_rounded_occupancies_leave_no_site_empty():
    assert (draws([[5, 5, 1]] * 3, [0.333] * 3).sum(axis=1) == 1).all()


def test_a_site_that_is_partly_empty_is_never_taken_twice():
    there = draws([[5, 5, 1], [5.3, 5, 1], [5.15, 5.2, 1]], [0.3, 0.2, 0.1])
    assert there.sum(axis=1).max() == 1
    assert there.mean(axis=0) == pytest.approx([0.3, 0.2, 0.1], abs=0.05)


def test_a_site_across_the_edge_of_the_box_is_one_site():
    assert (draws([[9.9, 5, 3.9], [0.1, 5, 0.1]], [0.4, 0.6]).sum(axis=1) == 1).all()


def test_positions_further_apart_are_independent():
    there = draws([[5, 5, 1], [5.6, 5, 1]], [0.5, 0.5])
    assert set(there.sum(axis=1)) == {0, 1, 2}


def test_a_ring_of_positions_holds_its_number_of_atoms_none_close_to_another():
    angles = 2 * np.pi * np.arange(12) / 12
    ring = np.column_stack([5 + 0.9 * np.cos(angles), 5 + 0.9 * np.sin(angles), np.ones(12)])
    ring = np.random.default_rng(1).permutation(ring)
    there = draws(ring, np.full(12, 1 / 3), 300)
    assert (there.sum(axis=1) == 4).all()
    apart = np.linalg.norm(ring[:, None] - ring, axis=2)
    assert all(apart[np.ix_(each, each)][np.triu_indices(4, 1)].min() > SAME_SITE_A for each in there)


def test_full_atoms_are_always_there():
    there = draws([[5, 5, 1], [5.1, 5, 1], [2, 2, 1]], [1.0, 0.5, 1.0])
    assert there[:, [0, 2]].all()
    assert there[:, 1].mean() == pytest.approx(0.5, abs=0.05)
