"""Columns of a projected crystal inside a rectangular field of view."""

from dataclasses import dataclass

import numpy as np

from stembench.crystals.projection import Projection, Scatterers, members


def in_plane_turn(rotation: float) -> np.ndarray:
    """Matrix that turns (x, y) as a row vector by `rotation` [rad], from x towards y."""
    return np.array([[np.cos(rotation), np.sin(rotation)], [-np.sin(rotation), np.cos(rotation)]])


@dataclass(frozen=True)
class CrystalField:
    """A perfect crystal in a field of view: its columns, and the points that scatter.

    Attributes
    ----------
    centres : ndarray, shape (columns, 2)
        x and y [A].
    sites : ndarray of int, shape (columns,)
        Index of each in `projection.columns`.
    points, strengths, thermal_b : ndarray of shapes (points, 2), (points,), (points,)
        x and y [A], scattering strength for one period along the beam, B [A^2].
    column : ndarray of int, shape (points,)
        Which column each point belongs to.
    """

    centres: np.ndarray
    sites: np.ndarray
    points: np.ndarray
    strengths: np.ndarray
    thermal_b: np.ndarray
    column: np.ndarray

    @classmethod
    def of(
        cls,
        projection: Projection,
        scatterers: Scatterers,
        extent: tuple[float, float],
        rotation: float,
        offset: np.ndarray,
        margin: float,
    ) -> "CrystalField":
        """Parameters as for `columns_in_field`."""
        centres, sites, _ = columns_in_field(projection, extent, rotation, offset, margin)
        column, point = members(scatterers.counts, sites)
        points = centres[column] + (scatterers.offsets @ in_plane_turn(rotation))[point]
        return cls(centres, sites, points, scatterers.strengths[point], scatterers.thermal_b[point], column)


def columns_in_field(
    projection: Projection, extent: tuple[float, float], rotation: float, offset: np.ndarray, margin: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All columns of an endless crystal in a field of view and a margin around it.

    Parameters
    ----------
    projection : Projection
        The crystal.
    extent : tuple of float
        Height and width of the field [A]; its origin is the top left corner.
    rotation : float
        In-plane rotation about the field's origin [rad].
    offset : ndarray, shape (2,)
        Translation (x, y) of the lattice's origin, applied after the rotation [A].
    margin : float
        Width of the band around the field that is included [A].

    Returns
    -------
    positions : ndarray, shape (columns, 2)
        x and y [A].
    sites : ndarray of int, shape (columns,)
        Index of each in `projection.columns`.
    cells : ndarray of int, shape (columns, 2)
        In-plane cell of each, in lattice vectors.
    """
    turn = in_plane_turn(rotation)
    lattice = projection.lattice @ turn
    motif = np.array([[column["x_A"], column["y_A"]] for column in projection.columns]) @ turn + offset
    height, width = extent
    low, high = np.array([-margin, -margin]), np.array([width + margin, height + margin])
    corners = np.array([[x, y] for x in (low[0], high[0]) for y in (low[1], high[1])])
    to_lattice = np.linalg.inv(lattice)
    reach = (corners[:, None] - motif[None]) @ to_lattice
    first, last = np.floor(reach.min((0, 1))).astype(int), np.ceil(reach.max((0, 1))).astype(int)
    steps = np.stack(np.meshgrid(*[np.arange(a, b + 1) for a, b in zip(first, last)], indexing="ij"), -1)
    steps = steps.reshape(-1, 2)
    positions = (steps @ lattice)[:, None] + motif
    cells, sites = np.nonzero(np.all((positions >= low) & (positions <= high), axis=2))
    return positions[cells, sites], sites, steps[cells]
