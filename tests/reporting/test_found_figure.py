import numpy as np
import pandas as pd
import pytest
from stembench.datasets.store import columns_by_sample, read_table
from stembench.reporting.figures.found import draw_found

FALLING = (0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2)  # F1 of the images
PLACES = {"tp": [(1.0, 2.0), (3.0, 2.0)], "fp": [(2.0, 2.5)], "fn": [(1.0, 4.0)]}


@pytest.fixture
def method(small_shard, tmp_path):
    """Writes an evaluation of the shard with two columns found, one false and one missed in each image."""

    def written(name: str, f1=FALLING, note: str = "") -> dict:
        folder, samples = tmp_path / name, read_table([small_shard], "samples")
        folder.mkdir()
        samples.assign(f1=f1, note=note).to_parquet(folder / "images.parquet")
        rows = []
        for number in samples["sample"]:
            for outcome, places in PLACES.items():
                for place in places:
                    found, true = (place, (9.0, 9.0)) if outcome != "fn" else ((np.nan, np.nan), place)
                    known = dict(zip(("x_A", "y_A", "true_x_A", "true_y_A"), (*found, *true)))
                    rows.append({"sample": number, "outcome": outcome} | known)
        pd.DataFrame(rows).to_parquet(folder / "columns.parquet")
        return {"method": name, "train_dataset": "", "folder": str(folder)}

    return written


def panels(figure) -> list:
    return [axes for axes in figure.axes if axes.images]


def marked(axes, marker: str) -> np.ndarray:
    """Places that bear a marker [px]."""
    places = [np.column_stack(line.get_data()) for line in axes.lines if line.get_marker() == marker]
    return np.concatenate(places)


def test_a_quarter_of_the_images_is_harder_and_its_true_columns_are_marked_once(small_shard, method):
    scores = [0.9, 0.1, 0.2, 0.95, 0.3, 0.8, 0.25, 0.7]
    truth, _ = panels(draw_found([small_shard], [method("net", f1=scores)], None))
    samples = read_table([small_shard], "samples")
    assert "Si" in truth.get_title() or "SrTiO3" in truth.get_title()
    shown = samples.loc[6]  # of the eight, two lie below 0.25
    assert f"{shown.counts_per_px:g} e/px" in truth.get_title()
    columns = columns_by_sample([small_shard])[shown["sample"]]
    places = marked(truth, ".") * shown.pixel_size_A
    true = columns[["x_A", "y_A"]].to_numpy()
    assert places[np.lexsort(places.T)] == pytest.approx(true[np.lexsort(true.T)])


def test_found_missed_and_false_columns_bear_their_own_marks_where_they_are(small_shard, method):
    _, panel = panels(draw_found([small_shard], [method("net")], None))
    pixel_size = read_table([small_shard], "samples").pixel_size_A[5]  # F1 falls: of the last two it is lower
    for marker, outcome in (("o", "tp"), ("x", "fp"), ("s", "fn")):
        assert marked(panel, marker) * pixel_size == pytest.approx(np.array(PLACES[outcome]))
    assert panel.get_title() == "net\n2 found, 1 missed, 1 false"


def test_every_method_has_one_panel_and_one_that_could_not_be_had_none(small_shard, method):
    methods = [method("net"), method("maxima"), method("lost", note="does not load")]
    titles = [axes.get_title().split("\n")[0] for axes in panels(draw_found([small_shard], methods, None))]
    assert titles[1:] == ["net", "maxima"]


def test_a_dose_can_be_asked_for_and_one_that_is_not_there_is_refused(small_shard, method):
    shown = [method("net")]
    assert "100 e/px" in panels(draw_found([small_shard], shown, 100.0))[0].get_title()
    with pytest.raises(ValueError, match="no image"):
        draw_found([small_shard], shown, 7.0)


def test_what_the_image_shows_can_be_asked_for(small_shard, method):
    shown = [method("net")]
    arrangement = read_table([small_shard], "samples").arrangement[0]
    assert panels(draw_found([small_shard], shown, None, arrangement))
    with pytest.raises(ValueError, match="no image"):
        draw_found([small_shard], shown, None, "nothing")
