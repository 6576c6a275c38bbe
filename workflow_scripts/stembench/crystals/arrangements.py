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
from stembench.crystals.interfaces import Region, half_plane, island, joined, overlaid
from stembench.crystals.material import Material
from stembench.crystals.particles import TRUNCATION, random_particle, wedge
from stembench.crystals.specimen import Specimen, crystal_slab, together
from stembench.imaging.scattering import total_cross_section

_INTERSTITIAL_CLEARANCE_A = 1.0
_OVERLAYER_ENERGY = 200e3  # of the beam that an overlayer scatters in the linear model [eV]


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


class Draws(dict[str, float | str]):
    """What was drawn for an object, by name."""

    def __init__(self, rng: np.random.Generator) -> None:
        super().__init__()
        self.rng = rng

    def uniform(self, name: str, low: float, high: float) -> float:
        """A number between two ends, which is kept."""
        number = self[name] = float(self.rng.uniform(low, high))
        return number


def arranged(
    recipe: Arrangement, material: Material, others: Sequence[Material], view: View, rng: np.random.Generator
) -> tuple[Specimen, Draws]:
    """The atoms of an object, and what was drawn for it.

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
    draws = Draws(rng)
    return _MAKERS[type(recipe)](recipe, material, others, view, draws), draws


def _periodic(recipe: Periodic, material: Material, others: Sequence[Material], view: View, draws: Draws) -> Specimen:
    return view.filled_with(material)


def _defects(recipe: Defects, material: Material, others: Sequence[Material], view: View, draws: Draws) -> Specimen:
    specimen, of, rng = view.filled_with(material), recipe.of, draws.rng
    columns = (column for other in others for column in other.projection.columns)
    elements = sorted({atom["element"] for column in columns for atom in column["atoms"]})
    substitutions = draws.uniform("substitutions", *recipe.substitutions)
    substitute = draws["substitute"] = str(rng.choice(elements))
    specimen = with_substitutions(specimen, substitutions, substitute, rng, of)
    specimen = with_vacancies(specimen, draws.uniform("vacancies", *recipe.vacancies), rng, of)
    interstitials = draws.uniform("interstitials", *recipe.interstitials)
    specimen = with_interstitials(specimen, interstitials, _INTERSTITIAL_CLEARANCE_A, view.extent, rng, of)
    return displaced(specimen, draws.uniform("displacement_A", *recipe.displacement_A), rng, of)


def _particle(recipe: Particle, material: Material, others: Sequence[Material], view: View, draws: Draws) -> Specimen:
    centre = _in_the_middle(view, draws)
    diameter = draws.uniform("diameter_A", *recipe.diameter_A)
    ratio = draws.uniform("facet_ratio", *TRUNCATION)
    place = (centre, view.rotation, view.offset, draws.rng, material.filled(np.inf))
    particle = random_particle(material.projection, material.facets, diameter, ratio, recipe.facet_spread, *place)
    thickness = draws.uniform("support_A", *recipe.support_A)
    support = amorphous_layer(view.extent, view.margin, thickness, draws.rng, recipe.support_element)
    top = particle.positions[:, 2].max(initial=0)
    return together(particle, support.moved(np.array([0, 0, top + 1.5])))


def _wedge(recipe: Wedge, material: Material, others: Sequence[Material], view: View, draws: Draws) -> Specimen:
    if material.single_layer:  # one layer has no thickness to lose
        return view.filled_with(material)
    thin = view.thickness * draws.uniform("thin_end", *recipe.thin_end)
    azimuth = draws.uniform("wedge_azimuth_rad", 0, 2 * np.pi)
    return wedge(view.filled_with(material), view.extent, (thin, view.thickness), azimuth)


def _embedded(recipe: Embedded, material: Material, others: Sequence[Material], view: View, draws: Draws) -> Specimen:
    if recipe.interface == "straight":
        region = _line(view, 0.0, draws)
    else:
        coverage, roughness = _ranges(recipe, ("coverage", "roughness_A"), draws)
        region = island(view.extent, _in_the_middle(view, draws), coverage, roughness, draws.rng)
    return joined(view.filled_with(material), _another(others, material, view, draws), region, recipe.clearance_A)


def _grain_boundary(
    recipe: GrainBoundary, material: Material, others: Sequence[Material], view: View, draws: Draws
) -> Specimen:
    misorientation, roughness = _ranges(recipe, ("misorientation_deg", "roughness_A"), draws)
    region = _line(view, roughness, draws)
    grain = view.filled_with(material, np.deg2rad(misorientation))
    return joined(view.filled_with(material), grain, region, recipe.clearance_A)


def _random(recipe: Random, material: Material, others: Sequence[Material], view: View, draws: Draws) -> Specimen:
    spacing = draws.uniform("spacing_A", *recipe.spacing_A)
    thickness = material.filled(view.thickness)
    return random_columns(material.projection, view.extent, view.margin, thickness, spacing, draws.rng)


def _occluded(recipe: Occluded, material: Material, others: Sequence[Material], view: View, draws: Draws) -> Specimen:
    coverage = draws.uniform("coverage", *recipe.coverage)
    region = island(view.extent, _in_the_middle(view, draws), coverage, 0.15 * min(view.extent), draws.rng)
    thickness = draws.uniform("overlayer_A", *recipe.thickness_A)
    if recipe.overlayer == "amorphous":
        layer = amorphous_layer(view.extent, view.margin, thickness, draws.rng, recipe.overlayer_element)
    else:
        layer = _another(others, material, view, draws)
        layer = layer[layer.positions[:, 2] < thickness]
    area = np.prod(np.array(view.extent) + 2 * view.margin)
    scattered = (layer.occupancies * total_cross_section(layer.numbers, _OVERLAYER_ENERGY)).sum() / area
    draws["transmission"] = transmission = float(np.exp(-scattered))
    return overlaid(view.filled_with(material), layer, region, transmission)


def _in_the_middle(view: View, draws: Draws) -> np.ndarray:
    """A place (x, y) in the middle third of the field [A]."""
    sides = zip(("x", "y"), view.extent[::-1])
    return np.array([draws.uniform(f"centre_{axis}_A", side / 3, 2 * side / 3) for axis, side in sides])


def _line(view: View, roughness: float, draws: Draws) -> Region:
    """One side of a line through the middle third of the field, at any angle."""
    through = _in_the_middle(view, draws)
    return half_plane(view.extent, through, draws.uniform("interface_angle_rad", 0, 2 * np.pi), roughness, draws.rng)


def _ranges(recipe: Arrangement, names: Sequence[str], draws: Draws) -> list[float]:
    """A draw from each of some ranges of a recipe."""
    return [draws.uniform(name, *getattr(recipe, name)) for name in names]


def _another(others: Sequence[Material], material: Material, view: View, draws: Draws) -> Specimen:
    """A crystal of another kind where there is one, at a rotation of its own."""
    different = [other for other in others if other is not material] or [material]
    chosen = different[draws.rng.integers(len(different))]
    draws.update(second_material=chosen.material, second_zone=chosen.zone)
    rotation = draws.uniform("second_rotation_rad", 0, 2 * np.pi)
    offset = [draws.uniform(f"second_offset_{axis}_A", 0, 5) for axis in ("x", "y")]
    return view.filled_with(chosen, rotation, np.array(offset))


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
