import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stembench.application.crystal import patterns_of
from stembench.application.lattice import analyse
from stembench.crystals.composition import composition
from stembench.crystals.field import columns_in_field, in_plane_turn
from stembench.imaging.linear import strength_of

pytestmark = pytest.mark.slow

FIELD = (40.0, 40.0)


def image_of(projection, rotation=0.0, change=None, least=0.12, seed=0, mirrored=False, contrast=1.0):
    """Columns of a crystal and what each holds; `change` is the matrix by which the image distorts rows (x, y)."""
    rng = np.random.default_rng(seed)
    places, sites, _ = columns_in_field(projection, (60.0, 60.0), np.radians(rotation), rng.uniform(0, 3, 2), 0.0)
    places = (places - 30) * ([-1, 1] if mirrored else [1, 1])
    places = places @ (np.eye(2) if change is None else change) + 20 + rng.normal(0, 0.06, places.shape)
    strengths = np.array(
        [sum(a["occupancy"] * strength_of(a["element"], 1.7) for a in c["atoms"]) for c in projection.columns]
    )
    strengths /= strengths.max()
    chosen = np.all((places > 0) & (places < 40), axis=1) & (strengths[sites] >= least) & (rng.random(len(sites)) > 0.1)
    holds = np.array([composition(column) for column in projection.columns])[sites[chosen]]
    intensity = strengths[sites[chosen]] ** contrast * rng.normal(1, 0.1, chosen.sum())
    return pd.DataFrame({"x_A": places[chosen, 0], "y_A": places[chosen, 1], "intensity": intensity, "holds": holds})


CRYSTALS = [
    ("SrTiO3", "001"), ("SrTiO3", "110"), ("Si", "110"), ("MoS2", "001"), ("DyScO3", "110"), ("TiO2", "110"),
    ("PtFe", "001"), ("ReS2", "001"), ("Au", "110"), ("graphene", "001"),
]  # fmt: skip


@pytest.mark.parametrize(("material", "zone"), CRYSTALS, ids="-".join)
@settings(max_examples=2, deadline=None)
@given(rotation=st.floats(-180, 180), seed=st.integers(0, 99))
def test_every_column_is_named_by_what_it_holds(projection_of, material, zone, rotation, seed):
    projection = projection_of(material, zone)
    found, summary = analyse(image_of(projection, rotation, seed=seed, least=0.15), FIELD, projection)
    structure = summary["structure"]
    assert structure["fits"]
    named = found.species != ""
    assert named.mean() > 0.95
    assert (found.species == found.holds)[named].all()
    assert structure["pixel_size_error_percent"] == pytest.approx(0, abs=0.5)
    assert structure["rms_pm"] == pytest.approx(6 * 2**0.5, rel=0.25)


def test_what_the_pixel_size_and_drift_change_is_told_along_both_axes(projection_of):
    projection = projection_of("SrTiO3", "001")
    change = np.array([[1.02, 0.0], [0.015, 1.05]])
    _, summary = analyse(image_of(projection, 20, change), FIELD, projection)
    structure = summary["structure"]
    for key, true in (("scale_x", 1.02), ("scale_y", 1.05), ("shear", 0.015)):
        assert abs(structure[key] - true) < 4 * structure[f"{key}_se"] < 0.01
    assert structure["rotation_deg"] == pytest.approx(20, abs=0.3)
    assert structure["pixel_size_error_percent"] == pytest.approx(100 * ((1.02 * 1.05) ** 0.5 - 1), abs=0.2)
    assert any("too large" in remark for remark in summary["remarks"])
    assert any("distorted" in remark for remark in summary["remarks"])


def test_the_standard_error_of_the_pixel_size_is_its_scatter(projection_of):
    projection = projection_of("Au", "110")
    found = [analyse(image_of(projection, 35, seed=seed), FIELD, projection)[1]["structure"] for seed in range(10)]
    errors = np.array([s["pixel_size_error_percent"] / s["pixel_size_error_percent_se"] for s in found])
    assert 0.5 < np.sqrt((errors**2).mean()) < 2


def test_a_right_pixel_size_is_not_remarked_on(projection_of):
    projection = projection_of("SrTiO3", "001")
    _, summary = analyse(image_of(projection, 20), FIELD, projection)
    assert summary["remarks"] == ["Columns of O are not among those found."]


@pytest.mark.parametrize(
    ("seen", "named"),
    [
        (("MoS2", "001"), ("SrTiO3", "001")),
        (("Si", "110"), ("SrTiO3", "110")),
        (("SrTiO3", "110"), ("SrTiO3", "001")),
        (("DyScO3", "110"), ("Au", "001")),
    ],
    ids=str,
)
def test_another_crystal_than_the_one_named_does_not_fit_and_no_number_is_given(projection_of, seen, named):
    found, summary = analyse(image_of(projection_of(*seen), 10), FIELD, projection_of(*named))
    assert summary["structure"]["fits"] is False
    assert summary["structure"]["pixel_size_error_percent"] is None
    assert (found.species == "").all()
    assert (found.sublattice != "").mean() > 0.9
    assert any("do not fit" in remark for remark in summary["remarks"])
    json.dumps(summary, allow_nan=False)


def test_a_crystal_seen_from_behind_is_mirrored(projection_of):
    projection = projection_of("ReS2", "001")
    for mirrored in (False, True):
        _, summary = analyse(image_of(projection, 25, mirrored=mirrored), FIELD, projection)
        assert summary["structure"]["mirrored"] is mirrored


def test_columns_too_alike_to_be_told_apart_are_told_apart_by_the_crystal(projection_of):
    columns = image_of(projection_of("SrTiO3", "001"), 20, contrast=0.12)
    _, alone = analyse(columns, FIELD)
    found, _ = analyse(columns, FIELD, projection_of("SrTiO3", "001"))
    assert len(alone["sublattices"]) == 1
    assert set(found.species) == {"Sr", "Ti + O"}
    assert (found.species == found.holds).all()


def test_titanium_of_rutile_along_100_repeats_by_half_the_cells_diagonal(projection_of):
    titanium = patterns_of(projection_of("TiO2", "100"))[-1]
    assert titanium.species == ("Ti",)
    assert abs(np.linalg.det(titanium.vectors)) == pytest.approx(2.9587 * 4.5937 / 2, rel=1e-3)
    assert "O" in titanium.not_seen


def test_a_result_without_a_lattice_still_says_that_nothing_fits(projection_of):
    nothing = pd.DataFrame({"x_A": [], "y_A": [], "intensity": []}, dtype=float)
    found, summary = analyse(nothing, FIELD, projection_of("Au", "001"))
    assert summary["structure"]["fits"] is False
    assert {"sublattice", "species", "neighbour_4_A", "rotation_deg"} <= set(found.columns)


def test_a_turn_by_the_angle_told_lays_the_crystal_onto_the_image(projection_of):
    projection = projection_of("TiO2", "110")
    _, summary = analyse(image_of(projection, 33), FIELD, projection)
    first = projection.lattice[0] @ in_plane_turn(np.radians(summary["structure"]["rotation_deg"]))
    found = [np.array([summary[axis]["x_A"], summary[axis]["y_A"]]) for axis in ("a", "b")]
    assert min(np.linalg.norm(first - sign * vector) for vector in found for sign in (1, -1)) < 0.05
