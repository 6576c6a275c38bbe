import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
from stembench.baselines.finders import FINDERS
from stembench.evaluation.real_images import score_marked
from stembench.localisation.peaks import PeakSettings

EXTENT = (20.0, 30.0)  # height, width
#: A square lattice with marks 2 A apart: four in a row, five rows.
MARKS = 2.0 * np.stack(np.meshgrid(np.arange(1, 5), np.arange(1, 6)), -1).reshape(-1, 2)


def table(positions, **more) -> pd.DataFrame:
    return pd.DataFrame(np.reshape(positions, (-1, 2)), columns=["x_A", "y_A"]).assign(**more)


def test_scores_by_hand():
    found = np.vstack(
        [np.add(MARKS[2:], [0.1, 0.0]), [[25, 15], [3, 3]]]
    )  # two missed, two false: in the vacuum and between
    scores = score_marked(table(found), MARKS, EXTENT)
    assert (scores["n_columns"], scores["n_found"]) == (20, 20)
    assert (scores["precision"], scores["recall"], scores["f1"]) == pytest.approx((0.9, 0.9, 0.9))
    assert (scores["rms_x_pm"], scores["rms_y_pm"]) == pytest.approx((0, 0))  # an offset of all is none of theirs
    assert np.isnan([scores["within_bar"], scores["false_per_100nm2"]]).all()


def test_false_columns_count_inside_the_outline_of_partial_marks():
    found = np.vstack([MARKS, [[25, 15], [3, 3]]])
    assert score_marked(table(found), MARKS, EXTENT)["precision"] == pytest.approx(20 / 22)
    partly = score_marked(table(found), MARKS, EXTENT, all_marked=False)
    assert partly["precision"] == pytest.approx(20 / 21)
    outside = score_marked(
        table(np.subtract(MARKS, [0.1, 0.1])), MARKS, EXTENT, all_marked=False
    )  # some lie beyond the outline
    assert (outside["precision"], outside["recall"]) == (1, 1)


def test_the_rim_has_fewer_neighbours_than_most():
    disc = np.array([(x, y) for x in range(-5, 6) for y in range(-5, 6) if x * x + y * y <= 25]) * 2.0 + 12.0
    neighbours = (np.linalg.norm(disc[:, None] - disc, axis=2) < 2.9).sum(axis=1) - 1  # of 8
    inside = disc[neighbours > 6]
    scores = score_marked(table(inside), disc, (24.0, 24.0))
    assert (scores["recall"], scores["recall_rim"]) == (pytest.approx(len(inside) / len(disc)), 0)
    assert scores["precision"] == 1


def test_a_mark_and_a_column_are_matched_once_the_nearest_first():
    found = table([[2.3, 2], [2.1, 2], [4, 2.4]])
    scores = score_marked(found, MARKS[:2], EXTENT)
    assert (scores["precision"], scores["recall"]) == (pytest.approx(2 / 3), 1)
    assert scores["rms_x_pm"] == pytest.approx(5)  # 10 and 0 pm about their median


def test_marks_near_each_other_are_matched_within_half_their_distance():
    dumbbells = np.array([[5, 5], [5.8, 5], [10, 5], [10.8, 5]])
    assert score_marked(table(np.add(dumbbells, [0, 0.39])), dumbbells, EXTENT)["recall"] == 1
    assert score_marked(table(np.add(dumbbells, [0, 0.41])), dumbbells, EXTENT)["recall"] == 0


def test_error_bars_are_held_against_errors_about_their_median():
    found = table(MARKS + np.where(np.arange(20)[:, None] % 2, 0.05, -0.05), uncertainty_pm=[4.9] * 10 + [5.1] * 10)
    assert score_marked(found, MARKS, EXTENT)["within_bar"] == pytest.approx(0.5)


def test_an_image_without_columns_tells_false_ones_by_area():
    none = np.empty((0, 2))
    scores = score_marked(table([[1, 1], [2, 2], [3, 3]]), none, (100.0, 200.0))  # 200 nm2
    assert (scores["n_columns"], scores["n_found"], scores["false_per_100nm2"]) == (0, 3, 1.5)
    assert np.isnan([scores["precision"], scores["recall"], scores["f1"]]).all()
    assert score_marked(table(none), none, (100.0, 200.0))["false_per_100nm2"] == 0


def test_nothing_found_has_no_precision():
    scores = score_marked(table(np.empty((0, 2))), MARKS, EXTENT)
    assert np.isnan(scores["precision"])
    assert (scores["recall"], scores["f1"]) == (0, 0)


@pytest.mark.parametrize(("name", "pixel_size", "f1", "rim"), [("PtIr_particle", 0.1211, 0.967, 0.86)])
def test_background_subtracted_maxima_score_what_an_independent_count_gives(name, pixel_size, f1, rim, tmp_path):
    if "STEMBENCH_CASES" not in os.environ:
        pytest.skip("needs the annotated images of others, in the folder that STEMBENCH_CASES names")
    folder = Path(os.environ["STEMBENCH_CASES"]) / "annotated"
    image = tifffile.imread(folder / f"{name}.tif").astype(float)
    marks = pixel_size * pd.read_csv(folder / f"{name}_columns.csv")[["x_px", "y_px"]].to_numpy()
    finder, settings = FINDERS.load("background_subtracted_maxima"), PeakSettings(0.5, 0.6, 0.1, relative=True)
    found = table(finder.find((image - image.min()) / np.ptp(image), pixel_size, settings)[0])
    scores = score_marked(found, marks, tuple(pixel_size * n for n in image.shape))
    assert (scores["f1"], scores["recall_rim"]) == pytest.approx((f1, rim), abs=0.005)
    found.to_csv(tmp_path / "found.csv", index=False)
    counted = [str(folder / "score"), str(folder / f"{name}_columns.csv"), str(tmp_path / "found.csv"), str(pixel_size)]
    printed = subprocess.run([sys.executable, *counted], capture_output=True, text=True, check=True).stdout
    for key in ("precision", "recall", "f1"):
        assert f"{key} {scores[key]:.3f}" in printed
    assert f"rim {scores['recall_rim']:.2f}" in printed
