"""Columns that a method found in an experimental image against those that somebody marked in it.

Marks are somebody's fits. Their own errors, of some picometres, are part of every error stated here.
"""

import numpy as np
import pandas as pd
import scipy  # whose parts load when they are used

from stembench.evaluation.matching import hull_of, is_scored

#: Largest distance of a match [A]; half of what marks are apart where that is less.
MATCH_RADIUS_A = 0.5

_NEIGHBOURS_WITHIN = 1.45  # distances of nearest neighbours
_FEWER = 2  # neighbours than most have, at the rim
_CLIPPED_PM = 40.0


def score_marked(
    found: pd.DataFrame, marks: np.ndarray, extent: tuple[float, float], *, all_marked: bool = True
) -> dict[str, float]:
    """Score found columns.

    Marks and found columns are matched one to one, the nearest pairs first.

    Parameters
    ----------
    found : DataFrame
        `x_A`, `y_A` and, where the method gives error bars, `uncertainty_pm`.
    marks : ndarray, shape (n, 2)
        x and y [A]; none where the image shows no column.
    extent : tuple of float
        Height and width of the image [A].
    all_marked : bool
        Whether every column is marked, so that false ones count wherever they are, vacuum included. If not, they count
        inside the outline of the marks.

    Returns
    -------
    dict
        `n_columns` that are marked, `n_found` that count; `precision`, `recall`, `f1`; `recall_rim` of marks that have
        at least two neighbours fewer than most; `rms_x_pm`, `rms_y_pm`, errors about their median, clipped at 40 pm;
        `within_bar`, the share of coordinates whose error is within the stated uncertainty; `false_per_100nm2` where
        no column is marked. nan where there is nothing to divide by.
    """
    positions = found[["x_A", "y_A"]].to_numpy(float)
    if not len(marks):
        scores = dict.fromkeys(
            ("precision", "recall", "recall_rim", "f1", "rms_x_pm", "rms_y_pm", "within_bar"), np.nan
        )
        area = extent[0] * extent[1] / 100
        return {"n_columns": 0, "n_found": len(found), **scores, "false_per_100nm2": 100 * len(found) / area}
    tree = scipy.spatial.cKDTree(marks)
    apart = float(np.median(tree.query(marks, k=[2])[0])) if len(marks) > 1 else np.inf
    at, of = _matched(positions, tree, min(MATCH_RADIUS_A, apart / 2))
    counted = np.ones(len(found), bool)
    if not all_marked:
        counted = is_scored(positions, extent, 0.0, hull_of(marks))
        counted[at] = True
    neighbours = np.array([len(near) - 1 for near in tree.query_ball_point(marks, _NEIGHBOURS_WITHIN * apart)])
    rim = neighbours <= np.bincount(neighbours).argmax() - _FEWER
    hit = np.zeros(len(marks), bool)
    hit[of] = True
    error = 100 * (positions[at] - marks[of])
    if len(error):
        error -= np.median(error, axis=0)
    clipped = np.clip(error, -_CLIPPED_PM, _CLIPPED_PM)
    bars = found["uncertainty_pm"].to_numpy(float)[at] if "uncertainty_pm" in found else np.empty(0)
    number = int(counted.sum())
    return {
        "n_columns": len(marks),
        "n_found": number,
        "precision": len(at) / number if number else np.nan,
        "recall": hit.mean(),
        "recall_rim": hit[rim].mean() if rim.any() else np.nan,
        "f1": 2 * len(at) / (number + len(marks)),
        "rms_x_pm": np.sqrt((clipped[:, 0] ** 2).mean()) if len(error) else np.nan,
        "rms_y_pm": np.sqrt((clipped[:, 1] ** 2).mean()) if len(error) else np.nan,
        "within_bar": (np.abs(error) <= bars[:, None]).mean() if len(bars) else np.nan,
        "false_per_100nm2": np.nan,
    }


def _matched(positions: np.ndarray, tree: "scipy.spatial.cKDTree", radius: float) -> tuple[np.ndarray, np.ndarray]:
    """Indices of found columns and of marks in pairs within a radius, the nearest first."""
    near = scipy.spatial.cKDTree(positions.reshape(-1, 2)).sparse_distance_matrix(tree, radius, output_type="ndarray")
    found, marked = np.zeros(len(positions), bool), np.zeros(tree.n, bool)
    pairs = []
    for at, of, _ in np.sort(near, order=["v", "i", "j"]):
        if not (found[at] or marked[of]):
            found[at] = marked[of] = True
            pairs.append((at, of))
    at, of = np.array(pairs, int).reshape(-1, 2).T
    return at, of
