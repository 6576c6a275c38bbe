"""Two crystals that lie one on the other along the beam."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from stembench.config import Overlapping
from stembench.crystals.material import LAYER_A, Material
from stembench.crystals.specimen import Specimen, regrouped, together
from stembench.crystals.view import Draws, View, another


def overlapping(
    recipe: Overlapping, material: Material, others: Sequence[Material], view: View, draws: Draws
) -> Specimen:
    """Two crystals as far from each other as layers of graphite.

    All columns count. Where two overlap, their atoms form columns as those of one crystal do.
    """
    share = draws.uniform("share", *recipe.share)
    first = replace(view, thickness=share * view.thickness).filled_with(material)
    behind = replace(view, thickness=(1 - share) * view.thickness)
    if recipe.second == "another":
        second = another(others, material, behind, draws)
    else:
        twist = draws.uniform("twist_deg", *recipe.twist_deg) * draws.rng.choice([-1, 1])
        draws["twist_deg"] = float(twist)
        offset = draws.vector("second_offset", draws.rng.uniform(0, 1, 2) @ material.projection.lattice)
        second = behind.filled_with(material, np.deg2rad(twist), offset)
    rise = first.positions[:, 2].max() - second.positions[:, 2].min() + LAYER_A
    return regrouped(together(first, second.moved(np.array([0, 0, rise]))))
