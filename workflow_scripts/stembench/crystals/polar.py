"""Crystals one of whose elements is displaced, in polar domains."""

from collections.abc import Sequence

import numpy as np
from ase.data import atomic_numbers

from stembench.config import Polar
from stembench.crystals.field import in_plane_turn
from stembench.crystals.material import Material
from stembench.crystals.specimen import Specimen, regrouped
from stembench.crystals.view import Draws, View, in_the_middle

#: Angle between the displacements in a domain and the normal of its wall [rad].
_WALLS = {"180": np.pi / 2, "90": np.pi / 4}


def polarised(recipe: Polar, material: Material, others: Sequence[Material], view: View, draws: Draws) -> Specimen:
    """A crystal an element of which is displaced; atoms that part from their column form one of their own.

    In a domain, displacements point along a vector of the projected lattice. A 180 degree wall lies along them, a 90
    degree wall at 45 degrees to those on either side, so that no charge gathers at it.
    """
    element = draws["displaced_element"] = recipe.element or str(draws.rng.choice(elements_of(material)))
    length = draws.uniform("displacement_A", *recipe.displacement_A)
    axis = material.projection.lattice[draws.rng.integers(2)] @ in_plane_turn(view.rotation)
    heading = float(np.arctan2(axis[1], axis[0]) + np.pi * draws.rng.integers(2))
    draws["displacement_angle_rad"] = heading % (2 * np.pi)
    centre, width = in_the_middle(view, draws), draws.uniform("wall_A", *recipe.wall_A)
    slab = view.wider(length).filled_with(material)
    chosen = slab.numbers == atomic_numbers[element]
    shifts = length * polarisation(recipe.pattern, slab.positions[:, :2] - centre, heading, width)
    shifts[~chosen] = 0
    return regrouped(view.cut(slab.moved(np.pad(shifts, ((0, 0), (0, 1))))))


def polarisation(pattern: str, places: np.ndarray, heading: float, width: float) -> np.ndarray:
    """Directions of the displacements at places (x, y) from the middle of a wall or vortex, of length 1 far from it.

    Parameters
    ----------
    pattern : str
        Of `Polar.pattern`.
    places : ndarray, shape (n, 2)
        [A].
    heading : float
        Direction on the outer side of a wall, from x towards y; in a vortex its sense [rad].
    width : float
        Half width of the wall or core, over which a hyperbolic tangent changes [A].
    """
    if pattern == "vortex":
        radius = np.maximum(np.linalg.norm(places, axis=1, keepdims=True), 1e-9)
        sense = 1 if np.cos(heading) + np.sin(heading) > 0 else -1
        return sense * np.tanh(radius / width) * places[:, ::-1] * [-1, 1] / radius
    if pattern == "uniform":
        return np.tile([np.cos(heading), np.sin(heading)], (len(places), 1))
    angle = _WALLS[pattern]
    normal, along = (np.array([np.cos(turn), np.sin(turn)]) for turn in (heading - angle, heading - angle + np.pi / 2))
    side = np.tanh(places @ normal / width)[:, None]
    return np.cos(angle) * normal + np.sin(angle) * side * along


def elements_of(material: Material) -> list[str]:
    """Symbols of a crystal's elements, in alphabetical order."""
    return sorted({atom["element"] for column in material.projection.columns for atom in column["atoms"]})
