"""One-to-one matching of found columns to true ones."""

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from stembench.config import Evaluation

_FORBIDDEN = 1e6


def match(found: np.ndarray, truth: np.ndarray, radii: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Optimal one-to-one assignment within a radius: as many matches as possible, then the least total distance.

    Parameters
    ----------
    found : ndarray, shape (n, 2)
        x and y [A].
    truth : ndarray, shape (m, 2)
        x and y [A].
    radii : ndarray, shape (m,)
        Largest distance of a match for each true column [A].

    Returns
    -------
    tuple of ndarray of int
        Indices into `found` and into `truth` of the matched pairs.
    """
    if not len(found) or not len(truth):
        return np.empty(0, int), np.empty(0, int)
    distances = cdist(found, truth)
    allowed = distances <= radii
    rows, columns = linear_sum_assignment(np.where(allowed, distances, _FORBIDDEN))
    kept = allowed[rows, columns]
    return rows[kept], columns[kept]


def score_columns(
    found: np.ndarray, columns: pd.DataFrame, extent: tuple[float, float], settings: Evaluation
) -> pd.DataFrame:
    """Match found columns to an image's truth and say what became of each.

    Columns that are not asked for are neither missed nor, where they are found, counted as false. A found column that
    matches nothing counts against the subset (resolved or not) of the true column it lies nearest to.

    Parameters
    ----------
    found : ndarray, shape (n, 2)
        x and y [A].
    columns : DataFrame
        Truth, as `Sample.columns`.
    extent : tuple of float
        Height and width of the image [A].
    settings : Evaluation
        Match radius and border.

    Returns
    -------
    DataFrame
        A row for each found or missed column inside the border: `outcome` (`tp`, `fp`, `fn`), `resolved`, `strength`,
        position `x_A`, `y_A`, the matched `true_x_A`, `true_y_A`, `error_x_pm`,
        `error_y_pm`, and the bound `crlb_pm` where it is known.
    """
    asked = columns[columns.asked]
    truth = asked[["x_A", "y_A"]].to_numpy()
    radii = np.minimum(settings.match_radius_A, asked.neighbour_A.to_numpy() / 2)
    found_at, truth_at = match(found, truth, radii)

    spare = np.setdiff1d(np.arange(len(found)), found_at)
    weak = columns.loc[~columns.asked, ["x_A", "y_A"]].to_numpy()
    if len(weak) and len(spare):
        spare = spare[cdist(found[spare], weak).min(axis=1) > settings.match_radius_A]
    missed = np.setdiff1d(np.arange(len(truth)), truth_at)

    resolved, strength, bound = (asked[name].to_numpy() for name in ("resolved", "strength", "crlb_pm"))
    nearest = cdist(found[spare], truth).argmin(axis=1) if len(truth) else np.zeros(len(spare), int)
    rows = pd.concat(
        [
            _outcomes(
                "tp", found[found_at], truth[truth_at], resolved[truth_at], strength[truth_at], bound[truth_at]
            ),
            _outcomes(
                "fp",
                found[spare],
                np.full((len(spare), 2), np.nan),
                resolved[nearest] if len(truth) else np.ones(len(spare), bool),
                np.full(len(spare), np.nan),
                np.full(len(spare), np.nan),
            ),
            _outcomes(
                "fn",
                np.full((len(missed), 2), np.nan),
                truth[missed],
                resolved[missed],
                strength[missed],
                bound[missed],
            ),
        ],
        ignore_index=True,
    )
    at = rows[["true_x_A", "true_y_A"]].to_numpy()
    at = np.where(np.isnan(at), rows[["x_A", "y_A"]].to_numpy(), at)  # a match is inside where its truth is
    height, width = extent
    border = settings.border_A
    inside = np.all((at >= border) & (at <= [width - border, height - border]), axis=1)
    return rows[inside].reset_index(drop=True)


def _outcomes(outcome, found, truth, resolved, strength, bound) -> pd.DataFrame:
    error = 100 * (found - truth)
    return pd.DataFrame(
        {
            "outcome": outcome,
            "resolved": resolved.astype(bool),
            "strength": strength,
            "x_A": found[:, 0],
            "y_A": found[:, 1],
            "true_x_A": truth[:, 0],
            "true_y_A": truth[:, 1],
            "error_x_pm": error[:, 0],
            "error_y_pm": error[:, 1],
            "crlb_pm": bound,
        }
    )


def mutual_nearest(found: np.ndarray, truth: np.ndarray) -> int:
    """Number of pairs that are each other's nearest, whatever their distance (AtomID-Net's matching)."""
    if not len(found) or not len(truth):
        return 0
    distances = cdist(found, truth)
    nearest_truth, nearest_found = distances.argmin(axis=1), distances.argmin(axis=0)
    return int(np.sum(nearest_found[nearest_truth] == np.arange(len(found))))


def chamfer(found: np.ndarray, truth: np.ndarray) -> float:
    """Mean distance from found columns to the nearest true one, plus the reverse [units of the input]; nan if none."""
    if not len(found) or not len(truth):
        return np.nan
    distances = cdist(found, truth)
    return float(distances.min(axis=1).mean() + distances.min(axis=0).mean())
