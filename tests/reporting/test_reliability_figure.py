import pandas as pd
import pytest
from stembench.application.reliability import coverage, nothing_judged, reliability
from stembench.reporting import reliability_figure
from stembench.reporting.reliability_figure import plot_reliability

RELIABILITY = pd.DataFrame(
    {"columns": [20, 80], "confidence": [0.4, 0.9], "true": [0.35, 0.95], "low": [0.2, 0.9], "high": [0.6, 0.99]}
)
DOSES = ["1", "10", "100"]
COVERAGE = pd.DataFrame(
    [
        {"dose": dose, "estimator": name, "columns": 100, "covered": covered}
        for name, covered in (("network", 0.68), ("refined", 0.5))
        for dose in [*DOSES, "all"]
    ]
)


@pytest.fixture
def drawn(monkeypatch):
    figures = []
    monkeypatch.setattr(reliability_figure, "write_figure", lambda figure, _: figures.append(figure))
    return figures


def test_points_are_those_of_the_tables(drawn):
    plot_reliability(RELIABILITY, COVERAGE, "net", [])
    left, right = drawn[0].axes
    assert left.containers[0].lines[0].get_xydata().tolist() == [[0.4, 0.35], [0.9, 0.95]]
    lines = {line.get_label(): line for line in right.lines}
    assert lines["position in the map"].get_xydata().tolist() == [[1, 68], [10, 68], [100, 68]]
    assert lines["refined"].get_ydata().tolist() == [50, 50, 50]


def test_images_without_a_dose_are_one_point(drawn):
    plot_reliability(RELIABILITY, COVERAGE[COVERAGE.dose == "all"], "net", [])
    _, right = drawn[0].axes
    assert [label.get_text() for label in right.get_xticklabels()] == ["all images"]


def test_a_network_that_found_nothing_has_a_figure_that_says_so(drawn):
    plot_reliability(reliability(nothing_judged()), coverage(nothing_judged()), "net", [])
    assert "no columns" in drawn[0].get_suptitle()
