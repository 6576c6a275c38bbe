"""One-to-one matching of found columns to true ones."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import scipy  # whose parts load when they are used

from stembench.config import Evaluation

_FORBIDDEN = 1e6
_SAME_A = 0.01  # distances that differ by less are those to the same neighbour


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
    distances = scipy.spatial.distance.cdist(found, truth)
    allowed = distances <= radii
    rows, columns = scipy.optimize.linear_sum_assignment(np.where(allowed, distances, _FORBIDDEN))
    kept = allowed[rows, columns]
    return rows[kept], columns[kept]


def hull_of(positions: np.ndarray) -> np.ndarray:
    """The convex hull of some columns as half planes.

    Parameters
    ----------
    positions : ndarray, shape (n, 2)
        x and y [A], at least three that are not in a line.

    Returns
    -------
    ndarray, shape (edges, 3)
        Of each edge the outward normal, of length 1, and an offset [A]: n_x x + n_y y + offset is how far outside of
        the edge a point lies [A].
    """
    return scipy.spatial.ConvexHull(positions).equations


def seen_from(hull: np.ndarray, origin: tuple[float, float]) -> np.ndarray:
    """A hull in the coordinates of a block of the image, whose first pixel lies at `origin`, x and y [A]."""
    return np.column_stack([hull[:, :2], hull[:, 2] + hull[:, :2] @ origin])


def is_scored(positions: np.ndarray, extent: tuple[float, float], border: float, hull: np.ndarray) -> np.ndarray:
    """Whether positions lie in the part of an image that is scored: inside it and a hull by at least the border.

    Parameters
    ----------
    positions : ndarray, shape (..., 2)
        x and y [A].
    extent : tuple of float
        Height and width of the image [A].
    border : float
        [A].
    hull : ndarray, shape (edges, 3)
        Of `hull_of`; without edges, the whole image.
    """
    inside = np.all((positions >= border) & (positions <= np.array(extent[::-1]) - border), axis=-1)
    return inside & np.all(positions @ hull[:, :2].T + hull[:, 2] <= -border, axis=-1)


#: Where all of an image is labelled.
NO_HULL = np.empty((0, 3))


@dataclass(frozen=True)
class Truth:
    """An image's true columns as arrays, for matching many times; `clear` are resolved and not hidden.

    `others` are columns that are not asked for; `ignored` says how far around each of them nothing is false [A].
    `exact` says whether positions are the truth. Those of a lab image are found or fitted themselves: they tell what is
    a column, and a distance from them is no error. Where only part of an image is labelled, `hull` is that part.
    `towards` are unit vectors from each column to the nearest other one that is asked for; NaN where that one lies
    outside of the image.
    """

    asked: pd.DataFrame
    positions: np.ndarray
    radii: np.ndarray
    clear: np.ndarray
    others: np.ndarray
    ignored: np.ndarray
    towards: np.ndarray
    exact: bool = True
    hull: np.ndarray = field(default_factory=lambda: NO_HULL)

    @classmethod
    def of(
        cls, columns: pd.DataFrame, settings: Evaluation, *, exact: bool = True, hull: np.ndarray = NO_HULL
    ) -> "Truth":
        """From a table as `Sample.columns`."""
        asked, others = columns[columns.asked], columns[~columns.asked]
        positions, neighbour = asked[["x_A", "y_A"]].to_numpy(float), asked.neighbour_A.to_numpy()
        return cls(
            asked,
            positions,
            np.minimum(settings.match_radius_A, neighbour / 2),
            (asked.resolved & ~asked.hidden).to_numpy(bool),
            others[["x_A", "y_A"]].to_numpy(),
            np.maximum(settings.match_radius_A, others.get("ignored_A", pd.Series(0.0, others.index)).to_numpy()),
            _towards_neighbours(positions, neighbour),
            exact,
            hull,
        )

    def ignores(self, places: np.ndarray) -> np.ndarray:
        """Whether places, x and y [A], lie where nothing is false, around columns that are not asked for."""
        return (scipy.spatial.distance.cdist(places, self.others) <= self.ignored).any(axis=1)


def _towards_neighbours(positions: np.ndarray, neighbour: np.ndarray) -> np.ndarray:
    """Unit vectors to the nearest of the others, where it lies as far away as the nearest neighbour does."""
    towards = np.full(positions.shape, np.nan)
    if len(positions) > 1:
        distances, nearest = scipy.spatial.cKDTree(positions).query(positions, k=[2])
        known = np.abs(distances[:, 0] - neighbour) <= _SAME_A
        vectors = positions[nearest[known, 0]] - positions[known]
        towards[known] = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return towards


def assign(
    found: np.ndarray, truth: Truth, extent: tuple[float, float], settings: Evaluation
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Match found columns to true ones and say with which of these each outcome counts.

    Columns that are not asked for are neither missed nor, where they are found, counted as false. A found column that
    matches nothing counts with the true column it lies nearest to. What lies in the border, or outside of what is
    labelled, is left out: matches and misses by their true position, false columns by their own.

    Parameters
    ----------
    found : ndarray, shape (n, 2)
        x and y [A].
    truth : Truth
        True columns.
    extent : tuple of float
        Height and width of the image [A].
    settings : Evaluation
        Match radius and border.

    Returns
    -------
    found_at, truth_at : ndarray of int, shape (outcomes,)
        Indices into `found` and into the asked columns; -1 where a column is missed or false.
    counts_with : ndarray of int, shape (outcomes,)
        Index of the asked column whose properties (resolved, hidden, bright or weak) each is counted under; -1 for
        false columns where nothing is asked for.
    """
    matched_found, matched_truth = match(found, truth.positions, truth.radii)
    false = np.delete(np.arange(len(found)), matched_found)
    false = false[~truth.ignores(found[false])]
    missed = np.delete(np.arange(len(truth.positions)), matched_truth)
    nearest = np.full(len(false), -1)
    if len(truth.positions):
        nearest = scipy.spatial.distance.cdist(found[false], truth.positions).argmin(axis=1)

    found_at = np.concatenate([matched_found, false, np.full(len(missed), -1)])
    truth_at = np.concatenate([matched_truth, np.full(len(false), -1), missed])
    counts_with = np.concatenate([matched_truth, nearest, missed])
    at = np.concatenate([truth.positions[matched_truth], found[false], truth.positions[missed]])
    inside = is_scored(at, extent, settings.border_A, truth.hull)
    return found_at[inside], truth_at[inside], counts_with[inside]


def score_columns(found: np.ndarray, truth: Truth, extent: tuple[float, float], settings: Evaluation) -> pd.DataFrame:
    """What became of each column, as a table; parameters as for `assign`.

    Returns
    -------
    DataFrame
        A row for each found or missed column inside the border: `outcome` (`tp`, `fp`, `fn`), `resolved`, `hidden`,
        `strength`, `visibility` and `rim_A` of the column it counts with, position `x_A`, `y_A`, the true `true_x_A`,
        `true_y_A`, `error_x_pm`, `error_y_pm` and, towards the nearest neighbour, `error_to_neighbour_pm` (nan unless
        the truth is exact), the match radius `radius_A`, and the bound `crlb_pm` where it is known.
    """
    found_at, truth_at, counts_with = assign(found, truth, extent, settings)
    nowhere = np.full((1, 2), np.nan)
    at, true = np.vstack([found, nowhere])[found_at], np.vstack([truth.positions, nowhere])[truth_at]
    error = 100 * (at - true) if truth.exact else np.full(at.shape, np.nan)
    towards = np.vstack([truth.towards, nowhere])[truth_at]
    outcome = np.where(truth_at < 0, "fp", np.where(found_at < 0, "fn", "tp"))
    bound = np.append(truth.asked.crlb_pm.to_numpy(), np.nan)[truth_at]
    # False columns where there is no true one.
    alone = {"resolved": True, "hidden": False, "strength": 1.0, "visibility": np.nan, "rim_A": np.nan}
    return pd.DataFrame(
        {
            "outcome": outcome,
            **{name: np.append(truth.asked[name].to_numpy(), value)[counts_with] for name, value in alone.items()},
            "x_A": at[:, 0],
            "y_A": at[:, 1],
            "true_x_A": true[:, 0],
            "true_y_A": true[:, 1],
            "error_x_pm": error[:, 0],
            "error_y_pm": error[:, 1],
            "error_to_neighbour_pm": (error * towards).sum(axis=1),
            "radius_A": np.append(truth.radii, np.nan)[truth_at],
            "crlb_pm": bound,
        }
    )


def is_judged(found: np.ndarray, truth: Truth) -> np.ndarray:
    """Whether columns found at x and y [A] are true or false; those at columns that are not asked for are neither."""
    judged = ~truth.ignores(found)
    judged[match(found, truth.positions, truth.radii)[0]] = True
    return judged


def published_scores(found: np.ndarray, truth: np.ndarray, pixel_size: float) -> dict[str, float]:
    """Scores of one image as published code computes them, over the whole image.

    Parameters
    ----------
    found, truth : ndarray, shape (columns, 2)
        x and y [A].
    pixel_size : float
        [A].

    Returns
    -------
    dict
        `mutualnn_precision`, `mutualnn_recall`, `mutualnn_f1`: of m pairs that are each other's nearest at any distance
        among |P| found and |T| true columns; `mutualnn_jaccard`, m / (2 |P| - m), since that code takes |P| for |T|;
        `mutualnn_chamfer_px`, the mean distance from found columns to the nearest true one, plus the reverse. nan where
        there is nothing to divide by. Source: AtomID-Net, doi 10.1002/smsc.202300031.
    """
    one_image = np.zeros(len(found), int), np.zeros(len(truth), int)
    (mutual,), (distance,) = nearest_sums(found, one_image[0], truth, one_image[1], 1)
    parts = {
        "mutualnn_precision": (mutual, len(found)),
        "mutualnn_recall": (mutual, len(truth)),
        "mutualnn_f1": (2 * mutual, len(found) + len(truth)),
        "mutualnn_jaccard": (mutual, 2 * len(found) - mutual),
    }
    scores = {name: part / total if total else np.nan for name, (part, total) in parts.items()}
    return scores | {"mutualnn_chamfer_px": distance / pixel_size}


def nearest_sums(
    found: np.ndarray, found_groups: np.ndarray, truth: np.ndarray, true_groups: np.ndarray, number: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return how near found and true columns of each of many groups, such as images, lie to each other.

    Parameters
    ----------
    found, truth : ndarray, shape (columns, 2)
        Positions of all groups.
    found_groups, true_groups : ndarray of int, shape (columns,)
        Group of each.
    number : int
        Of groups.

    Returns
    -------
    mutual : ndarray, shape (groups,)
        Pairs that are each other's nearest, whatever their distance.
    chamfer : ndarray, shape (groups,)
        Mean distance from found columns to the nearest true one, plus the reverse [units of the input]; nan where
        there are none.
    """
    counts = np.bincount(found_groups, minlength=number), np.bincount(true_groups, minlength=number)
    both = (counts[0] > 0) & (counts[1] > 0)
    kept, known = both[found_groups], both[true_groups]
    found, found_groups, truth, true_groups = found[kept], found_groups[kept], truth[known], true_groups[known]
    if not both.any():
        return np.zeros(number), np.full(number, np.nan)
    # A third coordinate keeps groups farther apart than any columns of one lie, and adds nothing within a group.
    apart = 2 * np.ptp(np.concatenate([found, truth]), axis=0).sum() + 1
    found = np.column_stack([found, apart * found_groups])
    truth = np.column_stack([truth, apart * true_groups])
    to_truth, nearest_truth = scipy.spatial.cKDTree(truth).query(found)
    to_found, nearest_found = scipy.spatial.cKDTree(found).query(truth)
    mutual = nearest_found[nearest_truth] == np.arange(len(found))
    with np.errstate(invalid="ignore"):
        chamfer = np.bincount(found_groups, to_truth, number) / counts[0]
        chamfer += np.bincount(true_groups, to_found, number) / counts[1]
    return np.bincount(found_groups, mutual, number), np.where(both, chamfer, np.nan)
