import pytest
from stembench.config import Config, load_config
from stembench.crystals.materials import find_materials
from stembench.errors import InputError


@pytest.mark.parametrize(
    "name", ["my crystal", "my 'crystal'", 'a "b"', "crystal é", "{Pt}", "..Pt", "-Pt", "$(touch x)"]
)
def test_a_cif_whose_name_cannot_be_a_material_is_to_be_renamed(tmp_path, name):
    (tmp_path / f"{name}.cif").touch()
    with pytest.raises(InputError, match="rename it") as refused:
        find_materials(tmp_path, Config())
    assert f"{name}.cif" in str(refused.value)


def test_the_materials_and_zones_of_an_instrument_have_to_be_there(tmp_path):
    (tmp_path / "SrTiO3.cif").touch()
    told = {"from": "images/", "materials": ["SrTiO3"]}
    for change, message in (
        ({"materials": ["Unobtainium"]}, r"instrument\.materials: .*Unobtainium\.cif; add it"),
        ({"zones": ["123"]}, r"instrument\.zones: 123 is none of its materials' \(001, 110\)"),
    ):
        with pytest.raises(InputError, match=message):
            find_materials(tmp_path, load_config({"instrument": told | change}))
