import pytest
from stembench.evaluation.priors import told

STRUCTURES = {("Si", "110"): 1, ("Pt", "001"): 2, ("Pt", "110"): 3, ("NiO", "001"): 4}


def test_the_right_prior_is_the_images_own():
    assert told(STRUCTURES, "right") == STRUCTURES


def test_a_wrong_prior_is_of_another_material():
    materials = {structure: key[0] for key, structure in STRUCTURES.items()}
    for key, structure in told(STRUCTURES, "wrong").items():
        assert materials[structure] != key[0]


def test_without_a_prior_nothing_is_told():
    assert told(STRUCTURES, "none") == {}


def test_a_single_material_cannot_be_mistaken():
    with pytest.raises(ValueError, match="only Pt"):
        told({("Pt", "001"): 2, ("Pt", "110"): 3}, "wrong")


def test_an_unknown_prior_is_refused():
    with pytest.raises(ValueError, match="'half'"):
        told(STRUCTURES, "half")
