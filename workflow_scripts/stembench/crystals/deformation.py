"""Displacement fields: strain, dislocations, and the shear of a crystal that is tilted against the beam."""

from collections.abc import Callable, Sequence

import numpy as np
from scipy.spatial import Voronoi, cKDTree

from stembench.config import Dislocation, Strained
from stembench.crystals.field import in_plane_turn
from stembench.crystals.material import Material
from stembench.crystals.specimen import NO_COLUMN, Specimen
from stembench.crystals.view import Draws, View, in_the_middle

#: Displacements [A], shape (n, 2) or (n, 3), of the places (x, y) [A], shape (n, 2), of a perfect crystal.
Displacement = Callable[[np.ndarray], np.ndarray]

_WAVES = 3  # of a smooth field
_EDGE_POINTS = 32  # per side, at which displacements of the rim are looked up
_EQUALLY_SHORT = 1.2
_NEAR_A = 4.0  # about a cell, in which the core is laid
_ROUNDING_A = 1e-6


def displaced_crystal(material: Material, view: View, displacement: Displacement, clearance: float = 0.0) -> Specimen:
    """A crystal each atom of which is displaced as the field says at its place in the perfect crystal.

    Of two columns whose atoms come closer to each other than `clearance` [A], the one of the lighter atoms is left out.
    """
    steps, size = np.linspace(0, 1, _EDGE_POINTS), np.array(view.extent[::-1]) + 2 * view.margin
    rim = [np.column_stack(pair) for end in (0 * steps, 0 * steps + 1) for pair in ((steps, end), (end, steps))]
    largest = np.linalg.norm(displacement(np.concatenate(rim) * size - view.margin), axis=1).max()
    slab = view.wider(1.2 * float(largest) + 1).filled_with(material)
    shifts = displacement(slab.positions[:, :2])
    moved = slab.moved(np.pad(shifts, ((0, 0), (0, 3 - shifts.shape[1]))))
    pairs = cKDTree(moved.positions).query_pairs(clearance, output_type="ndarray")
    before = np.linalg.norm(slab.positions[pairs[:, 0]] - slab.positions[pairs[:, 1]], axis=1)
    pairs = pairs[before > clearance]
    lighter = np.lexsort((slab.columns, slab.numbers)).argsort()[pairs].argmin(axis=1)
    left_out = slab.columns[pairs[np.arange(len(pairs)), lighter]]
    return view.cut(moved[~np.isin(slab.columns, left_out)])


def strained(recipe: Strained, material: Material, others: Sequence[Material], view: View, draws: Draws) -> Specimen:
    """A crystal under a homogeneous strain, or one that varies as a sum of waves."""
    if recipe.field == "homogeneous":
        principal = [draws.uniform(f"strain_{i}", *recipe.strain) * draws.rng.choice([-1, 1]) for i in (1, 2)]
        draws.update({f"strain_{i}": float(strain) for i, strain in zip((1, 2), principal)})
        turn = in_plane_turn(draws.uniform("strain_axis_rad", 0, np.pi))
        tensor = turn.T @ np.diag(principal) @ turn
        return displaced_crystal(material, view, lambda places: (places - view.centre) @ tensor)
    strain = draws.uniform("strain", *recipe.strain) / _WAVES
    lengths = [draws.uniform(f"wavelength_{i}_A", *recipe.wavelength_A) for i in range(1, _WAVES + 1)]
    headings, senses, phases = draws.rng.uniform(0, 2 * np.pi, (3, _WAVES))
    waves = 2 * np.pi / np.array(lengths) * [np.cos(headings), np.sin(headings)]
    # The derivative of a wave is at most its amplitude times its wave number.
    amplitudes = strain * np.array(lengths)[:, None] / (2 * np.pi) * np.column_stack([np.cos(senses), np.sin(senses)])
    return displaced_crystal(material, view, lambda places: np.sin(places @ waves + phases) @ amplitudes)


def dislocated(
    recipe: Dislocation, material: Material, others: Sequence[Material], view: View, draws: Draws
) -> Specimen:
    """A crystal with a dislocation along the beam, its core as far from columns as a place in the crystal can be.

    The projected Burgers vector is one of the shortest of the projected lattice. Where that lattice vector climbs along
    the beam, as in face-centred cubic crystals along [110], the dislocation has a screw part, which the image does not
    show.
    """
    projection = material.projection
    steps = np.array([[1, 0], [0, 1], [1, 1], [1, -1]])
    vectors = steps @ np.column_stack([projection.lattice, projection.rise])
    lengths = np.linalg.norm(vectors[:, :2], axis=1)
    shortest = vectors[lengths < _EQUALLY_SHORT * lengths.min()]
    chosen = shortest[draws.rng.integers(len(shortest))] * draws.rng.choice([-1, 1])
    burgers = draws.vector("burgers", chosen[:2] @ in_plane_turn(view.rotation))
    climb = float(chosen[2] - projection.period * np.round(chosen[2] / projection.period))
    core = _between_columns(view.filled_with(material), in_the_middle(view, draws))
    draws.vector("centre", core)
    field = dislocation_field(core, burgers, recipe.poisson_ratio, climb)
    return displaced_crystal(material, view, field, recipe.clearance_A)


def dislocation_field(core: np.ndarray, burgers: np.ndarray, poisson_ratio: float, screw: float = 0.0) -> Displacement:
    """Displacements around a straight dislocation along z in an isotropic medium.

    Edge part: Hirth & Lothe, Theory of Dislocations, equations 3-45 and 3-46. The displacement jumps by the Burgers
    vector across the half line from the core opposite to it, its glide plane: a lattice vector joins the crystal there.

    Parameters
    ----------
    core : ndarray, shape (2,)
        x and y of the line [A].
    burgers : ndarray, shape (2,)
        Burgers vector of the edge part, in the image [A].
    poisson_ratio : float
        Of the medium.
    screw : float
        Burgers vector along the beam [A].
    """
    length = float(np.linalg.norm(burgers))
    axes = np.array([burgers, [-burgers[1], burgers[0]]]) / length
    stiffness = 4 * (1 - poisson_ratio)

    def displacement(places: np.ndarray) -> np.ndarray:
        x, y = ((places - core) @ axes.T).T
        squares = np.maximum(x**2 + y**2, 1e-12)
        turn = np.arctan2(y, x)
        along = turn + 2 * x * y / squares / stiffness
        across = (2 * poisson_ratio - 1) * np.log(squares / length**2) - (x**2 - y**2) / squares
        edge = length / (2 * np.pi) * np.column_stack([along, across / stiffness]) @ axes
        return np.column_stack([edge, screw / (2 * np.pi) * turn])

    return displacement


def mistilted(specimen: Specimen, tilt: tuple[float, float]) -> tuple[Specimen, Specimen]:
    """A specimen whose zone axis is tilted against the beam, by a shear, and where its columns begin.

    A small tilt moves atoms sideways in proportion to their depth, and along the beam by what its square is worth.

    Parameters
    ----------
    specimen : Specimen
        Its columns lie along z.
    tilt : tuple of float
        Angles by which atoms move to the right and down with their depth; those at z = 0 stay [mrad].

    Returns
    -------
    tilted, entrance : Specimen
        The sheared specimen; and the specimen with each column upright, where the first of its atoms is in the sheared
        one.
    """
    depth = specimen.positions[:, 2]
    own = specimen.columns != NO_COLUMN
    first = np.full(specimen.columns.max(initial=NO_COLUMN) + 1, np.inf)
    np.minimum.at(first, specimen.columns[own], depth[own])
    start = depth.copy()
    start[own] = first[specimen.columns[own]]
    shear = np.tan(1e-3 * np.array([*tilt, 0.0]))
    return specimen.moved(depth[:, None] * shear), specimen.moved(start[:, None] * shear)


def _between_columns(specimen: Specimen, place: np.ndarray) -> np.ndarray:
    """The point among those near a place that lies farthest from all columns."""
    columns = cKDTree(np.unique(np.round(specimen.positions[:, :2], 3), axis=0))
    corners = Voronoi(columns.data).vertices
    distances = np.linalg.norm(corners - place, axis=1)
    near = corners[distances < max(_NEAR_A, distances.min() + _ROUNDING_A)]
    return near[np.round(columns.query(near)[0], 2).argmax()]
