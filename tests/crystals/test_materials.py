import pytest
from stembench.config import Config, load_config
from stembench.crystals.materials import check_zones, find_materials
from stembench.errors import InputError


@pytest.mark.parametrize(
    "name", ["my crystal", "my 'crystal'", 'a "b"', "crystal é", "{Pt}", "..Pt", "-Pt", "$(touch x)"]
)
def test_a_cif_whose_name_cannot_be_a_material_is_to_be_renamed(tmp_path, name):
    (tmp_path / f"{name}.cif").touch()
    with pytest.raises(InputError, match="rename it") as refused:
        find_materials(tmp_path, Config())
    assert f"{name}.cif" in str(refused.value)


SEEN = {"Pt": ("001", "110"), "Si": ("110",)}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"datasets": {"x": {"materials": ["Si"], "zones": ["001"]}}}, r"datasets\.x\.zones: 001 .*Si: 110.*add"),
        ({"datasets": {"x": {"zones": ["110", "123"]}}}, r"datasets\.x\.zones: 123 .*Pt: 001, 110; Si: 110"),
        ({"datasets": {"physical": {"zones": ["111"]}}}, r"datasets\.physical\.zones: 111"),
        ({"datasets": {"x": {"materials": ["Si", "Pt"], "zones": ["001"]}}}, r"datasets\.x\.zones: Si, which .*none"),
        (
            {"datasets": {"x": {"materials": ["Si", "No"]}}},
            r"datasets\.x\.materials: .*structures/No\.cif; add this file",
        ),
        (
            {"structures": {"held_out": ["Si"]}, "datasets": {"x": {"zones": ["111"]}}},
            r"x\.zones: 111 .*\(Pt: 001, 110\)",
        ),
        (
            {"generalisation": {"testsets": {"multislice": {"materials": ["Si"]}}}},
            r"generalisation\.testsets\.multislice\.zones: 001",
        ),
        ({"instrument": {"from": "images/", "materials": ["No"]}}, r"instrument\.materials: .*No\.cif; add this file"),
        ({"instrument": {"from": "images/", "materials": ["Pt"], "zones": ["123"]}}, r"instrument\.zones: 123"),
    ],
)
def test_a_recipe_that_a_user_sets_needs_materials_seen_along_its_zone_axes(content, message):
    with pytest.raises(InputError, match=message):
        check_zones(load_config(content), SEEN)


def test_recipes_that_ship_may_name_materials_and_zone_axes_that_are_not_there():
    assert Config().datasets["srtio3_linear"].materials == ("SrTiO3",)
    check_zones(Config(), SEEN)
    check_zones(load_config({"datasets": {"srtio3_linear": {"share": 0.5}}}), SEEN)


def test_a_recipe_of_several_zone_axes_takes_materials_that_are_seen_along_one():
    check_zones(load_config({"datasets": {"x": {"materials": ["Si", "Pt"], "zones": ["001", "110"]}}}), SEEN)


def test_a_comparison_of_the_user_needs_its_zone_axis_and_the_one_that_ships_is_left_out(tmp_path):
    (tmp_path / "SrTiO3.cif").touch()
    seen = find_materials(tmp_path, load_config({"structures": {"default_zones": ["110"]}}))
    assert seen == {"SrTiO3": ("110",)}
    with pytest.raises(InputError, match=r"multislice\.compared\.SrTiO3: '111'"):
        find_materials(tmp_path, load_config({"multislice": {"compared": {"SrTiO3": ["111"]}}}))


@pytest.mark.parametrize(
    ("content", "materials"),
    [
        ({}, {"Au", "Two"}),
        ({"structures": {"zones": {"Two#2": ["111"]}}}, {"Au", "Two#2"}),
        ({"structures": {"held_out": ["Two#1", "Two#2"]}}, {"Au", "Two#1", "Two#2"}),
        ({"datasets": {"x": {"materials": ["Two#2"]}}}, {"Au", "Two#2"}),
        ({"structures": {"zones": {"Two": ["111"], "Two#2": ["111"]}}}, {"Au", "Two", "Two#2"}),
    ],
)
def test_crystals_of_a_cif_that_are_named_take_the_place_of_the_cif(tmp_path, content, materials):
    for name in ("Au", "Two"):
        (tmp_path / f"{name}.cif").touch()
    found = find_materials(tmp_path, load_config(content))
    assert set(found) == materials
    if "zones" in content.get("structures", {}):
        assert found["Two#2"] == ("111",)


def test_a_crystal_of_a_cif_that_is_not_there_is_missing_by_the_name_of_the_cif(tmp_path):
    (tmp_path / "Au.cif").touch()
    with pytest.raises(
        InputError, match=r"structures\.zones\.Two#2: there is no .*/Two\.cif; add this file, or remove"
    ):
        find_materials(tmp_path, load_config({"structures": {"zones": {"Two#2": ["111"]}}}))


@pytest.mark.parametrize("name", ["Two#", "Two#0", "Two#a", "#2", "Two#1#2"])
def test_a_number_behind_a_material_counts_from_1(name):
    with pytest.raises(InputError, match="structures"):
        load_config({"structures": {"zones": {name: ["001"]}}})
