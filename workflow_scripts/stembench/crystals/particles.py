"""Faceted nanoparticles and wedges, cut out of any crystal."""

from collections.abc import Sequence
from itertools import permutations, product

import numpy as np
from scipy.spatial import ConvexHull, HalfspaceIntersection

from stembench.crystals.field import in_plane_turn
from stembench.crystals.projection import Projection
from stembench.crystals.specimen import Specimen, crystal_slab

#: Distances of {100} over {111} facets in a cuboctahedron and an octahedron (cubic crystals).
CUBOCTAHEDRON, OCTAHEDRON = np.sqrt(3) / 2, np.sqrt(3)


def facet_normals(projection: Projection, family: tuple[int, int, int], rotation: float) -> np.ndarray:
    """Outward unit normals of a family of planes, in the axes of an image.

    Parameters
    ----------
    projection : Projection
        The crystal along its zone axis.
    family : tuple of int
        Miller indices (hkl); every sign and permutation of them is in the family, as in cubic crystals.
    rotation : float
        In-plane rotation of the crystal [rad], as in `columns_in_field`.

    Returns
    -------
    ndarray, shape (planes, 3)
    """
    indices = {
        tuple(sign * index for sign, index in zip(signs, order))
        for order in permutations(family)
        for signs in product((1, -1), repeat=3)
    }
    normals = np.array(sorted(indices)) @ np.linalg.inv(projection.cell).T @ projection.frame.T
    normals[:, :2] = normals[:, :2] @ in_plane_turn(rotation)
    return normals / np.linalg.norm(normals, axis=1, keepdims=True)


def faceted_particle(
    projection: Projection,
    facets: Sequence[tuple[np.ndarray, np.ndarray]],
    centre: np.ndarray,
    rotation: float,
    offset: np.ndarray,
    thickest: float = np.inf,
) -> Specimen:
    """A particle bounded by planes at given distances from its centre; it stands at z = 0 and above.

    Columns get shorter towards facets that are oblique to the beam, so that its edges taper.

    Parameters
    ----------
    projection : Projection
        The crystal along its zone axis.
    facets : sequence of (ndarray of shape (planes, 3), ndarray of shape (planes,))
        Outward normals, from `facet_normals`, and distances from the centre [A].
    centre : ndarray, shape (2,)
        x and y in the image [A].
    rotation, offset
        Of the crystal's lattice, as in `columns_in_field`.
    thickest : float
        Thickness of the crystal that it is cut from, such as one period for a flake of a single layer [A].
    """
    normals = np.concatenate([n for n, _ in facets])
    distances = np.concatenate([d for _, d in facets])
    radius = _circumradius(normals, distances)
    corner = np.asarray(centre) - radius
    thickness = min(2 * radius, thickest)
    slab = crystal_slab(projection, (2 * radius, 2 * radius), rotation, offset - corner, 0.0, thickness)
    from_centre = slab.positions - [radius, radius, thickness / 2]
    particle = slab[np.all(from_centre @ normals.T <= distances, axis=1)]
    lowest = particle.positions[:, 2].min() if len(particle) else 0.0
    return particle.moved(np.array([*corner, -lowest]))


def random_truncated_octahedron(
    projection: Projection,
    diameter: float,
    ratio: float,
    spread: float,
    centre: np.ndarray,
    rotation: float,
    offset: np.ndarray,
    rng: np.random.Generator,
    thickest: float = np.inf,
) -> Specimen:
    """A particle of {111} and {100} facets whose distances are random, each facet's own.

    Parameters
    ----------
    diameter : float
        Twice the mean distance of the {111} facets from the centre [A].
    ratio : float
        Of {100} to {111} distances, from `CUBOCTAHEDRON` to `OCTAHEDRON`.
    spread : float
        Largest relative deviation of a facet's distance.
    projection, centre, rotation, offset, thickest
        As in `faceted_particle`.
    rng : numpy.random.Generator
        Source of randomness.
    """
    facets = []
    for family, distance in (((1, 1, 1), diameter / 2), ((1, 0, 0), ratio * diameter / 2)):
        normals = facet_normals(projection, family, rotation)
        facets.append((normals, distance * (1 + spread * rng.uniform(-1, 1, len(normals)))))
    return faceted_particle(projection, facets, centre, rotation, offset, thickest)


def wedge(slab: Specimen, extent: tuple[float, float], thickness: tuple[float, float], azimuth: float) -> Specimen:
    """A slab whose exit face is inclined: its thickness goes linearly from one value to another across the field.

    Parameters
    ----------
    slab : Specimen
        At least as thick as the thicker end.
    extent : tuple of float
        Height and width of the field [A].
    thickness : tuple of float
        At the two ends of the field's diagonal extent along `azimuth` [A]; columns of no atoms vanish.
    azimuth : float
        Direction in which the thickness changes, from x towards y [rad].
    """
    direction = np.array([np.cos(azimuth), np.sin(azimuth)])
    corners = np.array([[x, y] for x in (0, extent[1]) for y in (0, extent[0])]) @ direction
    progress = (slab.positions[:, :2] @ direction - corners.min()) / np.ptp(corners)
    return slab[slab.positions[:, 2] < thickness[0] + progress * (thickness[1] - thickness[0])]


def distances_from_rim(places: np.ndarray) -> np.ndarray:
    """How far inside a particle's outline its columns lie; the outline is the convex hull of them all.

    Parameters
    ----------
    places : ndarray, shape (columns, 2)
        x and y [A].

    Returns
    -------
    ndarray, shape (columns,)
        [A], 0 on the outline.
    """
    if len(places) < 3:
        return np.zeros(len(places))
    edges = ConvexHull(places, qhull_options="QJ").equations  # joggled: a row of columns has an outline too
    return np.maximum(-(places @ edges[:, :2].T + edges[:, 2]).max(axis=1), 0.0)


def _circumradius(normals: np.ndarray, distances: np.ndarray) -> float:
    """Radius of a sphere around the centre that holds the polyhedron."""
    halfspaces = np.column_stack([normals, -distances])
    return float(np.linalg.norm(HalfspaceIntersection(halfspaces, np.zeros(3)).intersections, axis=1).max())
