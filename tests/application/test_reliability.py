import numpy as np
import pandas as pd
import pytest
from stembench.application.reliability import coverage, nothing_judged, reliability


def judged(number: int = 6000) -> pd.DataFrame:
    """Columns with normal errors, whose bars are right at 10 counts and half as long at 100."""
    rng = np.random.default_rng(0)
    dose = np.where(np.arange(number) % 2, "100", "10")
    confidence = rng.uniform(0.05, 1, number)
    table = {"sample": 0, "structure": 0, "dose": dose, "noise": 1.0, "true": rng.uniform(size=number) < confidence}
    table |= {"resolved": True, "confidence": confidence}
    bars = np.where(dose == "10", 8.0, 4.0)
    for name in ("network", "refined"):
        table |= {f"{name}_uncertainty_pm": bars}
        table |= {f"{name}_error_{axis}_pm": rng.normal(0, 8, number) for axis in "xy"}
    return pd.DataFrame(table)


def test_coverage_is_that_of_a_normal_distribution_at_one_and_at_half_a_standard_deviation():
    rows = coverage(judged()).set_index(["dose", "estimator"])
    for name in ("network", "refined"):
        assert rows.covered["10", name] == pytest.approx(0.683, abs=0.02)
        assert rows.covered["100", name] == pytest.approx(0.383, abs=0.02)
        assert rows.covered["all", name] == pytest.approx(0.533, abs=0.02)
        assert rows.rmse_pm["10", name] == pytest.approx(8, rel=0.05)


def test_each_axis_is_covered_by_itself():
    table = judged()
    table["network_error_x_pm"] = 0.0
    row = coverage(table).set_index(["dose", "estimator"]).loc["10", "network"]
    assert (row.covered_x, row.covered) == pytest.approx((1, (1 + row.covered_y) / 2))


def test_false_columns_have_no_error_to_cover():
    table = judged()
    table.loc[~table.true, "network_error_x_pm"] = np.nan
    rows = coverage(table)
    assert (rows["columns"][rows.dose == "all"] == table.true.sum()).all()
    assert rows.rmse_pm.notna().all()


def test_confidence_that_is_right_lies_on_the_diagonal():
    rows = reliability(judged())
    assert rows["columns"].sum() == 6000
    assert rows.true.to_numpy() == pytest.approx(rows.confidence, abs=0.05)
    assert ((rows.low < rows.true) & (rows.true < rows.high)).all()


def test_the_interval_of_ten_columns_that_are_all_true_is_that_of_the_rule_of_three_and_some():
    table = judged(10).assign(true=True, confidence=1.0)
    (row,) = reliability(table).itertuples()
    assert (row.true, row.high) == (1, 1)
    assert row.low == pytest.approx(0.025**0.1)  # all of ten are true with a probability of 2.5 %


def test_nothing_that_was_judged_gives_tables_without_rows():
    assert coverage(nothing_judged()).empty
    assert reliability(nothing_judged()).empty
