"""What refinement by the image's own profile changes, told without truth."""

from typing import Any

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from stembench.evaluation.lattice_precision import AXES, spacings
from stembench.localisation.peaks import MIN_DISTANCE_A


def refinement(
    found: pd.DataFrame, refined: pd.DataFrame, lattice: dict[str, Any], extent_A: tuple[float, float]
) -> dict[str, Any]:
    """Spread of the spacings before and after refinement, and how far columns went, all of the same columns.

    Parameters
    ----------
    found, refined : DataFrame
        `x_A`, `y_A` [A] of the network's columns, and of what refinement makes of them. Each refined one is compared
        with the nearest of the others within `MIN_DISTANCE_A`; if it has a `sublattice`, those of none are left out.
    lattice : dict
        Summary of `lattice.analyse`, along whose vectors both are measured.
    extent_A : tuple of float
        Height and width of the image [A].

    Returns
    -------
    dict
        `mean_shift_pm`, and `network` and `refined`, each with `sd_pm_a` and `sd_pm_b`, the SD of spacings along a and
        b; None where it is not known.
    """
    if "sublattice" in refined:
        refined = refined[refined.sublattice.fillna("") != ""]
    after, before = (table[["x_A", "y_A"]].to_numpy(float) for table in (refined, found))
    shifts, nearest = cKDTree(before).query(after, distance_upper_bound=MIN_DISTANCE_A)
    same = np.isfinite(shifts)
    told: dict[str, Any] = {"mean_shift_pm": 100 * float(shifts[same].mean()) if same.any() else None}
    vectors = [vector for axis in AXES if (vector := lattice.get(axis))]
    for key, positions in {"network": before[nearest[same]], "refined": after[same]}.items():
        told[key] = dict.fromkeys(f"sd_pm_{axis}" for axis in AXES)
        if len(vectors) == len(AXES):
            table = spacings(positions, np.array([[vector["x_A"], vector["y_A"]] for vector in vectors]), extent_A)
            for axis, pm in table.groupby("axis").spacing_pm:
                told[key][f"sd_pm_{axis}"] = float(pm.std()) if len(pm) > 1 else None
    return told
