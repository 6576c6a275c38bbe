import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stembench.application.lattice import analyse
from stembench.crystals.field import in_plane_turn

SQUARE = np.array([[3.9, 0.0], [0.0, 3.9]])
HEXAGONAL = 3.16 * np.array([[1.0, 0.0], [0.5, 3**0.5 / 2]])
#: Primitive cell of silicon along [110], cubic edge 5.431 A, and the second atom of its dumbbell.
SILICON = 5.431 * np.array([[2**-0.5, 0.0], [2**-0.5 / 2, 0.5]])
DUMBBELL = 5.431 * np.array([0.0, 0.25])
FIELD = (40.0, 40.0)


def crystal(vectors, basis=((0.0, 0.0),), intensities=(1.0,), field=FIELD, turn=0.0, seed=0, noise=0.05, change=None):
    """Columns of a crystal in a field, `basis` in A from the lattice points; `change` moves true positions."""
    rng = np.random.default_rng(seed)
    cells = np.stack(np.meshgrid(*[np.arange(-40, 41)] * 2), -1).reshape(-1, 2)
    places = np.concatenate([cells @ vectors + place for place in np.array(basis)]) @ in_plane_turn(np.radians(turn))
    places = places + np.array(field)[::-1] / 2 + rng.uniform(0, 1, 2)
    kinds = np.repeat(np.arange(len(basis)), len(cells))
    places = change(places) if change else places
    places = places + rng.normal(0, noise, places.shape)
    inside = np.all((places > 0) & (places < field[::-1]), axis=1)
    order = rng.permutation(np.flatnonzero(inside))
    brightness = np.array(intensities)[kinds[order]] * rng.normal(1, 0.05, len(order))
    return pd.DataFrame(
        {"x_A": places[order, 0], "y_A": places[order, 1], "intensity": brightness, "kind": kinds[order]}
    )


def spoiled(columns, missing=0.1, false=0.05, field=FIELD, seed=1):
    rng = np.random.default_rng(seed)
    kept = columns[rng.random(len(columns)) > missing]
    places = rng.uniform(0, 1, (round(false * len(kept)), 2)) * field[::-1]
    noise = pd.DataFrame({"x_A": places[:, 0], "y_A": places[:, 1], "intensity": 0.3, "kind": -1})
    return pd.concat([kept, noise], ignore_index=True)


def area(summary):
    a, b = ([summary[axis]["x_A"], summary[axis]["y_A"]] for axis in ("a", "b"))
    return abs(np.linalg.det([a, b]))


CRYSTALS = {
    "square": (SQUARE, [[0, 0]], [1.0]),
    "hexagonal": (HEXAGONAL, [[0, 0]], [1.0]),
    "dumbbells": (SILICON, [[0, 0], DUMBBELL], [1.0, 1.0]),
    "honeycomb": (HEXAGONAL, [[0, 0], HEXAGONAL.sum(axis=0) / 3], [1.0, 1.0]),
    "perovskite": (SQUARE, [[0, 0], [1.95, 1.95]], [1.0, 0.6]),
    "zigzag": (np.diag([3.94, 7.9]), [[0.24, 0], [-0.24, 3.95]], [1.0, 1.0]),
}


@pytest.mark.parametrize("name", CRYSTALS)
@settings(max_examples=3, deadline=None)
@given(turn=st.floats(0, 90), seed=st.integers(0, 99))
def test_the_cell_and_its_sublattices_are_found_at_any_rotation_with_columns_missing_and_false_ones(name, turn, seed):
    vectors, basis, intensities = CRYSTALS[name]
    columns = spoiled(crystal(vectors, basis, intensities, turn=turn, seed=seed, noise=0.08), seed=seed)
    found, summary = analyse(columns, FIELD)
    assert area(summary) == pytest.approx(abs(np.linalg.det(vectors)), rel=0.01)
    assert len(summary["sublattices"]) == len(basis)
    true = found.kind >= 0
    assert (found.sublattice[true] != "").mean() > 0.95
    assert (found.sublattice[~true] == "").mean() > 0.7
    assert found.kind[true & (found.sublattice != "")].groupby(found.sublattice).nunique().max() == 1


def test_lattice_vectors_are_those_put_in_within_their_standard_errors():
    off = []
    for seed in range(12):
        _, summary = analyse(crystal(SQUARE, seed=seed, turn=20, noise=0.1), FIELD)
        off.append((summary["a"]["length_A"] - 3.9) / summary["a"]["length_A_se"])
        off.append((summary["angle_deg"] - 90) / summary["angle_deg_se"])
    assert 0.5 < np.std(off) < 2


def test_sublattices_are_named_from_bright_to_dark_and_placed_from_the_first():
    _, summary = analyse(crystal(SQUARE, [[1.95, 1.95], [0, 0]], [0.5, 1.0]), FIELD)
    bright, dark = summary["sublattices"]
    assert (bright["name"], dark["name"]) == ("A", "B")
    assert (bright["fraction_a"], bright["fraction_b"]) == (0, 0)
    assert [dark["fraction_a"], dark["fraction_b"]] == pytest.approx([0.5, 0.5], abs=0.01)
    assert [bright["intensity"], dark["intensity"]] == pytest.approx([1.0, 0.5], rel=0.02)


def test_columns_whose_intensity_nobody_knows_have_a_sublattice_without_one():
    columns = crystal(SILICON, [[0, 0], DUMBBELL], [1.0, 1.0])
    columns.loc[columns.kind == 1, "intensity"] = np.nan
    found, summary = analyse(columns, FIELD)
    assert (found.sublattice == np.where(columns.kind == 0, "A", "B")).mean() > 0.95
    assert [part["intensity"] for part in summary["sublattices"]] == [pytest.approx(1, rel=0.02), None]
    json.dumps(summary, allow_nan=False)


@pytest.mark.parametrize("sign", [1, -1])
def test_of_two_equal_atoms_of_a_dumbbell_the_left_one_is_named_first(sign):
    """Also where dark columns count as the heavier, the darker, by the negative of their intensity."""
    for turn in (30, 120):
        found, _ = analyse(crystal(SILICON, [[0, 0], DUMBBELL], [sign, 1.04 * sign], turn=turn), FIELD)
        left = 1 if (DUMBBELL @ in_plane_turn(np.radians(turn)))[0] < 0 else 0
        assert (found.kind[found.sublattice == "A"] == left).all()


def test_equal_columns_are_not_told_apart_by_noise():
    for seed in range(8):
        _, summary = analyse(crystal(SQUARE, seed=seed, noise=0.15), FIELD)
        assert len(summary["sublattices"]) == 1


def test_a_displaced_column_is_displaced_from_its_neighbours_by_as_much():
    columns = crystal(SQUARE, noise=0.0, turn=15)
    middle = np.hypot(columns.x_A - 20, columns.y_A - 20).idxmin()
    columns.loc[middle, ["x_A", "y_A"]] += [0.12, -0.05]
    found, _ = analyse(columns, FIELD)
    assert found.loc[middle, ["displacement_x_pm", "displacement_y_pm"]].tolist() == pytest.approx([12, -5], abs=0.1)
    far = np.hypot(columns.x_A - 20, columns.y_A - 20) > 12
    displacements = found.loc[far, ["displacement_x_pm", "displacement_y_pm"]].dropna()
    assert len(displacements) > 20
    assert np.abs(displacements).to_numpy().max() < 0.1


def test_the_strain_of_a_region_is_that_put_in():
    width = 60.0

    def stretched(places):
        beyond = np.clip(places[:, 0] - 40, 0, None)
        return places + np.column_stack([0.03 * beyond, 0.02 * beyond])

    field = (40.0, width)
    found, _ = analyse(crystal(SQUARE, field=field, noise=0.0, change=stretched), field)
    beyond, before = found[found.x_A > 48].dropna(), found[found.x_A < 32].dropna()
    assert np.abs(before[["strain_xx", "strain_yy", "strain_xy", "rotation_deg"]]).to_numpy().max() < 1e-6
    # the polar decomposition of [[1.03, 0], [0.02, 1]], by hand: tan(angle) = (F21 - F12) / (F11 + F22)
    angle = np.arctan2(0.02, 2.03)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    stretch = turn.T @ np.array([[1.03, 0.0], [0.02, 1.0]])
    assert beyond.rotation_deg.to_numpy() == pytest.approx(np.degrees(angle), abs=1e-4)
    assert beyond.strain_xx.to_numpy() == pytest.approx(stretch[0, 0] - 1, abs=1e-6)
    assert beyond.strain_yy.to_numpy() == pytest.approx(stretch[1, 1] - 1, abs=1e-6)
    assert beyond.strain_xy.to_numpy() == pytest.approx(stretch[0, 1], abs=1e-6)


def test_neighbours_are_as_far_as_in_the_lattice_and_unknown_where_the_edge_is_nearer():
    found, _ = analyse(crystal(SQUARE, noise=0.0), FIELD)
    edge = np.minimum(np.minimum(found.x_A, 40 - found.x_A), np.minimum(found.y_A, 40 - found.y_A))
    distances = found[[f"neighbour_{n}_A" for n in range(1, 5)]].to_numpy()
    assert distances[edge > 3.91] == pytest.approx(3.9)
    assert np.isnan(distances[edge < 3.89]).all()


def test_spacings_have_the_scatter_of_two_columns():
    _, summary = analyse(crystal(SQUARE, noise=0.1, field=(120.0, 120.0)), (120.0, 120.0))
    for axis in ("a", "b"):
        assert summary["spacings"][axis]["mean_pm"] == pytest.approx(390, abs=2)
        assert summary["spacings"][axis]["sd_pm"] == pytest.approx(10 * 2**0.5, rel=0.1)


def test_drift_that_bends_the_lattice_by_half_a_cell_breaks_no_cell_and_displaces_no_column():
    def bent(places):
        return places + 2.0 * np.column_stack([np.sin(places[:, 1] / 40), np.cos(places[:, 0] / 50)])

    field = (200.0, 200.0)
    found, _ = analyse(crystal(SILICON, [[0, 0], DUMBBELL], [1, 1], field=field, change=bent, turn=20), field)
    assert (found.sublattice != "").mean() > 0.99
    assert found.kind.groupby(found.sublattice).nunique().max() == 1
    assert found[["displacement_x_pm", "displacement_y_pm"]].std().to_numpy() == pytest.approx(5.2, abs=0.6)


def test_of_two_grains_the_larger_one_is_analysed_and_the_other_one_remarked_on():
    one, other = crystal(SQUARE), crystal(SQUARE, turn=30, seed=5)
    both = pd.concat([one[one.x_A < 24], other[other.x_A >= 24]], keys=["one", "other"])
    found, summary = analyse(both, FIELD)
    assert (found.loc["one"].sublattice == "A").mean() > 0.95
    assert (found.loc["other"].sublattice == "").mean() > 0.9
    assert area(summary) == pytest.approx(3.9**2, rel=0.01)
    assert any("another lattice" in remark for remark in summary["remarks"])


def test_a_particle_on_an_amorphous_support_is_found():
    columns = crystal(HEXAGONAL, field=(60.0, 60.0))
    particle = columns[np.hypot(columns.x_A - 30, columns.y_A - 30) < 13]
    disordered = amorphous(400, 60.0, seed=0)
    disordered = disordered[np.hypot(disordered.x_A - 30, disordered.y_A - 30) > 15]
    found, summary = analyse(pd.concat([particle, disordered], keys=["particle", "rest"]), (60.0, 60.0))
    assert (found.loc["particle"].sublattice == "A").mean() > 0.9
    assert (found.loc["rest"].sublattice == "").mean() > 0.95
    assert any("no lattice" in remark for remark in summary["remarks"])


def amorphous(number, side, seed, apart=1.9):
    rng = np.random.default_rng(seed)
    places = np.empty((0, 2))
    while len(places) < number:
        place = rng.uniform(0, side, 2)
        if not len(places) or np.linalg.norm(places - place, axis=1).min() > apart:
            places = np.vstack([places, place])
    return pd.DataFrame({"x_A": places[:, 0], "y_A": places[:, 1], "intensity": rng.uniform(0.5, 1, number)})


@pytest.mark.parametrize("number", [0, 1, 3, 60, 300])
def test_columns_without_a_lattice_have_no_sublattice_and_a_remark_says_so(number):
    side = max(2.6 * number**0.5, 10)
    found, summary = analyse(amorphous(number, side, seed=number), (side, side))
    assert len(found) == number
    assert (found.sublattice == "").all()
    assert found[["displacement_x_pm", "strain_xx", "rotation_deg"]].isna().all(axis=None)
    assert summary["a"] is None
    assert summary["sublattices"] == []
    assert "no lattice" in summary["remarks"][0]
    json.dumps(summary, allow_nan=False)


def test_a_small_image_of_ten_columns_shows_its_lattice():
    field = (12.0, 12.0)
    columns = crystal(SQUARE, field=field, turn=8)
    assert len(columns) <= 10
    _, summary = analyse(columns, field)
    assert area(summary) == pytest.approx(3.9**2, rel=0.1)


def test_rows_index_and_other_columns_are_kept():
    columns = crystal(SQUARE).assign(confidence=0.9).set_index(pd.Index(range(500, 500 + len(crystal(SQUARE)))))
    found, _ = analyse(columns, FIELD)
    pd.testing.assert_frame_equal(found[columns.columns], columns)
