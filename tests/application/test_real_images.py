"""Experimental images that are not part of the repository, read by the networks that ship with it.

`STEMBENCH_LAB` names the folder with AtomSegNet's images (MIT licence) of Si [110] and DyScO3 [110], `STEMBENCH_CASES`
one with images of others, in two of which every column is marked.
"""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import stembench
from scipy.optimize import curve_fit
from scipy.spatial import cKDTree
from stembench.application.columns import find_columns
from stembench.application.lattice import analyse
from stembench.evaluation.lattice_precision import spacings
from stembench.evaluation.real_images import score_marked
from stembench.lab.formats import read_recording
from stembench.planning.choice import SHIPPED

PIXEL_SIZES_A = {
    "03_afterimage_8nm_crp.png": 0.0944,
    "Si110_5nmX25us_03_none_none.png": 0.0945,
    "10_dso_8nm_none_none.png": 0.081,
}
SILICON = list(PIXEL_SIZES_A)[:2]


@pytest.fixture(scope="module")
def found(projection_of):
    """Of each image its pixels, its analysed columns, and the summary."""
    place = os.environ.get("STEMBENCH_LAB")
    if not place:
        pytest.skip("STEMBENCH_LAB is unset: it names the folder with AtomSegNet's experimental images")
    results = {}
    for name, pixel_size in PIXEL_SIZES_A.items():
        image = read_recording(Path(place) / name).values
        columns = find_columns(image, pixel_size, SHIPPED / "column_finder")
        crystal = projection_of("Si" if name in SILICON else "DyScO3", "110")
        extent = tuple(n * pixel_size for n in image.shape)
        results[name] = image, extent, *analyse(columns, extent, crystal)
    return results


def gaussian(places, height, x, y, sigma, background):
    return height * np.exp(-((places[0] - x) ** 2 + (places[1] - y) ** 2) / (2 * sigma**2)) + background


def fitted_one_by_one(image, starts):
    """Least squares of what is nearer than 45 % of the way to the next column [px]; NaN where that fails."""
    apart = cKDTree(starts).query(starts, k=2)[0][:, 1]
    rows, columns = np.indices(image.shape)
    places = np.full_like(starts, np.nan)
    for number, ((x, y), distance) in enumerate(zip(starts, apart)):
        window = tuple(slice(max(int(at - distance), 0), int(at + distance) + 2) for at in (y, x))
        near = np.hypot(columns[window] - x, rows[window] - y) <= 0.45 * distance
        seen = columns[window][near], rows[window][near]
        values = image[window][near].astype(float)
        guess = [np.ptp(values), x, y, distance / 3, values.min()]
        try:
            fit, _ = curve_fit(gaussian, seen, values, p0=guess, maxfev=300)
        except RuntimeError:
            continue
        if np.hypot(fit[1] - x, fit[2] - y) < distance / 2:
            places[number] = fit[1:3]
    return places


@pytest.mark.filterwarnings("ignore:Covariance of the parameters")
@pytest.mark.parametrize("name", SILICON)
def test_spacings_of_silicon_spread_no_more_than_those_of_gaussians_fitted_from_the_same_columns(found, name):
    image, extent, columns, summary = found[name]
    vectors = np.array([[summary[axis]["x_A"], summary[axis]["y_A"]] for axis in "ab"])
    positions = columns.loc[columns.sublattice != "", ["x_A", "y_A"]].to_numpy()
    fit = fitted_one_by_one(image, positions / PIXEL_SIZES_A[name]) * PIXEL_SIZES_A[name]
    fitted = np.isfinite(fit).all(axis=1)
    assert fitted.mean() > 0.6  # the others run away into the other column of their dumbbell
    network, gaussians = (
        spacings(table[fitted], vectors, extent).groupby("axis").spacing_pm.std() for table in (positions, fit)
    )
    assert (network <= gaussians).all(), (network, gaussians)


@pytest.mark.parametrize("name", SILICON)
def test_both_atoms_of_each_dumbbell_are_found(found, name):
    _, extent, columns, summary = found[name]
    assert summary["structure"]["fits"]
    inside = columns[columns.x_A.between(2, extent[1] - 2) & columns.y_A.between(2, extent[0] - 2)]
    lone = inside.neighbour_1_A > 2.0  # 1.36 A apart, 1.47 A in a scan that is stretched; the next dumbbell 2.35 A away
    assert not lone.any(), inside[lone]
    numbers = [sublattice["number"] for sublattice in summary["sublattices"]]
    assert len(numbers) == 2
    assert abs(numbers[0] - numbers[1]) < 0.03 * sum(numbers)


def test_heavy_and_light_columns_of_dysprosium_scandate_are_told_apart(found):
    *_, columns, summary = found["10_dso_8nm_none_none.png"]
    assert summary["structure"]["fits"]
    assert abs(summary["structure"]["pixel_size_error_percent"]) < 3
    counts = columns.species[columns.sublattice != ""].value_counts()
    assert set(counts.index) == {"2 Dy", "2 Sc"}
    assert abs(counts["2 Dy"] - counts["2 Sc"]) < 0.05 * counts.sum()


@pytest.fixture(scope="module")
def cases():
    if not (place := os.environ.get("STEMBENCH_CASES")):
        pytest.skip("STEMBENCH_CASES is unset: it names the folder with images of others")
    return Path(place)


#: Pixel size [A] of images with marked columns; F1, precision and recall at the rim that the network reaches at least.
MARKED = {"PtIr_particle": (0.1211, 0.95, 0.94, 0.9), "Au_rod_110": (0.49, 0.965, 0.96, 0.6)}


@pytest.mark.parametrize("name", MARKED)
def test_columns_that_others_marked_are_found_at_the_rim_as_well_and_refinement_brings_them_nearer(cases, name):
    pixel_size, *least = MARKED[name]
    image = read_recording(cases / "annotated" / f"{name}.tif").values
    marks = pd.read_csv(cases / "annotated" / f"{name}_columns.csv")[["x_px", "y_px"]].to_numpy() * pixel_size
    found = find_columns(image, pixel_size, SHIPPED / "column_finder")
    extent = image.shape[0] * pixel_size, image.shape[1] * pixel_size
    scores = score_marked(found, marks, extent)
    assert all(scores[key] >= bound for key, bound in zip(("f1", "precision", "recall_rim"), least)), scores
    before = score_marked(found.assign(x_A=found.network_x_A, y_A=found.network_y_A), marks, extent)
    assert scores["rms_x_pm"] < before["rms_x_pm"]
    assert scores["rms_y_pm"] < before["rms_y_pm"]


def test_in_an_image_without_columns_few_are_likely(cases):
    image = stembench.read(cases / "digitalmicrograph_2D_multi_signal.dm3")
    found = find_columns(image.values, image.attrs["pixel_size_A"], SHIPPED / "column_finder")
    assert (found.confidence > 0.5).sum() <= 10
