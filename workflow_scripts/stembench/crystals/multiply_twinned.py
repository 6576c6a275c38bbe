"""Decahedra and icosahedra: particles of face-centred cubic elements that are twinned several times."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from ase.cluster import Decahedron, Icosahedron
from ase.data import atomic_numbers
from scipy.spatial.transform import Rotation

from stembench.config import MultiplyTwinned
from stembench.crystals.field import in_plane_turn
from stembench.crystals.material import Material
from stembench.crystals.particles import on_support
from stembench.crystals.specimen import Specimen, atoms_alone, regrouped
from stembench.crystals.view import Draws, View, in_the_middle

_GOLDEN, _SQRT2 = (1 + 5**0.5) / 2, 2**0.5
#: Axes of the icosahedron of ASE, by their order.
_AXES = {"2": (0.0, 0.0, 1.0), "3": (1.0, 1.0, 1.0), "5": (_GOLDEN, 0.0, 1.0)}
_SHELL = 2 * 0.9 / _SQRT2  # mean diameter of a shell of an icosahedron, in lattice constants
_RING = 2 * 0.866 * 0.9 / _SQRT2  # mean diameter of a ring of atoms around the five-fold axis, in lattice constants


def multiply_twinned(
    recipe: MultiplyTwinned, material: Material, others: Sequence[Material], view: View, draws: Draws
) -> Specimen:
    """A particle in the middle third of the field, with the lattice constant of the crystal."""
    constant = material.face_centred_cubic
    if constant is None:
        raise ValueError(f"{material.material} is no face-centred cubic element")
    atom = material.projection.columns[0]["atoms"][0]
    diameter, element = draws.uniform("diameter_A", *recipe.diameter_A), atom["element"]
    if recipe.shape == "decahedron":
        positions = _decahedron(element, constant, diameter, draws)
    else:
        axis = draws["axis"] = str(draws.rng.choice(list(_AXES)))
        shells = 1 + max(round(diameter / (_SHELL * constant)), 1)
        turn, _ = Rotation.align_vectors([[0.0, 0.0, 1.0]], [_AXES[axis]])
        positions = turn.apply(Icosahedron(element, shells, constant).positions)
    positions -= positions.mean(axis=0)
    positions[:, :2] = positions[:, :2] @ in_plane_turn(view.rotation) + in_the_middle(view, draws)
    positions[:, 2] -= positions[:, 2].min()
    alone = atoms_alone(positions, atomic_numbers[element], atom["B_A2"])
    particle = regrouped(replace(alone, columns=np.arange(len(alone))))
    return on_support(particle, recipe.support_element, draws.uniform("support_A", *recipe.support_A), view, draws.rng)


def _decahedron(element: str, constant: float, diameter: float, draws: Draws) -> np.ndarray:
    """Positions of a decahedron, with re-entrant edges (Marks) or without, its five-fold axis along z."""
    rings = max(round(diameter / (_RING * constant)), 2)  # of atoms around the axis
    notch = int(draws.rng.integers(0, 1 + max((rings - 1) // 4, 0)))
    prism = int(draws.rng.integers(1, 1 + max(rings // 2, 1)))
    draws.update(marks_depth=float(notch), prism_atoms=float(prism))
    return Decahedron(element, rings + 1 - 2 * notch, prism, notch, constant).positions
