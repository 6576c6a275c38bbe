import numpy as np
import pytest
from stembench.baselines.finders import FINDERS
from stembench.baselines.finders.base import Finder
from stembench.localisation.peaks import PeakSettings, find_columns

SETTINGS = PeakSettings(0.3, 0.0, 0.4, relative=True)
PIXEL_SIZE = 0.1
ON_IMAGES = [name for name in FINDERS if not FINDERS.load(name).needs_structure]
COLUMNS = np.array([(x + 0.03, y - 0.02) for x in (2.0, 4.5, 7.0) for y in (2.0, 4.5, 7.0)])


@pytest.fixture
def image():
    """Nine columns of 0.5 A at 50 counts on a background."""
    y, x = np.mgrid[:100, :100] * PIXEL_SIZE
    clean = sum(np.exp(-((x - a) ** 2 + (y - b) ** 2) / (2 * 0.5**2)) for a, b in COLUMNS)
    return np.random.default_rng(0).poisson(50 * clean + 5).astype(float)


def errors(found):
    return np.linalg.norm(found[:, None] - COLUMNS, axis=-1).min(axis=0)


@pytest.mark.parametrize("name", ON_IMAGES)
def test_a_finder_gives_as_many_heights_as_positions(name, image):
    positions, heights = FINDERS.load(name).find(image, PIXEL_SIZE, SETTINGS)
    assert positions.shape == (9, 2)
    assert heights.shape == (9,)


@pytest.mark.parametrize("name", ["gaussian_fit", "gaussian_fit_atomap"])
def test_a_fit_refines_the_maxima(name, image):
    starts, refined = (find(image, PIXEL_SIZE, SETTINGS)[0] for find in (find_columns, FINDERS.load(name).find))
    assert errors(refined).mean() < errors(starts).mean()


def test_random_points_are_repeatable(image):
    find = FINDERS.load("random_points").find
    assert np.array_equal(find(image, PIXEL_SIZE, SETTINGS)[0], find(image, PIXEL_SIZE, SETTINGS)[0])


def test_finders_that_share_settings_share_those_of_a_finder_that_is_tuned():
    for name in FINDERS:
        shared = FINDERS.load(name).tuned_as
        assert shared is None or FINDERS.load(shared).settings, name


def test_every_finder_runs_in_an_environment_that_is_there(repository):
    for name in FINDERS:
        assert (repository / "envs" / f"{FINDERS.load(name).environment}.yaml").exists(), name


@pytest.mark.parametrize("tuning", [{}, {"settings": (SETTINGS,), "tuned_as": "smoothed_maxima"}])
def test_a_finder_has_settings_of_its_own_or_those_of_another(tuning):
    with pytest.raises(ValueError, match="tuned_as"):
        Finder(find=find_columns, **tuning)
