import pytest
from stembench.crystals.zones import parse_zone
from stembench.errors import InputError


def test_m_stands_for_minus():
    assert parse_zone("m110") == (-1, 1, 0)
    assert parse_zone("1m12") == (1, -1, 2)


@pytest.mark.parametrize(("zone", "part"), [("000", "[000]"), ("11", "three indices"), ("1-10", "m110"), ("", "three")])
def test_what_is_no_zone_axis_is_refused_with_a_remedy(zone, part):
    with pytest.raises(InputError, match=part.replace("[", r"\[")):
        parse_zone(zone)
