import pytest
from stembench.imaging.detectors import mode_of


@pytest.mark.parametrize(
    ("inner", "outer", "mode"),
    [
        (80, 200, "HAADF"),
        (98, 196, "HAADF"),
        (30, 60, "ADF"),
        (24, 48, "ADF"),
        (12, 24, "ABF"),
        (0, 12, "BF"),
        (0, 24, "BF"),
    ],
)
def test_the_angles_decide_the_mode(inner, outer, mode):
    assert mode_of(inner, outer, 24.0) == mode


@pytest.mark.parametrize(
    ("inner", "outer", "part"), [(10, 40, "end it at 24"), (50, 40, "order|smaller"), (-1, 5, "0 up")]
)
def test_what_is_no_detector_is_refused_with_a_remedy(inner, outer, part):
    with pytest.raises(ValueError, match=part):
        mode_of(inner, outer, 24.0)
