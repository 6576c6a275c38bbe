import json

import pytest
from stembench.evaluation.tuning import best_tuned


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
