import shutil

import numpy as np
import pytest
from stembench.application import measuring
from stembench.application.columns import find_columns
from stembench.errors import InputError
from stembench.networks.registry import build, save
from stembench.trained_network import TrainedNetwork

COLUMNS = ["x_A", "y_A", "intensity", "confidence", "uncertainty_pm"]
FOUND_BY_NETWORK = ["network_x_A", "network_y_A"]


@pytest.fixture
def folder(network_folder, stand_in):
    return network_folder


def drawn(pixel_size: float, extent_A: float = 14.0):
    """A lattice, 400 counts at the peak of a pixel of 0.1 A on 100, and its columns [A]."""
    axis = np.arange(2.0, extent_A - 1.5, 2.0)
    places = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    places = places + np.random.default_rng(0).uniform(-0.1, 0.1, places.shape)
    grid = pixel_size * np.arange(round(extent_A / pixel_size))
    along_x, along_y = (np.exp(-((grid - p[:, None]) ** 2) / (2 * 0.35**2)) for p in places.T)
    expected = (pixel_size / 0.1) ** 2 * (400 * along_y.T @ along_x + 100)
    return np.random.default_rng(1).poisson(expected).astype(float), places


def errors_pm(found, places):
    positions = found[["x_A", "y_A"]].to_numpy()
    distances = np.linalg.norm(positions[:, None] - places, axis=2)
    assert np.array_equal(np.sort(distances.argmin(axis=1)), np.arange(len(places)))
    return 100 * (positions - places[distances.argmin(axis=1)])


@pytest.mark.parametrize("pixel_size", [0.03, 0.1, 0.2])
@pytest.mark.parametrize("refine", [False, True])
def test_columns_are_where_they_are_whatever_the_pixels(pixel_size, refine, folder):
    image, places = drawn(pixel_size)
    found = find_columns(image, pixel_size, folder, refine=refine)
    assert list(found) == COLUMNS + refine * FOUND_BY_NETWORK
    error = np.sqrt(np.mean(errors_pm(found, places) ** 2))
    assert error < 5
    assert (found.confidence > 0.5).all()
    # This image is clearer than those that bars are fitted to.
    assert found.uncertainty_pm.between(0.4 * error, 6 * error).all()


def test_dark_columns_on_another_scale_are_found_where_bright_ones_are(folder):
    image, _ = drawn(0.1)
    for refine in (False, True):
        bright = find_columns(image, 0.1, folder, refine=refine)
        dark = find_columns(5000 - 3 * image, 0.1, folder, mode="ABF", refine=refine)
        same = ["x_A", "y_A", "confidence", "uncertainty_pm"]
        assert dark[same].to_numpy() == pytest.approx(bright[same].to_numpy(), abs=0.01)
        assert dark.intensity.to_numpy() == pytest.approx(5000 - 3 * bright.intensity, rel=1e-6)


def test_the_intensity_is_a_gaussian_mean_on_the_scale_of_the_image(folder):
    image, _ = drawn(0.1)
    found = find_columns(image, 0.1, folder)
    peak = 400 * 0.35**2 / (0.35**2 + 0.3**2)  # a Gaussian's, after another
    assert found.intensity.median() == pytest.approx(100 + peak, rel=0.03)


def test_a_fit_moves_columns_and_gives_bars_of_its_own(folder):
    image, places = drawn(0.1)
    one, other = (find_columns(image, 0.1, folder, refine=refine) for refine in (False, True))
    assert np.abs(errors_pm(other, places)).mean() < np.abs(errors_pm(one, places)).mean()
    assert (one.uncertainty_pm != other.uncertainty_pm).all()
    assert (one.confidence == other.confidence).all()


def test_nothing_is_found_where_nothing_was_measured(folder):
    image, places = drawn(0.1)
    image[:, :70] = np.nan
    for refine in (False, True):
        found = find_columns(image, 0.1, folder, refine=refine)
        assert found.x_A.min() > 6.9
        assert len(found) >= np.sum(places[:, 0] > 7.5)
        assert found.notna().all(axis=None)


@pytest.mark.parametrize("refine", [False, True])
def test_an_image_without_columns_gives_a_table_without_rows(refine, folder):
    found = find_columns(np.ones((64, 64)), 0.1, folder, refine=refine)
    assert list(found) == COLUMNS + refine * FOUND_BY_NETWORK
    assert found.empty


def test_what_is_found_with_the_structure_alone_is_marked(folder, monkeypatch, projection_of):
    image, _ = drawn(0.1)
    whole = measuring.map_of

    def right_half_with_the_structure_alone(network, image, context, **_):
        return whole(network, image) * (bool(context) | (np.arange(image.shape[1]) < 70))

    monkeypatch.setattr(measuring, "map_of", right_half_with_the_structure_alone)
    monkeypatch.setattr(TrainedNetwork, "told_of", lambda *_: {"prior": np.zeros(1)})
    found = find_columns(image, 0.1, folder, structure=projection_of("Si", "110"))
    assert list(found) == [*COLUMNS, *FOUND_BY_NETWORK, "only_with_structure"]
    assert found.only_with_structure.equals(found.network_x_A > 7)
    assert "only_with_structure" not in find_columns(image, 0.1, folder)


def test_a_network_that_knows_no_structures_finds_the_same_with_one(folder, projection_of):
    image, _ = drawn(0.1)
    untold, told = (find_columns(image, 0.1, folder, structure=one) for one in (None, projection_of("Si", "110")))
    assert told.equals(untold)


def test_a_network_of_another_task_is_refused(tmp_path):
    record = {"architecture": "fcn", "width": 0.1, "task": "denoise", "options": {}}
    save(tmp_path, build("fcn", 0.1, 0, "denoise"), record)
    with pytest.raises(InputError, match="name one for localise"):
        find_columns(np.ones((64, 64)), 0.1, tmp_path)


def test_a_network_that_is_not_characterised_is_refused(folder, tmp_path):
    for name in ("weights.safetensors", "model.json"):
        shutil.copy(folder / name, tmp_path)
    with pytest.raises(InputError, match="not characterised"):
        find_columns(np.ones((64, 64)), 0.1, tmp_path)
