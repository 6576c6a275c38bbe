"""Whether a method sees that single columns are displaced, or puts them onto the lattice of their neighbours.

The slope of found on injected displacements is 1 for a method that sees them and 0 for one that snaps to a lattice.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import scipy  # whose parts load when they are used
from scipy import ndimage

#: Shortest and longest displacement [pm].
DISPLACEMENTS_PM = (5.0, 20.0)

_APART_A = 6.0  # that displaced columns are at least from each other: beyond the neighbours of most crystals
_AS_ONE_A, _STILL_A = 1.5, 3.0  # from a column's centre: beyond its probe, and midway to the next that is displaced


def drawn_displacements(columns: pd.DataFrame, extent: tuple[float, float], rng: np.random.Generator) -> pd.DataFrame:
    """Columns of an image that are displaced, far from each other and from the image's edge.

    Parameters
    ----------
    columns : DataFrame
        `x_A`, `y_A` and `neighbour_A`, the distance to the nearest neighbour.
    extent : tuple of float
        Height and width of the image [A].
    rng : numpy.random.Generator
        Of the choice and the displacements.

    Returns
    -------
    DataFrame
        The chosen columns with `dx_pm` and `dy_pm`: in any direction, of lengths between `DISPLACEMENTS_PM`.
    """
    places = columns[["x_A", "y_A"]].to_numpy()
    inside = np.all((places > _APART_A / 2) & (places < np.array(extent[::-1]) - _APART_A / 2), axis=1)
    chosen: list[int] = []
    for index in rng.permutation(np.flatnonzero(inside)):
        if all(np.linalg.norm(places[index] - places[other]) >= _APART_A for other in chosen):
            chosen.append(index)
    length, angle = rng.uniform(*DISPLACEMENTS_PM, len(chosen)), rng.uniform(0, 2 * np.pi, len(chosen))
    return columns.iloc[chosen].assign(dx_pm=length * np.cos(angle), dy_pm=length * np.sin(angle))


def with_displaced(image: np.ndarray, pixel_size: float, displaced: pd.DataFrame, others: np.ndarray) -> np.ndarray:
    """An image in which single columns are moved whole, tails and noise included, by cubic splines.

    What the others leave of the image moves as one around each column, and fades away before the next that is
    displaced. Were the others not set aside, only a column's core could move, and what fits whole columns would rightly
    find less than was injected.

    Parameters
    ----------
    image : ndarray, shape (y, x)
        Any image with columns.
    pixel_size : float
        [A].
    displaced : DataFrame
        Of `drawn_displacements`.
    others : ndarray, shape (y, x)
        What stays where it is: the background and the columns that are not displaced.
    """
    y, x = np.indices(image.shape) * pixel_size
    shift = np.zeros((2, *image.shape))
    reach = int(np.ceil(_STILL_A / pixel_size))
    for column in displaced.itertuples():
        centre = round(column.y_A / pixel_size), round(column.x_A / pixel_size)
        here = tuple(slice(max(at - reach, 0), at + reach + 1) for at in centre)
        distance = np.hypot(x[here] - column.x_A, y[here] - column.y_A)
        moved = np.cos(np.pi / 2 * np.clip((distance - _AS_ONE_A) / (_STILL_A - _AS_ONE_A), 0, 1)) ** 2
        shift[:, *here] += moved * np.array([column.dy_pm, column.dx_pm])[:, None, None] / 100
    origins = (np.stack([y, x]) - shift) / pixel_size
    return others + ndimage.map_coordinates(image - others, origins, order=3, mode="nearest")


def responses(
    before: np.ndarray, after: np.ndarray, displaced: pd.DataFrame, vectors: Mapping[str, np.ndarray]
) -> pd.DataFrame:
    """What a method found of the displacements.

    Parameters
    ----------
    before, after : ndarray, shape (n, 2)
        x and y [A] of what it found in the image as it was, and with columns displaced.
    displaced : DataFrame
        Of `drawn_displacements`.
    vectors : mapping of ndarray, shape (2,)
        x and y of directions by name, of any length.

    Returns
    -------
    DataFrame
        A row a direction and displaced column that was found in both images, within half the distance to its
        neighbour: `axis`, `column` and the components `injected_pm` and `found_pm`.
    """
    places, injected = displaced[["x_A", "y_A"]].to_numpy(), displaced[["dx_pm", "dy_pm"]].to_numpy()
    reach, seen, found = displaced.neighbour_A.to_numpy() / 2, np.ones(len(displaced), bool), []
    for columns, at in ((before, places), (after, places + injected / 100)):
        found.append(_nearest(at, columns))
        seen &= np.linalg.norm(found[-1] - at, axis=1) < reach
    moved = 100 * (found[1][seen] - found[0][seen])
    tables = []
    for axis, vector in vectors.items():
        along = np.asarray(vector) / np.linalg.norm(vector)
        components = {"injected_pm": injected[seen] @ along, "found_pm": moved @ along}
        tables.append(pd.DataFrame({"axis": axis, "column": np.flatnonzero(seen), **components}))
    return pd.concat(tables, ignore_index=True)


def _nearest(places: np.ndarray, found: np.ndarray) -> np.ndarray:
    if not len(found):
        return np.full(places.shape, np.inf)
    return found[scipy.spatial.cKDTree(found).query(places)[1]]


def response_sums(measured: pd.DataFrame) -> pd.DataFrame:
    """Sums for the slope along one direction, a row a displaced column, which is its `structure`."""
    x, y = measured.injected_pm, measured.found_pm
    return pd.DataFrame({"n": 1.0, "x": x, "y": y, "xx": x**2, "xy": x * y, "structure": measured.column})


def response_metrics(sums: pd.DataFrame) -> pd.DataFrame:
    """`response_slope`, of the linear regression of found on injected displacements, from sums, a row for a row."""
    varied = sums.n * sums.xx - sums.x**2
    return pd.DataFrame({"response_slope": (sums.n * sums.xy - sums.x * sums.y) / varied.where(varied > 0)})
