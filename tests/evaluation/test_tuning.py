import json

import numpy as np
import pandas as pd
import pytest
from stembench.config import Evaluation
from stembench.evaluation.tuning import best_tuned, tune_peaks
from stembench.localisation.peaks import PeakSettings


@pytest.fixture
def tuned(tmp_path) -> list:
    """Two filters, of which either is the better one at one of two doses."""
    paths = []
    for method, scores in (("blur", {"1": 15.0, "100": 20.0}), ("sharp", {"1": 10.0, "100": 25.0})):
        paths.append(tmp_path / f"{method}.json")
        levels = {level: {"settings": {}, "psnr_free_db": score} for level, score in scores.items()}
        paths[-1].write_text(json.dumps({"method": method, "levels": levels}))
    return paths


@pytest.mark.parametrize(
    ("levels", "best"), [(["1"], "blur"), (["100"], "sharp"), (["60"], "sharp"), (["1", "1", "100"], "blur")]
)
def test_the_best_filter_is_that_of_the_highest_mean_psnr_at_the_nearest_doses(levels, best, tuned):
    name, path = best_tuned(tuned, levels)
    assert (name, path.stem) == (best, best)


def test_precision_is_taken_for_a_little_f1():
    """Of 40 columns two are faint, and so is a spot that is none: F1 80 / 81 with them, 76 / 78 without."""
    size, x, y = 0.1, *(each.ravel() for each in np.meshgrid(np.arange(2, 10), np.arange(2, 7)))
    truth = pd.DataFrame({"x_A": x.astype(float), "y_A": y.astype(float), "neighbour_A": 1.0, "crlb_pm": np.nan})
    truth = truth.assign(asked=True, resolved=True, hidden=False, strength=1.0, visibility=9.0, rim_A=np.nan)
    image = np.zeros((90, 120))
    heights = np.where(np.isin(np.arange(40), (17, 22)), 0.3, 1.0)
    image[(10 * y).astype(int), (10 * x).astype(int)] = heights
    image[78, 105] = 0.2
    samples = pd.DataFrame({"sample": [0], "pixel_size_A": [size]})
    grid = [PeakSettings(0.0, 0.0, threshold, relative=False) for threshold in (0.1, 0.11, 0.12, 0.4, 0.45, 0.5)]

    def tuned(spared):
        known = {0: truth}
        best = tune_peaks([image], samples, known, grid, Evaluation(border_A=1.0), spared=spared)["none"]
        return best["settings"]["threshold"], best["f1"]

    assert tuned(0.0) == (pytest.approx(0.1), pytest.approx(80 / 81))
    assert tuned(0.05)[0] >= 0.4
