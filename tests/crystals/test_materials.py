import pytest
from stembench.config import Config
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
