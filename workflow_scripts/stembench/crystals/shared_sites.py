"""Sites that several atoms share: a mixed site, or positions of a split one, of which one is taken at a time."""

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components, depth_first_order
from scipy.spatial import cKDTree

#: Atoms closer than this exclude each other [A].
SAME_SITE_A = 0.5

_ROUNDING = 0.005  # of occupancies that add up to 1, such as 0.333 three times


def drawn_atoms(
    positions: np.ndarray, occupancies: np.ndarray, box: np.ndarray, generator: np.random.Generator
) -> np.ndarray:
    """Draw which atoms are there.

    Of the partly occupied atoms within `SAME_SITE_A` of each other at most one is there, and one always where their
    occupancies add up to 1. A longer chain of overlapping positions holds as many atoms as its occupancies say.

    Parameters
    ----------
    positions : ndarray, shape (atoms, 3)
        [A].
    occupancies : ndarray, shape (atoms,)
        Probability that each atom is there.
    box : ndarray, shape (3,)
        Period along each axis [A].
    generator : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    ndarray of bool, shape (atoms,)
    """
    there = occupancies >= 1
    partial = np.flatnonzero(~there)
    if not len(partial):
        return there
    boxed = positions[partial] % box
    boxed[boxed >= box] = 0.0  # rounding
    one, other = cKDTree(boxed, boxsize=box).query_pairs(SAME_SITE_A, output_type="ndarray").T
    shared = csr_array((np.ones(len(one)), (one, other)), shape=(len(partial),) * 2)
    shared += shared.T
    sites, site = connected_components(shared, directed=False)
    share, held = occupancies[partial], np.bincount(site, occupancies[partial])
    share = np.where((np.abs(held - 1) < _ROUNDING) & (np.bincount(site) > 1), 1 / held, 1.0)[site] * share
    order, held = np.argsort(site, kind="stable"), np.bincount(site, share)
    first = np.searchsorted(site[order], np.arange(sites + 1))
    for chain in np.flatnonzero(held > 1 + 1e-6):
        atoms = order[first[chain] : first[chain + 1]]
        order[first[chain] : first[chain + 1]] = atoms[_along(shared[atoms][:, atoms])]
    # One number is drawn per site. An atom is there if its share of the occupancies, laid end to end, holds that number
    # or one that is greater by a whole (systematic sampling).
    share = share[order]
    starts = np.concatenate([[0.0], np.cumsum(held)[:-1]])
    upper = np.cumsum(share) - (starts + generator.random(sites))[site[order]]
    there[partial[order]] = np.ceil(upper - 1e-9) > np.ceil(upper - share - 1e-9)
    return there


def _along(links: csr_array) -> np.ndarray:
    """Order of a chain's atoms from one of its ends to the other."""
    end = int(np.argmin(np.diff(links.indptr)))
    return depth_first_order(links, end, directed=False, return_predecessors=False)
