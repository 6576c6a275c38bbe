import numpy as np
import pandas as pd
import pytest
from stembench.reporting.figures.edges import draw_edges, edge_profile


@pytest.fixture
def method(tmp_path):
    """Writes the evaluation of six particles: at the rim one of two columns is found and one is false."""

    def written(name: str, note: str = "") -> dict:
        folder = tmp_path / name
        folder.mkdir()
        rows = []
        for number in range(6):
            for outcome, rim in (("tp", 0.5), ("fn", 0.7), ("fp", 0.6), ("tp", 8.0), ("tp", 9.0)):
                error = 10.0 if outcome == "tp" else np.nan
                rows.append({"sample": number, "outcome": outcome, "rim_A": rim, "error_x_pm": error})
        known = {
            "resolved": True,
            "hidden": False,
            "error_y_pm": 10.0,
            "error_to_neighbour_pm": np.nan,
            "crlb_pm": np.nan,
            "radius_A": 0.5,
        }
        table = pd.DataFrame(rows).assign(**known, x_A=1.0, y_A=1.0, true_x_A=1.0, true_y_A=1.0)
        table.to_parquet(folder / "columns.parquet")
        images = pd.DataFrame({"sample": range(6), "structure": range(6), "pixel_size_A": 0.1, "note": note})
        images.to_parquet(folder / "images.parquet")
        return {"method": name, "kind": "network", "train_dataset": "", "folder": str(folder)}

    return written


def test_metrics_are_those_of_the_columns_in_each_band(method):
    rim, inside = (row for _, row in edge_profile([method("net")], 100).iterrows())
    assert (rim.recall, rim.f1) == pytest.approx((0.5, 0.5))
    assert (inside.recall, inside.f1) == pytest.approx((1, 1))
    assert (rim.rmse_pm, inside.rmse_pm) == pytest.approx((10, 10))
    assert (rim.rim_A, inside.rim_A) == pytest.approx((0.6, 8.5))


def test_an_interval_holds_its_value(method):
    profile = edge_profile([method("net")], 100)
    assert (profile.recall_low <= profile.recall).all()
    assert (profile.recall <= profile.recall_high).all()


def test_each_method_is_one_line_and_what_could_not_be_had_is_none(method):
    methods = [method("net"), method("maxima"), method("lost", "does not load")]
    for axes in draw_edges(edge_profile(methods, 100)).axes:
        assert [line.get_label() for line in axes.containers] == ["net", "maxima"]
        assert all(len(line.lines[0].get_ydata()) == 2 for line in axes.containers)


def test_no_column_of_a_particle_is_refused():
    with pytest.raises(ValueError, match="no columns"):
        draw_edges(pd.DataFrame())
