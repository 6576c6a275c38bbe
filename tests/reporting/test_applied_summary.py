import re
from html import unescape

import pandas as pd
from stembench.reporting.applied_summary import applied_summary

COLUMNS = pd.DataFrame(
    {
        "x_A": [1.0, 2.0, 3.0, 4.0],
        "confidence": [0.9, 0.3, 1.0, 1.0],
        "uncertainty_pm": [3.0, 9.0, 4.0, None],
        "origin": ["network", "network", "network", "added"],
    }
)
SUMMARY = {
    "columns": 4,
    "columns_in_lattice": 3,
    "a": {"x_A": 3.9, "y_A": 0.1, "length_A": 3.9013, "length_A_se": 0.0021},
    "b": {"x_A": 0.0, "y_A": 3.95, "length_A": 3.95},
    "angle_deg": 88.5,
    "spacings": {"a": {"mean_pm": 390.1, "sd_pm": 7.24, "n": 12}, "b": {"mean_pm": None, "sd_pm": None, "n": 0}},
    "sublattices": [{"name": "A", "number": 3, "species": "Sr", "fraction_a": 0.0, "fraction_b": 0.0}],
    "strain": {"strain_xx": {"mean": 0.001, "sd": 0.0123}, "rotation_deg": {"mean": None, "sd": None}},
    "structure": {"fits": True, "pixel_size_error_percent": -1.5, "pixel_size_error_percent_se": 0.07, "rms_pm": 8.0},
    "network": "a_network",
    "refinement": {
        "mean_shift_pm": 12.34,
        "network": {"sd_pm_a": 9.8, "sd_pm_b": None},
        "refined": {"sd_pm_a": 7.2, "sd_pm_b": None},
    },
    "remarks": ["The lattice is <odd>."],
}


def rows(page: str) -> dict[str, str]:
    return {what: unescape(told) for what, told in re.findall("<tr><th>(.*?)</th><td>(.*?)</td></tr>", page)}


def test_numbers_stand_with_their_units_and_errors():
    told = rows(applied_summary("mine", {"pixel_size_A": 0.123456, "mode": "HAADF"}, SUMMARY, COLUMNS))
    assert told["pixel size"] == "0.12346 Å"
    assert told["columns"] == "4; 3 of 4 in the lattice"
    assert told["of them by you"] == "1 added"
    assert told["confidence below 0.5"] == "1 (25.0 %)"
    assert told["median uncertainty"].startswith("± 4.0 pm")
    assert told["lattice vector a"].startswith("3.9013 ± 0.0021 Å")
    assert told["angle between them"] == "88.50°"
    assert told["spacings along a"] == "mean 390.1 pm, SD 7.2 pm (12 pairs)"
    assert "spacings along b" not in told
    assert told["strain xx against the median lattice"] == "mean 0.100 %, SD 1.230 %"
    assert "rotation against the median lattice" not in told
    assert told["sublattice A (Sr)"].startswith("3 columns")
    assert told["pixel size by the structure"] == "1.50 ± 0.07 % too small"
    assert told["columns found by"] == "a_network"
    assert told["refined by the profile of the image"].startswith("columns went 12.3 pm")
    assert told["SD of spacings along a"] == "9.8 pm by the network, 7.2 pm refined"


def test_remarks_on_the_image_and_on_its_lattice_are_all_there_and_are_no_html():
    page = applied_summary("a & b", {"pixel_size_A": 0.1, "remarks": ["A scale bar is masked."]}, SUMMARY, COLUMNS)
    assert re.findall("<li>(.*)</li>", page) == ["A scale bar is masked.", "The lattice is &lt;odd&gt;."]
    assert "<h1>a &amp; b</h1>" in page


def test_a_structure_that_does_not_fit_gives_no_number_to_trust():
    summary = SUMMARY | {"structure": {"fits": False, "pixel_size_error_percent": None}}
    told = rows(applied_summary("mine", {"pixel_size_A": 0.1}, summary, COLUMNS))
    assert told["named structure"].startswith("does not fit")
    assert "pixel size by the structure" not in told


def test_pixels_that_were_not_square_are_told():
    attributes = {"pixel_size_A": 0.1, "file_pixel_size_x_A": 0.1, "file_pixel_size_y_A": 0.2}
    assert "0.1 Å along x and 0.2 Å along y" in rows(applied_summary("mine", attributes, {}, COLUMNS))["pixel size"]


def test_an_image_without_columns_has_a_page():
    assert rows(applied_summary("mine", {"pixel_size_A": 0.1}, {}, COLUMNS.iloc[:0]))["columns"] == "0"
