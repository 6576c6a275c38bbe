import math

import numpy as np
import pandas as pd
import pytest
from stembench.config import Evaluation
from stembench.evaluation.matching import (
    Truth,
    hull_of,
    is_judged,
    match,
    nearest_sums,
    published_scores,
    score_columns,
    seen_from,
)
from stembench.evaluation.metrics import (
    PUBLISHED_SCORES,
    compared_metrics,
    detection_metrics,
    detection_sums,
    grouped_detection_sums,
    precision_metrics,
)

SETTINGS = Evaluation(match_radius_A=0.5, border_A=1.0)
EXTENT = (10.0, 10.0)
PIXEL_SIZE = 0.1


def columns(positions, asked=True, resolved=True, neighbour=2.0, hidden=False, strength=1.0):
    positions = np.array(positions, float)
    table = pd.DataFrame(
        {"x_A": positions[:, 0], "y_A": positions[:, 1], "strength": strength, "neighbour_A": neighbour}
    )
    known = {"resolved": resolved, "hidden": hidden, "visibility": 12.0, "crlb_pm": np.nan, "rim_A": np.nan}
    return table.assign(asked=asked, **known)


def outcomes(found, table, **of_truth):
    truth = Truth.of(table, SETTINGS, **of_truth)
    scored = score_columns(np.array(found, float).reshape(-1, 2), truth, EXTENT, SETTINGS)
    return scored.outcome.value_counts().to_dict(), scored


def metrics_of(found, table, **of_truth):
    _, scored = outcomes(found, table, **of_truth)
    return detection_metrics(pd.DataFrame([detection_sums(scored)])).iloc[0]


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


def test_a_hull_tells_how_far_outside_of_it_a_point_lies():
    square = hull_of(np.array([[2.0, 2.0], [8.0, 2.0], [8.0, 8.0], [2.0, 8.0], [5.0, 5.0]]))
    distances = np.array([[5.0, 7.0], [8.5, 5.0], [1.0, 1.0]]) @ square[:, :2].T + square[:, 2]
    assert distances.max(axis=1) == pytest.approx([-1.0, 0.5, 1.0])


def test_outside_of_the_labelled_hull_nothing_is_scored():
    labelled = [[2, 2], [8, 2], [2, 8], [4, 4], [3.5, 5], [4, 3.2]]
    hull = hull_of(np.array(labelled, float))
    # In it: one found, one false, two missed. Outside, in its border of 1 A, or on its rim: four that are none.
    found = [[4, 4], [4.8, 3.4], [7, 7], [8, 2.1], [4.9, 4.9], [2.4, 4]]
    assert outcomes(found, columns(labelled), hull=hull)[0] == {"tp": 1, "fp": 1, "fn": 2}
    assert outcomes(found, columns(labelled))[0] == {"tp": 2, "fp": 4, "fn": 4}


def test_a_hull_stays_where_it_is_when_a_block_is_cut_out():
    corners = np.array([[2.0, 2.0], [8.0, 2.0], [2.0, 8.0]])
    assert seen_from(hull_of(corners), (1.0, -3.0)) == pytest.approx(hull_of(corners - [1.0, -3.0]))


def test_nothing_is_false_as_far_around_a_column_as_its_image_does_not_show_it():
    table = columns([[3.0, 5.0], [5.0, 5.0]], asked=[True, False]).assign(ignored_A=[0.0, 0.9])
    assert outcomes([[3, 5], [5, 5.8]], table)[0] == {"tp": 1}
    assert outcomes([[3, 5], [5, 6]], table)[0] == {"tp": 1, "fp": 1}
    assert outcomes([[3, 5], [5, 5.8]], table.drop(columns="ignored_A"))[0] == {"tp": 1, "fp": 1}


def test_published_scores_are_of_what_is_true_or_false():
    table = columns([[3.0, 5.0], [5.0, 5.0]], asked=[True, False]).assign(ignored_A=[0.0, 0.9])
    found = np.array([[3.2, 5.0], [5.0, 5.8], [7.0, 7.0]])
    assert is_judged(found, Truth.of(table, SETTINGS)).tolist() == [True, False, True]
    beside = columns([[4.8, 5.0], [5.0, 5.0]], asked=[True, False]).assign(ignored_A=[0.0, 0.9])
    assert is_judged(np.array([[4.9, 5.0]]), Truth.of(beside, SETTINGS)).all()  # it is the one that is asked for


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
    assert set(scored.visibility) == {12.0}
    _, scored = outcomes([[6, 6]], table.iloc[:0])
    assert scored.visibility.isna().all()
    assert list(zip(scored.outcome, scored.hidden, scored.strength)) == [("fp", False, 1.0)]


def test_errors_are_in_picometres_per_axis():
    _, scored = outcomes([[5.1, 4.8]], columns([[5, 5]]))
    assert scored.error_x_pm[0] == pytest.approx(10)
    assert scored.error_y_pm[0] == pytest.approx(-20)
    metrics = metrics_of([[5.1, 4.8]], columns([[5, 5]]))
    assert metrics.rmse_pm == pytest.approx(np.sqrt((100 + 400) / 2))
    assert (metrics.rmse_x_pm, metrics.rmse_y_pm) == pytest.approx((10, 20))
    assert (metrics.bias_x_pm, metrics.bias_y_pm) == pytest.approx((10, -20))
    assert metrics.bias_pm == pytest.approx(np.hypot(10, 20))


def test_errors_that_point_everywhere_have_no_bias():
    found = [[3.1, 3], [2.9, 6], [6, 3.1], [6, 5.9]]
    metrics = metrics_of(found, columns([[3, 3], [3, 6], [6, 3], [6, 6]]))
    assert metrics.bias_pm == pytest.approx(0, abs=1e-9)
    assert metrics.rmse_pm == pytest.approx(np.sqrt(100 / 2))


def test_references_that_were_found_themselves_score_detection_alone():
    metrics = metrics_of([[5.1, 5], [3, 3]], columns([[5, 5]]), exact=False)
    assert (metrics.precision, metrics.recall) == (0.5, 1)
    assert metrics.filter(regex="^(rmse|bias)").isna().all()


def test_metrics_by_hand():
    table = columns([[2, 2], [4, 4], [6, 6], [8, 8]])
    metrics = metrics_of([[2, 2], [4, 4], [6, 6], [3, 7]], table)
    assert (metrics.precision, metrics.recall, metrics.f1) == pytest.approx((0.75, 0.75, 0.75))
    assert metrics.jaccard == pytest.approx(3 / 5)
    assert np.isnan(metrics.rmse_over_crlb)


def published(found, truth):
    found, truth = (np.array(columns, float).reshape(-1, 2) for columns in (found, truth))
    return pd.Series(published_scores(found, truth, PIXEL_SIZE))


def test_published_variants_by_hand():
    # Of four true columns two are found and a third twice, so of four found ones three have a partner.
    scores = published([[2, 2], [4, 4], [6, 6], [6.2, 6]], [[2, 2], [4, 4], [6, 6], [6, 8]])
    assert scores.mutualnn_precision == pytest.approx(3 / 4)
    assert scores.mutualnn_recall == pytest.approx(3 / 4)
    assert scores.mutualnn_f1 == pytest.approx(3 / 4)
    assert scores.mutualnn_jaccard == pytest.approx(3 / 5)
    # From the found: 0, 0, 0, 0.2 A, and from the true: 0, 0, 0, 2 A; a mean each, in pixels of 0.1 A.
    assert scores.mutualnn_chamfer_px == pytest.approx((0.2 / 4 + 2 / 4) / 0.1)


def test_published_matching_has_no_radius():
    assert published([[2, 2]], [[8, 8]]).mutualnn_f1 == 1
    assert metrics_of([[2, 2]], columns([[8, 8]])).f1 == 0


def test_published_variants_are_means_over_images():
    # One image with one column, found, and one with three, of which none is.
    images = [published([[2, 2]], [[2, 2]]), published(np.empty((0, 2)), [[2, 2], [4, 4], [6, 6]])]
    sums = pd.DataFrame(images)[list(PUBLISHED_SCORES)]
    known = sums.notna().astype(float).add_suffix("_images")
    total = pd.concat([sums.fillna(0), known], axis=1).sum()
    empty = detection_sums(outcomes([], columns([[5, 5]]))[1]) | {"common": 0.0, "common_x2_y2_pm2": 0.0}
    metrics = compared_metrics((pd.Series(empty).to_frame().T).assign(**total)).iloc[0]
    assert metrics.mutualnn_recall == pytest.approx(0.5)  # of all columns it would be a quarter
    assert metrics.mutualnn_precision == 1  # where nothing is found, there is none


def lattice_of(side, spacing):
    return spacing * np.stack(np.meshgrid(np.arange(side), np.arange(side)), -1).reshape(-1, 2) + 2.0


def published_and_own(found, truth):
    settings = Evaluation(match_radius_A=0.5, border_A=0.0)
    scored = score_columns(found, Truth.of(columns(truth), settings), (84.0, 84.0), settings)
    own = detection_metrics(pd.DataFrame([detection_sums(scored)])).iloc[0]
    return pd.concat([own, published(found, truth)])


def test_published_variants_favour_random_points():
    found = np.random.default_rng(0).uniform(1, 81, (1600, 2))
    metrics = published_and_own(found, lattice_of(40, 2.0))
    assert metrics.mutualnn_f1 == pytest.approx(0.60, abs=0.03)
    assert metrics.f1 < 0.2


def test_published_variants_forgive_a_shifted_lattice():
    truth = lattice_of(40, 2.0)
    shifted = truth + np.array([0.45 * 2.0, 0])
    metrics = published_and_own(shifted, truth)
    assert metrics.mutualnn_f1 >= 0.999
    assert metrics.mutualnn_chamfer_px == pytest.approx(2 * 0.9 / PIXEL_SIZE)
    assert metrics.f1 == 0


def test_the_published_jaccard_index_forgives_half_of_the_columns():
    truth = lattice_of(40, 2.0)
    metrics = published_and_own(truth[::2], truth)
    assert metrics.mutualnn_jaccard == 1
    assert metrics.jaccard == pytest.approx(0.5)


NONE = np.empty((0, 2))


def test_nothing_found_has_no_precision_and_no_recall():
    metrics, scores = metrics_of(NONE, columns([[5, 5]])), published(NONE, [[5, 5]])
    assert np.isnan([metrics.precision, scores.mutualnn_precision]).all()
    assert metrics[["recall", "f1", "jaccard"]].eq(0).all()
    assert scores[["mutualnn_recall", "mutualnn_f1"]].eq(0).all()
    assert metrics.filter(regex="^(rmse|bias|chamfer)").isna().all()
    assert scores[["mutualnn_chamfer_px", "mutualnn_jaccard"]].isna().all()


def test_nothing_there_has_no_recall_and_no_precision():
    metrics, scores = metrics_of([[5, 5]], columns(NONE)), published([[5, 5]], NONE)
    assert np.isnan([metrics.recall, scores.mutualnn_recall]).all()
    assert metrics[["precision", "f1", "jaccard"]].eq(0).all()
    assert scores[["mutualnn_precision", "mutualnn_f1"]].eq(0).all()
    assert metrics.filter(regex="^(rmse|bias|chamfer)").isna().all()
    assert np.isnan(scores.mutualnn_chamfer_px)


def test_nothing_found_where_nothing_is_has_no_score():
    assert metrics_of(NONE, columns(NONE)).isna().all()
    assert published(NONE, NONE).isna().all()


def test_one_column_found_once_scores_1():
    metrics, scores = metrics_of([[5, 5]], columns([[5, 5]], neighbour=np.inf)), published([[5, 5]], [[5, 5]])
    assert metrics[["precision", "recall", "f1", "jaccard"]].eq(1).all()
    assert scores[["mutualnn_f1", "mutualnn_jaccard"]].eq(1).all()
    assert metrics[["rmse_pm", "bias_pm", "chamfer_A"]].eq(0).all()
    assert scores.mutualnn_chamfer_px == 0


def test_a_duplicate_costs_precision_and_no_recall():
    metrics, scores = metrics_of([[5, 5], [5, 5]], columns([[5, 5]])), published([[5, 5], [5, 5]], [[5, 5]])
    assert (metrics.precision, metrics.recall) == (0.5, 1)
    assert (scores.mutualnn_precision, scores.mutualnn_recall) == (0.5, 1)


def test_the_pull_of_a_neighbour_does_not_cancel_over_orientations():
    # Two dumbbells, across and down, whose columns are each found 5 pm towards the other.
    true = columns([[3, 3], [4, 3], [7, 6], [7, 7]], neighbour=1.0)
    metrics = metrics_of([[3.05, 3], [3.95, 3], [7, 6.05], [7, 6.95]], true)
    assert metrics.bias_pm == pytest.approx(0, abs=1e-9)
    assert metrics.bias_to_neighbour_pm == pytest.approx(5)
    apart = metrics_of([[2.9, 3], [4, 3], [7, 6], [7, 7]], true)
    assert apart.bias_to_neighbour_pm == pytest.approx(-10 / 4)


def test_a_neighbour_beyond_the_image_pulls_nowhere():
    assert np.isnan(metrics_of([[5.1, 5]], columns([[5, 5]], neighbour=2.0)).bias_to_neighbour_pm)
    far = columns([[2, 5], [7, 5]], neighbour=[5.0, 1.0])  # the second has one nearer, outside
    assert metrics_of([[2.1, 5], [7.1, 5]], far).bias_to_neighbour_pm == pytest.approx(10)


def test_an_error_over_its_bound_by_hand():
    table = columns([[3, 3], [6, 6]]).assign(crlb_pm=[5.0, 10.0])
    metrics = metrics_of([[3.1, 3.1], [6.1, 6.1]], table)
    assert metrics.rmse_over_crlb == pytest.approx(10 / np.sqrt((5**2 + 10**2) / 2))


def test_a_bound_beyond_a_third_of_the_match_radius_is_left_out():
    wide = columns([[3, 3], [6, 6]]).assign(crlb_pm=[5.0, 20.0])
    assert metrics_of([[3.1, 3.1], [6.4, 6]], wide).rmse_over_crlb == pytest.approx(10 / 5)
    narrow = columns([[3, 3]], neighbour=0.6).assign(crlb_pm=12.0)  # its radius is 0.3 A
    assert np.isnan(metrics_of([[3.1, 3.1]], narrow).rmse_over_crlb)


def test_the_bound_beside_a_precision_counts_missed_columns():
    _, scored = outcomes([[3.1, 3.1]], columns([[3, 3], [6, 6]]).assign(crlb_pm=[5.0, 10.0]))
    metrics = precision_metrics(pd.DataFrame([detection_sums(scored)])).iloc[0]
    assert metrics.rmse_pm == pytest.approx(10)
    assert metrics.crlb_pm == pytest.approx(np.sqrt((5**2 + 10**2) / 2))


def test_nearest_neighbours_of_nothing_are_none():
    none, three = (np.empty((0, 2)), np.empty(0, int)), (np.ones((3, 2)), np.zeros(3, int))
    for found, truth in ((none, three), (three, none), (none, none)):
        mutual, chamfer = nearest_sums(*found, *truth, 1)
        assert mutual.tolist() == [0]
        assert np.isnan(chamfer).all()


def test_nearest_neighbours_are_of_the_same_image():
    found, truth = np.array([[0.0, 0.0], [9.0, 9.0]]), np.array([[9.0, 9.0], [0.0, 1.0]])
    mutual, chamfer = nearest_sums(found, np.array([0, 1]), truth, np.array([0, 0]), 2)
    assert mutual.tolist() == [1, 0]
    assert chamfer[0] == pytest.approx(1 + (1 + np.hypot(9, 9)) / 2)
    assert np.isnan(chamfer[1])


def test_sums_of_many_images_at_once_are_those_of_each():
    rng = np.random.default_rng(0)
    outcome = rng.choice(["tp", "fn", "fp"], 900, p=[0.7, 0.2, 0.1])
    errors = ["error_x_pm", "error_y_pm", "error_to_neighbour_pm"]
    names = (*errors, "crlb_pm", "radius_A", "x_A", "y_A", "true_x_A", "true_y_A", "common")
    outcomes = pd.DataFrame(rng.uniform(0, 10, (900, 10)), columns=names).assign(outcome=outcome)
    outcomes.loc[outcome == "fn", ["x_A", "y_A"]] = np.nan
    outcomes.loc[outcome == "fp", ["true_x_A", "true_y_A"]] = np.nan
    outcomes.loc[outcome != "tp", errors] = np.nan
    outcomes.loc[rng.random(900) < 0.2, "error_to_neighbour_pm"] = np.nan
    groups = rng.integers(0, 30, 900)
    outcomes = outcomes[~((groups == 7) & (outcome != "fn"))]  # an image in which nothing was found
    groups = groups[outcomes.index]
    sums = grouped_detection_sums(outcomes, groups, 31, (outcomes.common > 5).to_numpy())
    for number in range(31):
        expected = image_sums(outcomes[groups == number])
        assert sums.iloc[number].to_dict() == pytest.approx(expected, rel=1e-12)


def image_sums(outcomes):
    """Return the sums of one image, pair by pair."""
    rows = outcomes.to_dict("records")
    true = [row for row in rows if row["outcome"] != "fp"]
    located = [row for row in rows if row["outcome"] == "tp"]
    within = [row for row in true if row["crlb_pm"] <= 100 * row["radius_A"] / 3]
    bounded = [row for row in within if row["outcome"] == "tp"]
    found = [(row["x_A"], row["y_A"]) for row in rows if row["outcome"] != "fn"]
    truth = [(row["true_x_A"], row["true_y_A"]) for row in true]
    chamfer = 0.0
    neighboured = [row for row in located if not math.isnan(row["error_to_neighbour_pm"])]
    common = [row for row in located if row["common"] > 5]
    if found and truth:
        to_truth = [min(truth, key=lambda place: math.dist(place, one)) for one in found]
        to_found = {place: min(found, key=lambda one: math.dist(place, one)) for place in truth}
        chamfer = sum(map(math.dist, found, to_truth)) / len(found)
        chamfer += sum(map(math.dist, to_found, to_found.values())) / len(truth)
    return {
        "images": 1,
        **{name: sum(row["outcome"] == name for row in rows) for name in ("tp", "fp", "fn")},
        "located": len(located),
        "x_pm": sum(row["error_x_pm"] for row in located),
        "y_pm": sum(row["error_y_pm"] for row in located),
        "x2_pm2": sum(row["error_x_pm"] ** 2 for row in located),
        "y2_pm2": sum(row["error_y_pm"] ** 2 for row in located),
        "neighboured": len(neighboured),
        "to_neighbour_pm": sum(row["error_to_neighbour_pm"] for row in neighboured),
        "common": len(common),
        "common_x2_y2_pm2": sum(row["error_x_pm"] ** 2 + row["error_y_pm"] ** 2 for row in common),
        "bounded": len(bounded),
        "bounded_x2_y2_pm2": sum(row["error_x_pm"] ** 2 + row["error_y_pm"] ** 2 for row in bounded),
        "crlb2_pm2": sum(row["crlb_pm"] ** 2 for row in bounded),
        "true_bounds": len(within),
        "true_crlb2_pm2": sum(row["crlb_pm"] ** 2 for row in within),
        "chamfer_A": chamfer,
        "chamfers": int(bool(found and truth)),
    }
