import numpy as np
import pytest
from stembench.noise.background import BACKGROUNDS
from stembench.noise.splines import cubic_basis

SHAPE = (60, 90)


@pytest.mark.parametrize("kind", BACKGROUNDS)
def test_backgrounds_lie_between_0_and_1_and_repeat(kind):
    one, again = (BACKGROUNDS[kind](SHAPE, 0.7, np.random.default_rng(3)) for _ in range(2))
    assert one.shape == SHAPE
    assert one.min() >= 0
    assert one.max() == pytest.approx(1)
    assert np.array_equal(one, again)


def test_a_ramp_rises_in_its_direction():
    image = BACKGROUNDS["ramp"](SHAPE, np.pi / 2, np.random.default_rng(0))
    assert np.ptp(image, axis=1).max() < 1e-12
    assert np.diff(image[:, 0]) == pytest.approx(1 / 59)


def test_a_wedge_begins_somewhere_in_the_image():
    image = BACKGROUNDS["wedge"](SHAPE, 0.0, np.random.default_rng(0))
    assert 0 < (image[0] == 0).mean() < 1
    assert (np.diff(image[0]) >= 0).all()


def test_perlin_like_noise_has_more_of_the_long_waves():
    rng = np.random.default_rng(0)
    power = np.mean(
        [np.abs(np.fft.rfft(BACKGROUNDS["perlin"]((256, 256), 0.0, rng), axis=1)) ** 2 for _ in range(8)], 0
    )
    power = power.mean(axis=0)
    assert power[1:4].mean() > 30 * power[20:40].mean() > 0


def test_a_cubic_basis_adds_to_one_and_keeps_straight_lines():
    places = np.linspace(1, 6.9, 50)
    basis = cubic_basis(places, 9)
    assert basis.sum(axis=1) == pytest.approx(1)
    assert basis @ np.arange(9) == pytest.approx(places)
