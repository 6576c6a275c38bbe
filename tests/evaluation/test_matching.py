import numpy as np
import pandas as pd
import pytest
from stembench.config import Evaluation
from stembench.evaluation.matching import Truth, chamfer, match, mutual_nearest, score_columns
from stembench.evaluation.metrics import detection_metrics, detection_sums

SETTINGS = Evaluation(match_radius_A=0.5, border_A=1.0)
EXTENT = (10.0, 10.0)


def columns(positions, asked=True, resolved=True, neighbour=2.0, hidden=False, strength=1.0):
    positions = np.array(positions, float)
    table = pd.DataFrame(
        {"x_A": positions[:, 0], "y_A": positions[:, 1], "strength": strength, "neighbour_A": neighbour}
    )
    return table.assign(asked=asked, resolved=resolved, hidden=hidden, rim_A=np.nan, crlb_pm=np.nan)


def outcomes(found, table):
    scored = score_columns(np.array(found, float).reshape(-1, 2), Truth.of(table, SETTINGS), EXTENT, SETTINGS)
    return scored.outcome.value_counts().to_dict(), scored


def test_matching_is_optimal_not_greedy():
    found, truth = np.array([[0.0, 0.0], [0.4, 0.0]]), np.array([[0.3, 0.0], [0.75, 0.0]])
    pairs = match(found, truth, np.array([0.5, 0.5]))
    assert sorted(zip(*pairs)) == [(0, 0), (1, 1)]


def test_one_found_column_matches_one_true_one():
    counts, _ = outcomes([[5, 5], [5.1, 5]], columns([[5, 5]]))
    assert counts == {"tp": 1, "fp": 1}


def test_a_match_lies_within_the_radius_or_half_the_neighbour_distance():
    assert outcomes([[5.4, 5]], columns([[5, 5]]))[0] == {"tp": 1}
    assert outcomes([[5.6, 5]], columns([[5, 5]]))[0] == {"fp": 1, "fn": 1}
    assert outcomes([[5.4, 5]], columns([[5, 5]], neighbour=0.6))[0] == {"fp": 1, "fn": 1}


def test_the_border_is_left_out_on_both_sides():
    assert outcomes([[0.5, 5], [0.2, 9.9]], columns([[0.6, 5], [9.5, 5], [5, 5]]))[0] == {"fn": 1}


def test_a_match_across_the_border_is_judged_by_its_truth():
    assert outcomes([[0.9, 5]], columns([[1.1, 5]]))[0] == {"tp": 1}
    assert outcomes([[1.1, 5]], columns([[0.9, 5]]))[0] == {}


def test_columns_that_are_not_asked_for_neither_miss_nor_accuse():
    table = pd.concat([columns([[5, 5]]), columns([[3, 3]], asked=False)], ignore_index=True)
    assert outcomes([[5, 5], [3.1, 3]], table)[0] == {"tp": 1}
    assert outcomes([[5, 5]], table)[0] == {"tp": 1}


def test_a_false_column_counts_where_its_nearest_neighbour_does():
    table = pd.concat([columns([[3, 3]]), columns([[7, 7]], resolved=False)], ignore_index=True)
    _, scored = outcomes([[6, 6]], table)
    assert not scored[scored.outcome == "fp"].resolved.any()


def test_an_outcome_tells_whether_its_column_is_hidden_and_how_strong():
    table = pd.concat([columns([[3, 3]], hidden=True), columns([[7, 7]], strength=0.3)], ignore_index=True)
    _, scored = outcomes([[6, 6], [7, 7]], table)
    assert dict(zip(scored.outcome, scored.hidden)) == {"tp": False, "fp": False, "fn": True}
    assert dict(zip(scored.outcome, scored.strength)) == {"tp": 0.3, "fp": 0.3, "fn": 1.0}
    _, scored = outcomes([[6, 6]], table.iloc[:0])
    assert list(zip(scored.outcome, scored.hidden, scored.strength)) == [("fp", False, 1.0)]


def test_errors_are_in_picometres_per_axis():
    _, scored = outcomes([[5.1, 4.8]], columns([[5, 5]]))
    assert scored.error_x_pm[0] == pytest.approx(10)
    assert scored.error_y_pm[0] == pytest.approx(-20)
    metrics = detection_metrics(pd.DataFrame([detection_sums(scored, 0.5)])).iloc[0]
    assert metrics.rmse_pm == pytest.approx(np.sqrt((100 + 400) / 2))
    assert metrics.bias_pm == pytest.approx(np.hypot(10, 20))


def test_metrics_by_hand():
    table = columns([[2, 2], [4, 4], [6, 6], [8, 8]])
    _, scored = outcomes([[2, 2], [4, 4], [6, 6], [3, 7]], table)
    metrics = detection_metrics(pd.DataFrame([detection_sums(scored, 0.5)])).iloc[0]
    assert (metrics.precision, metrics.recall, metrics.f1) == pytest.approx((0.75, 0.75, 0.75))
    assert metrics.jaccard == pytest.approx(3 / 5)
    assert np.isnan(metrics.rmse_over_crlb)


def test_published_matching_forgives_a_shifted_lattice():
    lattice = np.stack(np.meshgrid(np.arange(10.0), np.arange(10.0)), -1).reshape(-1, 2)
    shifted = lattice + np.array([0.45, 0])
    assert mutual_nearest(shifted, lattice) == 100
    assert chamfer(shifted, lattice) == pytest.approx(0.9)


def test_nothing_found_and_nothing_there_are_legal():
    assert outcomes(np.empty((0, 2)), columns([[5, 5]]))[0] == {"fn": 1}
    assert outcomes([[5, 5]], columns(np.empty((0, 2))))[0] == {"fp": 1}
