"""Two parts of a crystal that meet at a lattice plane seen edge-on: stacking faults, antiphase boundaries, twins."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial import cKDTree

from stembench.config import Fault, Twin
from stembench.crystals.field import in_plane_turn
from stembench.crystals.interfaces import Region, joined
from stembench.crystals.material import Material
from stembench.crystals.rows import lattice_rows
from stembench.crystals.shared_sites import SAME_SITE_A
from stembench.crystals.specimen import Specimen, regrouped
from stembench.crystals.view import Draws, View, in_the_middle

_SAME_ROW_A = 0.05
_MOST_ROWS = 12  # that are tried; those below the widest gaps in larger cells
_BOND = 1.15  # of the shortest distance in the crystal: atoms that are nearer are bonded
_CROWDED = 0.85  # atoms that are nearer repel each other
_CROWDING_COSTS = 10.0  # bonds
_TRIAL_A = 24.0  # field of a trial
_TRIAL_THICKNESS_A = 8.0
_SHARING = 9  # atoms of a shared site, and one more
_ROUNDING_A = 1e-6


@dataclass(frozen=True)
class Plane:
    """A lattice plane that contains the beam, in a view.

    Attributes
    ----------
    along : ndarray, shape (2,)
        The shortest lattice vector in it [A].
    other : ndarray, shape (2,)
        A lattice vector that makes a basis with it [A].
    normal : ndarray, shape (2,)
        Unit vector.
    spacing : float
        Distance of equivalent planes [A].
    """

    along: np.ndarray
    other: np.ndarray
    normal: np.ndarray
    spacing: float

    @classmethod
    def of(cls, material: Material, steps: tuple[int, int], rotation: float) -> "Plane":
        """The plane of a row of the projected lattice, given in lattice vectors."""
        lattice = material.projection.lattice @ in_plane_turn(rotation)
        along = np.array(steps) @ lattice
        normal = np.array([-along[1], along[0]]) / np.linalg.norm(along)
        ups = [np.array([i, j]) for i in range(-3, 4) for j in range(-3, 4) if steps[0] * j - steps[1] * i == 1]
        other = min((up @ lattice for up in ups), key=lambda vector: abs(vector @ along))
        return cls(along, other, normal, float(abs(other @ normal)))

    def rows(self, material: Material, view: View) -> np.ndarray:
        """Distances along the normal of some rows of atoms, within one spacing [A]; of all in a cell of few atoms."""
        atoms = [atom for column in material.projection.columns for atom in column["atoms"]]
        places = np.array([[atom["x_A"], atom["y_A"]] for atom in atoms]) @ in_plane_turn(view.rotation) + view.offset
        heights = np.sort(places @ self.normal % self.spacing)
        apart = np.diff(heights, prepend=heights[-1] - self.spacing)
        return np.sort(heights[np.argsort(-apart, kind="stable")][: max((apart > _SAME_ROW_A).sum(), 1)][:_MOST_ROWS])

    def gaps(self, material: Material, view: View) -> np.ndarray:
        """Middles of the gaps between rows, the widest gap first [A]."""
        rows = self.rows(material, view)
        widths = np.diff(rows, append=rows[0] + self.spacing)
        return (rows + widths / 2)[np.argsort(-widths, kind="stable")]

    def beyond(self, level: float) -> Region:
        """The side of the plane at a distance along the normal [A] to which the normal points."""
        return lambda places: places @ self.normal > level + _ROUNDING_A

    def nearest(self, level: float, place: np.ndarray) -> float:
        """The equivalent of a level that is nearest to a place [A]."""
        return level + self.spacing * float(np.round((place @ self.normal - level) / self.spacing))


#: Makes the two parts of a crystal that meet at a level of the plane, in a view.
Parts = Callable[[View, float], tuple[Specimen, Specimen]]


def faulted(recipe: Fault, material: Material, others: Sequence[Material], view: View, draws: Draws) -> Specimen:
    """A crystal one part of which is translated, across a plane of wide spacing.

    The cut between rows of atoms and the sense of the translation are those that change the number of neighbours least.
    """
    rows = lattice_rows(material.projection)
    plane = Plane.of(material, rows[draws.rng.integers(len(rows))], view.rotation)
    parts = [draws.uniform(name, *getattr(recipe, name)) for name in ("along", "across")]
    shift = np.array(parts) @ [plane.along, plane.other]

    def translated(sense: int) -> Parts:
        return lambda view, level: (view.filled_with(material), view.filled_with(material, offset=sense * shift))

    candidates = [(gap, translated(sense)) for gap in plane.gaps(material, view) for sense in (1, -1)]
    specimen, chosen = _met(candidates, plane, view, draws, recipe.clearance_A)
    draws.vector("translation", shift * (1, -1)[chosen % 2])
    return specimen


def twinned(recipe: Twin, material: Material, others: Sequence[Material], view: View, draws: Draws) -> Specimen:
    """A crystal and its mirror image at a lattice plane that is no mirror plane of the crystal.

    Of the planes through and between rows of atoms, that one is taken which changes the number of neighbours least.
    """
    plane = Plane.of(material, material.twin_rows[draws.rng.integers(len(material.twin_rows))], view.rotation)
    across = np.pad(np.outer(plane.normal, plane.normal), (0, 1))

    def mirrored(view: View, level: float) -> tuple[Specimen, Specimen]:
        crystal, wide = view.filled_with(material), view.wider(max(view.extent) + view.margin).filled_with(material)
        image = wide.moved(2 * (level * np.array([*plane.normal, 0.0]) - wide.positions @ across))
        return crystal, view.cut(image)

    levels = [*plane.gaps(material, view), *plane.rows(material, view)]
    return _met([(level, mirrored) for level in levels], plane, view, draws, recipe.clearance_A)[0]


def _met(
    candidates: Sequence[tuple[float, Parts]], plane: Plane, view: View, draws: Draws, clearance: float
) -> tuple[Specimen, int]:
    """The parts of a crystal at a plane in the middle of a view, as in the candidate that disturbs neighbours least.

    The number of this candidate comes with them.
    """
    place = in_the_middle(view, draws)
    trial = replace(view, extent=(_TRIAL_A, _TRIAL_A), margin=0.0, thickness=_TRIAL_THICKNESS_A)
    changes = []
    for level, parts in candidates:
        level = plane.nearest(level, trial.centre)
        changes.append(_changed_neighbours(*parts(trial, level), plane.beyond(level), clearance, trial))
    chosen = int(np.argmin(np.round(changes, 3)))
    level, parts = candidates[chosen]
    level = plane.nearest(level, place)
    place += (level - place @ plane.normal) * plane.normal
    draws.vector("centre", place)
    draws["interface_angle_rad"] = float(np.arctan2(plane.normal[1], plane.normal[0]) % (2 * np.pi))
    return regrouped(joined(*parts(view, level), plane.beyond(level), clearance, along_beam=True)), chosen


def _changed_neighbours(outer: Specimen, inner: Specimen, region: Region, clearance: float, view: View) -> float:
    """Sum of the changes of the numbers of neighbours, by which joined parts differ from their perfect crystals."""
    whole = joined(outer, inner, region, clearance, along_beam=True)
    crystals = [cKDTree(part.positions) for part in (outer, inner)]
    distances, _ = crystals[0].query(outer.positions, k=_SHARING)
    shortest = distances[distances > SAME_SITE_A].min()
    central = whole[np.all(np.abs(whole.positions[:, :2] - view.centre) < _TRIAL_A / 2 - 1.5 * shortest, axis=1)]
    of_inner = crystals[1].query(central.positions)[0] < _ROUNDING_A
    before = np.where(of_inner, *(_neighbours(tree, central, _BOND * shortest) for tree in crystals[::-1]))
    after, crowded = (_neighbours(cKDTree(whole.positions), central, f * shortest) for f in (_BOND, _CROWDED))
    return float((np.abs(after - before) + _CROWDING_COSTS * crowded).sum())


def _neighbours(among: cKDTree, of: Specimen, distance: float) -> np.ndarray:
    return among.query_ball_point(of.positions, distance, return_length=True) - 1
