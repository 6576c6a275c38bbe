"""What lies on a crystal's faces: overlayers that hide it, amorphous films on both sides, contamination."""

from collections.abc import Sequence

import numpy as np

from stembench.config import Covered, Occluded
from stembench.crystals.disorder import amorphous_layer
from stembench.crystals.interfaces import CLEARANCE_A, island, overlaid
from stembench.crystals.material import Material
from stembench.crystals.specimen import Specimen, together
from stembench.crystals.view import Draws, View, another, in_the_middle
from stembench.imaging.scattering import total_cross_section

_BEAM_ENERGY = 200e3  # of the beam that an overlayer scatters in the linear model [eV]


def occluded(recipe: Occluded, material: Material, others: Sequence[Material], view: View, draws: Draws) -> Specimen:
    """A crystal part of which a layer of even thickness covers."""
    coverage = draws.uniform("coverage", *recipe.coverage)
    region = island(view.extent, in_the_middle(view, draws), coverage, 0.15 * min(view.extent), draws.rng)
    thickness = draws.uniform("overlayer_A", *recipe.thickness_A)
    if recipe.overlayer == "amorphous":
        layer = amorphous_layer(view.extent, view.margin, thickness, draws.rng, recipe.overlayer_element)
    else:
        layer = another(others, material, view, draws)
        layer = layer[layer.positions[:, 2] < thickness]
    draws["transmission"] = transmission = float(np.exp(-_scattered(layer, view)))
    return overlaid(view.filled_with(material), layer, region, transmission)


def covered(recipe: Covered, material: Material, others: Sequence[Material], view: View, draws: Draws) -> Specimen:
    """A crystal between two amorphous films; a patch of contamination on the first is a Gaussian hill."""
    entrance, behind, hill = (
        draws.uniform(name, *getattr(recipe, name)) for name in ("entrance_A", "exit_A", "contamination_A")
    )
    centre, coverage = in_the_middle(view, draws), draws.uniform("coverage", *recipe.coverage)
    width = coverage * np.prod(view.extent) / (np.pi * np.log(2))  # square of a radius, at which 1 / e is left

    def thickness(places: np.ndarray) -> np.ndarray:
        return entrance + hill * np.exp(-((places - centre) ** 2).sum(axis=1) / width)

    crystal, film = view.filled_with(material), (view.extent, view.margin)
    cover = amorphous_layer(*film, entrance + hill, draws.rng, recipe.element)
    scattered = _scattered(cover, view) / max(entrance + hill, 1e-9)  # per thickness
    below = amorphous_layer(*film, behind, draws.rng, recipe.element)
    cover = cover[cover.positions[:, 2] < thickness(cover.positions[:, :2])]
    cover = cover.moved(-2 * cover.positions * [0, 0, 1])  # upside down: the hill points to the beam
    cover = cover.moved(np.array([0, 0, -cover.positions[:, 2].min(initial=0)]))
    left = np.exp(-scattered * thickness(crystal.positions[:, :2]))
    deepest = crystal.positions[:, 2].max(initial=0)
    behind_it = below.moved(np.array([0, 0, deepest + CLEARANCE_A]))
    return together(overlaid(crystal, cover, lambda places: np.ones(len(places), bool), left), behind_it)


def _scattered(layer: Specimen, view: View) -> float:
    """Elastic cross section of a layer per area."""
    area = np.prod(np.array(view.extent) + 2 * view.margin)
    return float((layer.occupancies * total_cross_section(layer.numbers, _BEAM_ENERGY)).sum() / area)
