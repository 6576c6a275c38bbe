import numpy as np
import pytest
from stembench.imaging.column_peak import peak_intensity, peak_shift
from stembench.imaging.linear import linear_image
from stembench.imaging.probe import Probe

STEP = 0.02
COMA = {"coma": 1500.0}
THREEFOLD = {"threefold": 1200.0, "defocus": 25.0}
SOURCE = {"source_size": 0.9, "source_tail": 0.3, "source_tail_size": 2.2}


def maximum(probe: Probe, thermal_b: float) -> tuple[np.ndarray, float]:
    """Of a finely sampled image of a column at (2, 2), by a paraboloid through its highest pixels."""
    image = linear_image(np.full((1, 2), 2.0), np.ones(1), np.full(1, thermal_b), probe, (200, 200), STEP)
    row, column = np.unravel_index(image.argmax(), image.shape)
    near = image[row - 3 : row + 4, column - 3 : column + 4] / image.max()
    y, x = (part.ravel() - 3.0 for part in np.indices(near.shape))
    terms = np.stack([x**0, x, y, x**2, x * y, y**2], axis=1)
    _, *slopes, xx, xy, yy = np.linalg.lstsq(terms, near.ravel(), rcond=None)[0]
    top = np.linalg.solve([[2 * xx, xy], [xy, 2 * yy]], -np.array(slopes))
    return (np.array([column, row]) + top) * STEP - 2.0, float(image.max())


@pytest.mark.parametrize("turn", [0.0, 0.7, 2.5, -1.9])
@pytest.mark.parametrize("aberrations", [COMA, THREEFOLD, COMA | THREEFOLD, COMA | THREEFOLD | SOURCE])
def test_a_column_appears_at_the_maximum_of_its_image(aberrations, turn):
    probe = Probe(200e3, 24, coma_angle=turn, threefold_angle=0.6 * turn, **aberrations)
    for thermal_b in (0.2, 1.2):
        place, height = maximum(probe, thermal_b)
        assert peak_shift(probe, np.array([thermal_b]))[0] == pytest.approx(place, abs=0.01)
        assert peak_intensity(probe, np.array([thermal_b]))[0] == pytest.approx(height, rel=2e-3)


def test_coma_moves_a_column_along_its_azimuth():
    probes = [Probe(200e3, 24, 0.9, coma=1500.0, coma_angle=angle) for angle in (0.4, 0.4 + np.pi)]
    shifts = [peak_shift(probe, np.array([0.5]))[0] for probe in probes]
    assert shifts[0] == pytest.approx(-shifts[1], abs=1e-4)
    assert np.linalg.norm(shifts[0]) > 0.1
    assert abs(np.sin(np.arctan2(*shifts[0][::-1]) - 0.4)) < 1e-3


def test_a_probe_that_is_the_same_after_half_a_turn_moves_nothing():
    probe = Probe(200e3, 24, 0.9, defocus=40.0, astigmatism=30.0, star=2e4, c3=1e5)
    assert not peak_shift(probe, np.array([0.3, 0.8])).any()
