"""Boundaries in a field of view, and what meets at them: grains, inclusions, overlayers."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from scipy.spatial import cKDTree

from stembench.crystals.specimen import NO_COLUMN, Specimen, together

#: Tells which points (x, y) [A], shape (n, 2), lie on the inner side of a boundary.
Region = Callable[[np.ndarray], np.ndarray]
#: Between a film and the face that it covers [A].
CLEARANCE_A = 1.5

_HARMONICS = np.arange(1, 5)  # of an irregular boundary


def half_plane(
    extent: tuple[float, float], through: np.ndarray, angle: float, roughness: float, rng: np.random.Generator
) -> Region:
    """One side of a line; of a wavy one where `roughness` > 0.

    Parameters
    ----------
    extent : tuple of float
        Height and width of the field [A].
    through : ndarray, shape (2,)
        x and y of a point on the line [A].
    angle : float
        Of its normal, which points inside, from x towards y [rad].
    roughness : float
        Standard deviation of the boundary about the straight line [A].
    rng : numpy.random.Generator
        Source of randomness.
    """
    size = np.array(extent[::-1])
    normal, along = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    amplitudes, phases = _waves(roughness, rng)

    def inside(points: np.ndarray) -> np.ndarray:
        run = 2 * np.pi * ((points - through) @ along)[:, None] * _HARMONICS / size.max()
        return (points - through) @ normal > (amplitudes * np.sin(run + phases)).sum(axis=1)

    return inside


def island(
    extent: tuple[float, float], centre: np.ndarray, coverage: float, roughness: float, rng: np.random.Generator
) -> Region:
    """A closed patch in the field: a disc, of an irregular outline where `roughness` > 0.

    Parameters
    ----------
    centre : ndarray, shape (2,)
        x and y [A].
    coverage : float
        Its area as a fraction of the field's.
    roughness : float
        Standard deviation of its radius [A].
    extent, rng
        As in `half_plane`.
    """
    size = np.array(extent[::-1])
    radius = np.sqrt(coverage * size.prod() / np.pi)
    amplitudes, phases = _waves(roughness, rng)

    def inside(points: np.ndarray) -> np.ndarray:
        x, y = (points - centre).T
        outline = (amplitudes * np.sin(np.arctan2(y, x)[:, None] * _HARMONICS + phases)).sum(axis=1)
        return np.hypot(x, y) < radius + outline

    return inside


def joined(outer: Specimen, inner: Specimen, region: Region, clearance: float, along_beam: bool = False) -> Specimen:
    """`inner` inside a region and `outer` around it, as an inclusion in a matrix or two grains at a boundary.

    Atoms belong to a side by their columns' mean position. Columns of `outer` that come closer than `clearance` [A]
    to one of `inner` in the image are left out; with `along_beam`, atoms that come closer in space.
    """
    core, matrix = inner[_sides(inner, region)], outer[~_sides(outer, region)]
    if len(core) and len(matrix):
        axes = slice(3 if along_beam else 2)
        distance, _ = cKDTree(core.positions[:, axes]).query(matrix.positions[:, axes])
        matrix = matrix[distance >= clearance]
    return together(matrix, core)


def overlaid(specimen: Specimen, layer: Specimen, region: Region, transmission: float | np.ndarray) -> Specimen:
    """An overlayer on the entrance side; columns below a layer that hides them stay in the truth, marked hidden.

    The layer lies at z < 0, so that the beam is focused on the entrance surface of the specimen. In a beam that the
    layer has scattered, the columns below give less contrast. Multislice computes that; the linear model is told how
    much is left.

    Parameters
    ----------
    specimen, layer : Specimen
        What is covered, and with what.
    region : Region
        Where the layer lies.
    transmission : float or ndarray, shape (atoms,)
        Fraction of their signal that covered atoms keep in the linear model.
    """
    cover = layer[_sides(layer, region)]
    height = cover.positions[:, 2].max() + CLEARANCE_A if len(cover) else 0.0
    factor = np.where(_sides(specimen, region), transmission, 1.0)
    below = replace(specimen, transmission=specimen.transmission * factor)
    return together(cover.moved(np.array([0, 0, -height])), below)


def _sides(specimen: Specimen, region: Region) -> np.ndarray:
    """Which atoms are inside, whole columns together."""
    places = specimen.positions[:, :2]
    if not len(specimen):
        return np.zeros(0, bool)
    own = specimen.columns != NO_COLUMN
    count = np.maximum(np.bincount(specimen.columns[own]), 1)
    means = np.stack([np.bincount(specimen.columns[own], places[own, axis]) / count for axis in (0, 1)], axis=1)
    whole = places.copy()
    whole[own] = means[specimen.columns[own]]
    return region(whole)


def _waves(roughness: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Amplitudes and phases of harmonics that add to a standard deviation of `roughness`."""
    amplitudes = rng.normal(size=len(_HARMONICS)) / _HARMONICS
    amplitudes *= roughness * np.sqrt(2) / max(float(np.linalg.norm(amplitudes)), 1e-12)
    return amplitudes, rng.uniform(0, 2 * np.pi, len(_HARMONICS))
