import numpy as np
import pytest
from stembench.config import Imaging
from stembench.datasets.store import columns_by_sample, read_table
from stembench.reporting.figures.forward_model import draw_forward_model


@pytest.fixture
def figure(small_shard, projection_of):
    structures = {key: projection_of(*key) for key in (("SrTiO3", "001"), ("Si", "110"))}
    return draw_forward_model([small_shard], structures, Imaging().conditions)


def test_it_goes_from_columns_over_the_probe_and_the_background_to_doses_that_rise(figure):
    titles = [axes.get_title() for axes in figure.axes if axes.images]
    assert [title[:3] for title in titles] == [f"({letter})" for letter in "abcde"]
    assert "columns" in titles[0]
    assert "no background" in titles[1]
    assert "with background" in titles[2]
    assert "3 e/px" in titles[3]
    assert "100 e/px" in titles[4]


def test_it_says_probe_and_pixel_size(figure):
    for unit in ("keV", "mrad", "Å FWHM", "pm/px"):
        assert unit in figure.get_suptitle()


def test_each_column_is_drawn_once_as_large_as_it_is_strong_and_named_by_what_it_holds(figure, small_shard):
    panel, table = figure.axes[0], read_table([small_shard], "samples")
    titles = [f"{100 * size:.1f} pm/px" in figure.get_suptitle() for size in table.pixel_size_A]
    sample = table[titles].iloc[0]
    assert sample.material == "SrTiO3"  # of the two crystals the one with unequal columns
    columns = columns_by_sample([small_shard])[sample["sample"]]
    areas = {series.get_label(): series.get_sizes() for series in panel.collections}
    assert {"Sr", "Ti + O"} <= set(areas)
    assert sum(len(series.get_offsets()) for series in panel.collections) == len(columns)
    assert np.mean(areas["Sr"]) > np.mean(areas["Ti + O"])
