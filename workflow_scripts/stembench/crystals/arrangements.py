"""Recipes of finite and imperfect objects, from the configuration to atoms in a field of view."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from stembench.config import (
    Arrangement,
    Covered,
    Defects,
    Dislocation,
    Embedded,
    Empty,
    Fault,
    GrainBoundary,
    Lattice,
    MultiplyTwinned,
    Occluded,
    Overlapping,
    Particle,
    Periodic,
    Polar,
    Random,
    Strained,
    Tilted,
    Twin,
    Wedge,
)
from stembench.crystals.defects import displaced, with_interstitials, with_substitutions, with_vacancies
from stembench.crystals.deformation import dislocated, strained
from stembench.crystals.disorder import amorphous_layer, random_columns, random_lattice
from stembench.crystals.field import in_plane_turn
from stembench.crystals.interfaces import Region, half_plane, island, joined
from stembench.crystals.material import LAYER_A, Material
from stembench.crystals.multiply_twinned import multiply_twinned
from stembench.crystals.overlapping import overlapping
from stembench.crystals.overlayers import covered, occluded
from stembench.crystals.particles import TRUNCATION, on_support, random_particle, wedge
from stembench.crystals.planar import faulted, twinned
from stembench.crystals.polar import elements_of, polarised
from stembench.crystals.specimen import NO_COLUMN, Specimen, crystal_slab, together
from stembench.crystals.view import Draws, View, another, in_the_middle

_INTERSTITIAL_CLEARANCE_A = 1.0


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


def unsuited(recipe: Arrangement, material: Material) -> str:
    """Why an object cannot be made of a crystal; empty if it can."""
    if isinstance(recipe, MultiplyTwinned) and material.face_centred_cubic is None:
        return f"{material.material} is no face-centred cubic element, such as Au and Pt"
    if isinstance(recipe, Tilted) and material.single_layer:
        return f"{material.material} is a single layer, whose columns no tilt hides"
    if isinstance(recipe, Polar):
        elements = elements_of(material)
        if recipe.element and recipe.element not in elements:
            return f"{material.material} has no {recipe.element}"
        if len(elements) < 2:
            return f"{material.material} has one element, which cannot be displaced against another"
    return ""


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
    centre = in_the_middle(view, draws)
    diameter = draws.uniform("diameter_A", *recipe.diameter_A)
    ratio = draws.uniform("facet_ratio", *TRUNCATION)
    place = (centre, view.rotation, view.offset, draws.rng, material.filled(np.inf))
    particle = random_particle(material.projection, material.facets, diameter, ratio, recipe.facet_spread, *place)
    return on_support(particle, recipe.support_element, draws.uniform("support_A", *recipe.support_A), view, draws.rng)


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
        region = island(view.extent, in_the_middle(view, draws), coverage, roughness, draws.rng)
    return joined(view.filled_with(material), another(others, material, view, draws), region, recipe.clearance_A)


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


def _lattice(recipe: Lattice, material: Material, others: Sequence[Material], view: View, draws: Draws) -> Specimen:
    edges = [draws.uniform(f"edge_{name}_A", *recipe.edge_A) for name in "ab"]
    angle, period = draws.uniform("angle_deg", *recipe.angle_deg), draws.uniform("period_A", *recipe.period_A)
    sites = int(draws.rng.integers(recipe.sublattices[0], recipe.sublattices[1] + 1))
    inside = (np.deg2rad(angle), period, sites, recipe.spacing_A, recipe.atomic_numbers, draws.rng)
    projection = random_lattice((edges[0], edges[1]), *inside)
    draws["sublattices"] = len(projection.columns)
    return crystal_slab(projection, view.extent, view.rotation, view.offset, view.margin, view.thickness)


def _empty(recipe: Empty, material: Material, others: Sequence[Material], view: View, draws: Draws) -> Specimen:
    film = draws["film"] = str(draws.rng.choice(recipe.films))
    thickness = draws.uniform("film_A", *recipe.film_A) if film != "none" else 0.0
    layer = amorphous_layer(view.extent, view.margin, thickness, draws.rng, recipe.element)
    return _ending(layer, recipe.roughness_A, view, draws) if film == "edge" else layer


def _tilted(recipe: Tilted, material: Material, others: Sequence[Material], view: View, draws: Draws) -> Specimen:
    """Crystals behind one another, each turned, tilted and ending as it was drawn for itself."""
    count = int(draws.rng.integers(recipe.crystals[0], recipe.crystals[1] + 1))
    parts, depth = [], 0.0
    for number in range(1, count + 1):
        own = Draws(draws.rng)
        turned = view if number == 1 else replace(view, rotation=own.uniform("rotation_rad", 0, 2 * np.pi))
        part = _tilted_crystal(recipe, material, turned, own).moved(np.array([0, 0, depth]))
        draws.update(own if number == 1 else {f"{name}_{number}": value for name, value in own.items()})
        depth = part.positions[:, 2].max(initial=depth) + LAYER_A
        parts.append(part)
    return together(*parts)


def _tilted_crystal(recipe: Tilted, material: Material, view: View, draws: Draws) -> Specimen:
    """A crystal sheared along a lattice row until columns run into each other; planes that hold the row stay.

    What it is sheared across the row takes from their contrast.
    """
    tilt, aside, thickness = _ranges(recipe, ("tilt_deg", "aside_deg", "crystal_A"), draws)
    first, second = material.projection.lattice
    row = [first, second, first + second, first - second][draws.rng.integers(4)]
    x, y = row / np.linalg.norm(row) @ in_plane_turn(view.rotation)
    lean = np.tan(np.deg2rad([tilt, aside])) @ [[x, y], [-y, x]]
    reach = float(np.linalg.norm(lean)) * thickness / 2
    crystal = replace(view.wider(reach), thickness=thickness).filled_with(material)
    shift = (crystal.positions[:, 2:] - thickness / 2) * [*lean, 0]
    crystal = view.cut(replace(crystal.moved(shift), columns=np.full(len(crystal), NO_COLUMN)))
    return _ending(crystal, recipe.roughness_A, view, draws) if draws.rng.random() < recipe.edge else crystal


def _ending(specimen: Specimen, roughness: tuple[float, float], view: View, draws: Draws) -> Specimen:
    """The atoms of a specimen on one side of a line through the field."""
    region = _line(view, draws.uniform("roughness_A", *roughness), draws)
    return specimen[region(specimen.positions[:, :2])]


def _line(view: View, roughness: float, draws: Draws) -> Region:
    """One side of a line through the middle third of the field, at any angle."""
    through = in_the_middle(view, draws)
    return half_plane(view.extent, through, draws.uniform("interface_angle_rad", 0, 2 * np.pi), roughness, draws.rng)


def _ranges(recipe: Arrangement, names: Sequence[str], draws: Draws) -> list[float]:
    """A draw from each of some ranges of a recipe."""
    return [draws.uniform(name, *getattr(recipe, name)) for name in names]


_MAKERS: dict[type, Callable[..., Specimen]] = {
    Periodic: _periodic,
    Defects: _defects,
    Particle: _particle,
    MultiplyTwinned: multiply_twinned,
    Wedge: _wedge,
    Embedded: _embedded,
    GrainBoundary: _grain_boundary,
    Random: _random,
    Lattice: _lattice,
    Empty: _empty,
    Tilted: _tilted,
    Occluded: occluded,
    Covered: covered,
    Strained: strained,
    Polar: polarised,
    Dislocation: dislocated,
    Fault: faulted,
    Twin: twinned,
    Overlapping: overlapping,
}
