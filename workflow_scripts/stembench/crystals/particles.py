"""Faceted nanoparticles and wedges, cut out of any crystal."""

from collections.abc import Sequence

import numpy as np
from scipy.spatial import ConvexHull, HalfspaceIntersection

from stembench.crystals.disorder import amorphous_layer
from stembench.crystals.facets import Facets, Symmetry
from stembench.crystals.field import in_plane_turn
from stembench.crystals.interfaces import CLEARANCE_A
from stembench.crystals.projection import Projection
from stembench.crystals.specimen import Specimen, crystal_slab, together
from stembench.crystals.view import View

#: Range of the distance of truncating facets over the one that their spacing gives: from a cuboctahedron to an
#: octahedron of a face-centred cubic crystal.
TRUNCATION = (0.75, 1.5)


def facet_normals(projection: Projection, plane: tuple[int, int, int], rotation: float) -> np.ndarray:
    """Outward unit normals of a family of planes, in the axes of an image.

    Parameters
    ----------
    projection : Projection
        The crystal along its zone axis.
    plane : tuple of int
        Miller indices (hkl) in the crystal's own cell; all planes that its symmetry makes equivalent are in the family.
    rotation : float
        In-plane rotation of the crystal [rad], as in `columns_in_field`.

    Returns
    -------
    ndarray, shape (planes, 3)
    """
    normal = np.array(plane) @ np.linalg.inv(projection.cell).T @ projection.frame.T
    return _turned(Symmetry(projection).family(normal), rotation)


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


def random_particle(
    projection: Projection,
    families: tuple[Sequence[Facets], Sequence[Facets]],
    diameter: float,
    ratio: float,
    spread: float,
    centre: np.ndarray,
    rotation: float,
    offset: np.ndarray,
    rng: np.random.Generator,
    thickest: float = np.inf,
) -> Specimen:
    """A particle whose facets have random distances, each facet its own.

    On average, these are inversely proportional to the spacing of the facets' planes.

    Parameters
    ----------
    families : tuple of two sequences of Facets
        Those that close the particle, and those that truncate it, from `facets_of`.
    diameter : float
        Twice the mean distance of the closing facets from the centre [A].
    ratio : float
        Distance of the truncating facets over the one that their spacing gives, in `TRUNCATION`.
    spread : float
        Largest relative deviation of a facet's distance.
    projection, centre, rotation, offset, thickest
        As in `faceted_particle`.
    rng : numpy.random.Generator
        Source of randomness.
    """
    closing, truncating = families
    mean = np.average([1 / each.spacing for each in closing], weights=[len(each.normals) for each in closing])
    facets = []
    for group, relative in ((closing, 1.0), (truncating, ratio)):
        for each in group:
            distance = relative * diameter / 2 / (mean * each.spacing)
            distances = distance * (1 + spread * rng.uniform(-1, 1, len(each.normals)))
            facets.append((_turned(each.normals, rotation), distances))
    if np.isfinite(thickest):
        facets.append((np.array([[0.0, 0.0, 1.0], [0.0, 0.0, -1.0]]), np.full(2, thickest / 2)))
    return faceted_particle(projection, facets, centre, rotation, offset, thickest)


def on_support(particle: Specimen, element: str, thickness: float, view: View, rng: np.random.Generator) -> Specimen:
    """A particle on an amorphous support of a thickness [A], which fills the view."""
    support = amorphous_layer(view.extent, view.margin, thickness, rng, element)
    top = particle.positions[:, 2].max(initial=0)
    return together(particle, support.moved(np.array([0, 0, top + CLEARANCE_A])))


def _turned(normals: np.ndarray, rotation: float) -> np.ndarray:
    """Normals in the axes of an image in which the crystal is rotated."""
    return np.column_stack([normals[:, :2] @ in_plane_turn(rotation), normals[:, 2]])


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
