import docutils.core
import numpy as np
import pandas as pd
import pytest
from stembench.reporting.applied_table import COLUMNS, applied_table, as_restructured_text

SUMMARY = {
    "image": {"pixel_size_A": 0.1, "pixel_size_source": "images.csv", "signal": "HAADF", "mode": "HAADF"}
    | {"material": "Au", "zone": "110", "remarks": ["One."]},
    "columns_in_lattice": 2,
    "a": {"length_A": 2.5},
    "b": {"length_A": 4.0},
    "angle_deg": 90.0,
    "strain": {"strain_xx": {"mean": 0.0, "sd": 0.01}, "strain_yy": {"mean": 0.0, "sd": None}},
    "structure": {"pixel_size_error_percent": 25.0},
    "remarks": ["Two."],
    "frames": [],
    "corrections_refused": None,
}
FOUND = pd.DataFrame({"confidence": [0.5, 0.9, 0.7]})
REASON = "b_1.tif: *cannot* be read <x>; give `another`"


@pytest.fixture
def table():
    none = {"image": {"pixel_size_A": 0.2, "remarks": []}, "remarks": [], "frames": [{}], "strain": {}}
    return applied_table(
        {"a": "a.tif", "b": "b_1.tif", "c": "c.tif"}, {"b": REASON}, [(SUMMARY, FOUND), (none, FOUND[:0])]
    )


def test_a_row_holds_what_was_found(table):
    row = table.set_index("image").loc["a"]
    assert list(table.columns) == list(COLUMNS)
    expected = {"file": "a.tif", "pixel_size_source": "images.csv", "columns": 3, "median_confidence": 0.7}
    expected |= {"columns_in_lattice": 2, "a_A": 2.5, "b_A": 4.0, "angle_deg": 90, "frames": 1, "remarks": "One; Two"}
    assert {key: row[key] for key in expected} == expected
    assert row.pixel_size_factor == pytest.approx(0.8)  # stated 25 % too large
    assert row.strain_xx_sd_percent == pytest.approx(1)
    assert np.isnan(row.strain_yy_sd_percent)
    assert pd.isna(row.refusal)


def test_a_refused_image_and_one_without_columns_have_a_row_in_the_order_of_the_folder(table):
    assert list(table.image) == ["a", "b", "c"]
    rows = table.set_index("image")
    assert rows.loc["b", "refusal"] == REASON
    assert pd.isna(rows.loc["b", "columns"])
    assert rows.loc["c", "columns"] == 0
    assert rows.loc["c", "frames"] == 2
    assert pd.isna(rows.loc["c", "median_confidence"])


def test_refused_corrections_stand_beside_what_was_found():
    told = SUMMARY | {"corrections_refused": "a.corrections.csv, line 2: no"}
    row = applied_table({"a": "a.tif"}, {}, [(told, FOUND)]).iloc[0]
    assert row.refusal == "a.corrections.csv, line 2: no"
    assert row["columns"] == 3


def page_of(table):
    settings = {"report_level": 2, "halt_level": 2}
    return docutils.core.publish_string(
        as_restructured_text(table), writer="html5", settings_overrides=settings
    ).decode()


def test_the_report_begins_with_what_was_found_and_every_refusal_as_it_is_written(table):
    page = page_of(table)
    assert "2.500 Å, 4.000 Å, 90.0°" in page
    assert "b_1.tif: *cannot* be read &lt;x&gt;; give `another`" in page
    assert page.count("<tr>") == 3  # the heading, and two images that were not refused


def test_where_all_images_are_refused_or_none_is_nothing_stands_in_the_place_of_the_others(table):
    assert "b_1.tif" in page_of(table[1:2])
    assert "Refused" not in page_of(table[:1])
