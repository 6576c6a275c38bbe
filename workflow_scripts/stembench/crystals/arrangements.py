"""Recipes of finite and imperfect objects, from the configuration to atoms in a field of view."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from stembench.config import (
    Arrangement,
    Defects,
    Embedded,
    GrainBoundary,
    Occluded,
    Particle,
    Periodic,
    Random,
    Wedge,
)
from stembench.crystals.defects import displaced, with_interstitials, with_substitutions, with_vacancies
from stembench.crystals.disorder import amorphous_layer, random_columns
from stembench.crystals.interfaces import half_plane, island, joined, overlaid
from stembench.crystals.material import Material
from stembench.crystals.particles import random_truncated_octahedron, wedge
from stembench.crystals.specimen import Specimen, crystal_slab, together

_INTERSTITIAL_CLEARANCE_A = 1.0


@dataclass(frozen=True)
class View:
    """A field of view and the crystal's place in it.

    Attributes
    ----------
    extent : tuple of float
        Height and width [A].
    margin : float
        Band around it that is filled as well [A].
    rotation : float
        In-plane rotation of the crystal [rad].
    offset : ndarray, shape (2,)
        Translation of its lattice [A].
    thickness : float
        Of the specimen, single layers apart [A].
    """

    extent: tuple[float, float]
    margin: float
    rotation: float
    offset: np.ndarray
    thickness: float

    def filled_with(self, material: Material, rotation: float = 0.0, offset: np.ndarray | float = 0.0) -> Specimen:
        """A perfect crystal, turned and moved from the view's own place by `rotation` [rad] and `offset` [A]."""
        place = (self.rotation + rotation, self.offset + offset)
        return crystal_slab(material.projection, self.extent, *place, self.margin, material.filled(self.thickness))


def arranged(
    recipe: Arrangement, material: Material, others: Sequence[Material], view: View, rng: np.random.Generator
) -> Specimen:
    """The atoms of an object.

    Parameters
    ----------
    recipe : Arrangement
        What to make; its ranges are drawn from uniformly.
    material : Material
        The crystal it is made of.
    others : sequence of Material
        Crystals to take a second one from, and elements for substitution; `material` may be among them.
    view : View
        Field of view and thickness.
    rng : numpy.random.Generator
        Source of randomness.
    """
    return _MAKERS[type(recipe)](recipe, material, others, view, rng)


def _periodic(recipe: Periodic, material, others, view, rng) -> Specimen:
    return view.filled_with(material)


def _defects(recipe: Defects, material, others, view, rng) -> Specimen:
    specimen, of = view.filled_with(material), recipe.of
    columns = (column for other in others for column in other.projection.columns)
    elements = sorted({atom["element"] for column in columns for atom in column["atoms"]})
    specimen = with_substitutions(specimen, rng.uniform(*recipe.substitutions), rng.choice(elements), rng, of)
    specimen = with_vacancies(specimen, rng.uniform(*recipe.vacancies), rng, of)
    interstitials = rng.uniform(*recipe.interstitials)
    specimen = with_interstitials(specimen, interstitials, _INTERSTITIAL_CLEARANCE_A, view.extent, rng, of)
    return displaced(specimen, rng.uniform(*recipe.displacement_A), rng, of)


def _particle(recipe: Particle, material, others, view, rng) -> Specimen:
    centre = np.array(view.extent[::-1]) * rng.uniform(1 / 3, 2 / 3, 2)
    diameter = rng.uniform(*recipe.diameter_A)
    thickest = material.filled(np.inf)
    place = (centre, view.rotation, view.offset, rng, thickest)
    particle = random_truncated_octahedron(material.projection, diameter, recipe.facet_spread, *place)
    thickness = rng.uniform(*recipe.support_A)
    support = amorphous_layer(view.extent, view.margin, thickness, rng, recipe.support_element)
    top = particle.positions[:, 2].max(initial=0)
    return together(particle, support.moved(np.array([0, 0, top + 1.5])))


def _wedge(recipe: Wedge, material, others, view, rng) -> Specimen:
    if material.single_layer:  # one layer has no thickness to lose
        return view.filled_with(material)
    thin = view.thickness * rng.uniform(*recipe.thin_end)
    return wedge(view.filled_with(material), view.extent, (thin, view.thickness), rng.uniform(0, 2 * np.pi))


def _embedded(recipe: Embedded, material, others, view, rng) -> Specimen:
    if recipe.interface == "straight":
        region = half_plane(view.extent, 0.0, rng)
    else:
        region = island(view.extent, rng.uniform(*recipe.coverage), rng.uniform(*recipe.roughness_A), rng)
    return joined(view.filled_with(material), _another(others, material, view, rng), region, recipe.clearance_A)


def _grain_boundary(recipe: GrainBoundary, material, others, view, rng) -> Specimen:
    turn = np.deg2rad(rng.uniform(*recipe.misorientation_deg))
    region = half_plane(view.extent, rng.uniform(*recipe.roughness_A), rng)
    return joined(view.filled_with(material), view.filled_with(material, turn), region, recipe.clearance_A)


def _random(recipe: Random, material, others, view, rng) -> Specimen:
    spacing = rng.uniform(*recipe.spacing_A)
    thickness = material.filled(view.thickness)
    return random_columns(material.projection, view.extent, view.margin, thickness, spacing, rng)


def _occluded(recipe: Occluded, material, others, view, rng) -> Specimen:
    region = island(view.extent, rng.uniform(*recipe.coverage), 0.15 * min(view.extent), rng)
    thickness = rng.uniform(*recipe.thickness_A)
    if recipe.overlayer == "amorphous":
        layer = amorphous_layer(view.extent, view.margin, thickness, rng, recipe.overlayer_element)
    else:
        layer = _another(others, material, view, rng)
        layer = layer[layer.positions[:, 2] < thickness]
    return overlaid(view.filled_with(material), layer, region, rng.uniform(*recipe.transmission))


def _another(others: Sequence[Material], material: Material, view: View, rng) -> Specimen:
    """A crystal of another kind where there is one, at a rotation of its own."""
    different = [other for other in others if other is not material] or [material]
    return view.filled_with(different[rng.integers(len(different))], rng.uniform(0, np.pi / 2), rng.uniform(0, 5, 2))


_MAKERS: dict[type, Callable[..., Specimen]] = {
    Periodic: _periodic,
    Defects: _defects,
    Particle: _particle,
    Wedge: _wedge,
    Embedded: _embedded,
    GrainBoundary: _grain_boundary,
    Random: _random,
    Occluded: _occluded,
}
