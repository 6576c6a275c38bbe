"""Which atoms of a projected crystal form a column."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import scipy  # whose parts load when they are used

#: Atoms whose projections lie within this of each other belong to one column, which may zigzag [A].
SAME_COLUMN_A = 0.2
#: No column is wider: about the closest distance that a STEM has resolved, 0.47 A (Erni et al., Phys. Rev. Lett. 102,
#: 096101 (2009), doi 10.1103/PhysRevLett.102.096101) [A].
WIDEST_COLUMN_A = 0.5

_EQUAL_A = 1e-3  # lengths that differ by less are equal: coordinates are rounded
_ROUNDING_A = 1e-6


class _Group(NamedTuple):
    """Places that links up to a length connect, made of the groups that shorter links connect.

    Only a narrow group knows its places, and by how many lattice vectors each is moved for them to lie together.
    """

    length: float
    narrow: bool
    places: np.ndarray
    shifts: np.ndarray
    parts: "tuple[_Group, ...]" = ()


class _Link(NamedTuple):
    """Two places, the second of them moved by a number of lattice vectors."""

    length: float
    one: int
    other: int
    step: np.ndarray


def grouped(places: np.ndarray, lattice: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Group the projected atoms of a periodic pattern into columns, whatever their order and the pattern's origin.

    Atoms within `SAME_COLUMN_A` of each other are one column (single linkage). A group wider than `WIDEST_COLUMN_A`,
    or one without an end, falls apart at its longest links, at all of them that are equally long, until its parts are
    narrow. Equivalent atoms are therefore treated alike.

    Parameters
    ----------
    places : ndarray, shape (atoms, 2)
        x and y of the atoms in one cell [A].
    lattice : ndarray, shape (2, 2)
        The cell's vectors as rows [A].

    Returns
    -------
    list of (ndarray of int, shape (members,); ndarray of int, shape (members, 2))
        The atoms of each column, and by how many lattice vectors each is moved to lie beside the others.
    """
    home = np.floor(places @ np.linalg.inv(lattice) + _ROUNDING_A).astype(int)
    inside = places - home @ lattice
    _, first, place = np.unique(np.round(inside, 4), axis=0, return_index=True, return_inverse=True)
    at_place = np.split(np.argsort(place, kind="stable"), np.cumsum(np.bincount(place))[:-1])
    columns = []
    for group in _narrow_groups(_trees(inside[first], lattice)):
        atoms = np.concatenate([at_place[each] for each in group.places])
        counts = [len(at_place[each]) for each in group.places]
        columns.append((atoms, np.repeat(group.shifts, counts, axis=0) - home[atoms]))
    return columns


def _narrow_groups(trees: list[_Group]) -> Iterator[_Group]:
    """The widest narrow groups none of whose links is as long as one that had to be cut."""
    waiting = [(tree, np.inf) for tree in trees]
    while waiting:
        group, below = waiting.pop()
        if group.narrow and group.length < max(below, _EQUAL_A):
            yield group
        else:
            if not group.narrow:
                below = min(below, group.length - _EQUAL_A)
            waiting += [(part, below) for part in group.parts]


def _trees(places: np.ndarray, lattice: np.ndarray) -> list[_Group]:
    """Groups that links of up to `SAME_COLUMN_A` connect, each a tree of those that shorter ones do (Kruskal)."""
    origin = np.zeros((1, 2), int)
    groups = {place: _Group(0.0, True, np.array([place]), origin) for place in range(len(places))}
    parents, shifts = list(range(len(places))), np.zeros((len(places), 2), int)
    nothing = np.zeros(0, int), np.zeros((0, 2), int)

    def root(place: int) -> int:
        while parents[place] != place:
            parents[place] = place = parents[parents[place]]
        return place

    for link in _links(places, lattice):
        one, other = root(link.one), root(link.other)
        left, right = groups[one], groups[other]
        step = link.step + shifts[link.one] - shifts[link.other]
        if one == other:
            if left.narrow and step.any():  # without an end
                groups[one] = _Group(link.length, False, *nothing, (left,))
            continue
        moved = right.shifts + step
        if left.narrow and right.narrow and _width(left, right, moved, places, lattice) < WIDEST_COLUMN_A:
            shifts[right.places] = moved
            both = np.concatenate([left.places, right.places]), np.concatenate([left.shifts, moved])
            groups[one] = _Group(link.length, True, *both, (left, right))
        else:
            groups[one] = _Group(link.length, False, *nothing, (left, right))
        parents[other] = one
        del groups[other]
    return list(groups.values())


def _width(left: _Group, right: _Group, moved: np.ndarray, places: np.ndarray, lattice: np.ndarray) -> float:
    ends = places[left.places] + left.shifts @ lattice, places[right.places] + moved @ lattice
    return float(scipy.spatial.distance.cdist(*ends).max()) - _ROUNDING_A


def _links(places: np.ndarray, lattice: np.ndarray) -> Iterator[_Link]:
    """The short links, by length, of a Delaunay triangulation, which connect what all short links connect.

    It holds each pair of points whose diametral circle is empty, and those hold the shortest spanning tree.
    """
    reach = np.ceil(SAME_COLUMN_A * np.linalg.norm(np.linalg.inv(lattice), axis=0)).astype(int)  # in lattice vectors
    cells = np.stack(np.meshgrid(*[np.arange(-n, n + 1) for n in reach]), -1).reshape(-1, 2)
    points = (places + (cells @ lattice)[:, None]).reshape(-1, 2)
    cells, place = np.repeat(cells, len(places), axis=0), np.tile(np.arange(len(places)), len(cells))
    mesh = scipy.spatial.Delaunay(points)
    corners = [mesh.simplices[:, [0, 1]], mesh.simplices[:, [1, 2]], mesh.simplices[:, [2, 0]], mesh.coplanar[:, ::2]]
    pairs = np.unique(np.sort(np.concatenate(corners), axis=1), axis=0)
    pairs = pairs[~cells[pairs].any(axis=2).all(axis=1)]
    lengths = np.linalg.norm(points[pairs[:, 0]] - points[pairs[:, 1]], axis=1)
    for i in np.argsort(lengths, kind="stable"):
        if lengths[i] > SAME_COLUMN_A + _ROUNDING_A:
            return
        one, other = pairs[i]
        yield _Link(float(lengths[i]), int(place[one]), int(place[other]), cells[other] - cells[one])
