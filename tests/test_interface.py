"""The functions at the top level of the package."""

import numpy as np
import pytest
import stembench
import valid_files
from stembench.application import columns, denoising
from stembench.config import Config
from stembench.errors import InputError
from stembench.planning.choice import SHIPPED, candidates, choose

pytestmark = pytest.mark.slow

PIXEL_SIZE_A = 0.1


@pytest.fixture(scope="module")
def counts():
    """Counts of an image of 4 x 4 columns, of shape (y, x) = (96, 104)."""
    y, x = np.indices((96, 104))
    places = [(x0, y0) for x0 in range(16, 90, 20) for y0 in range(16, 90, 20)]
    clean = sum(50 * np.exp(-((x - x0) ** 2 + (y - y0) ** 2) / (2 * 4**2)) for x0, y0 in places)
    return np.random.default_rng(0).poisson(clean + 5).astype(np.uint16)


@pytest.fixture
def bare(counts, tmp_path):
    """A file without a pixel size."""
    np.save(tmp_path / "image.npy", counts)
    return tmp_path / "image.npy"


@pytest.fixture
def calibrated(counts, tmp_path):
    """A file with a pixel size."""
    valid_files.mrc(tmp_path / "image.mrc", counts, PIXEL_SIZE_A / 10)
    return tmp_path / "image.mrc"


def test_an_image_is_read_with_its_pixel_size(calibrated, counts):
    image = stembench.read(calibrated)
    assert image.dims == ("y", "x")
    assert image.attrs["pixel_size_A"] == pytest.approx(PIXEL_SIZE_A, rel=1e-3)
    assert image.attrs["mode"] == "HAADF"
    np.testing.assert_array_equal(image, counts)


def test_an_image_whose_file_holds_no_pixel_size_is_read_without_one(bare, counts):
    image = stembench.read(bare)
    assert not {key for key in image.attrs if "pixel_size" in key}
    np.testing.assert_array_equal(image, counts)


def test_dark_columns_are_seen_in_an_image_without_a_pixel_size(tmp_path, counts):
    np.save(tmp_path / "bright_field.npy", 100.0 - counts)
    assert stembench.read(tmp_path / "bright_field.npy").attrs["mode"] == "BF"


def test_a_pixel_size_and_a_mode_that_are_given_go_before_what_the_file_says(calibrated):
    image = stembench.read(calibrated, pixel_size_A=0.12, mode="ADF")
    assert (image.attrs["pixel_size_A"], image.attrs["mode"]) == (0.12, "ADF")


def test_the_frames_of_a_stack_are_averaged_or_kept(tmp_path, counts):
    np.save(tmp_path / "stack.npy", np.stack([counts, counts]).astype(np.float32))
    assert stembench.read(tmp_path / "stack.npy").dims == ("y", "x")
    assert stembench.read(tmp_path / "stack.npy", frames="each").shape == (2, *counts.shape)


def test_columns_are_those_of_the_best_network_that_ships(counts):
    best = max(candidates("localise", SHIPPED, None), key=lambda network: network.score)
    expected = columns.find_columns(counts, PIXEL_SIZE_A, best.folder)
    found = stembench.find_columns(counts, PIXEL_SIZE_A)
    assert [*found] == ["x_A", "y_A", "intensity", "confidence", "uncertainty_pm", "network_x_A", "network_y_A"]
    assert len(found) == 16
    np.testing.assert_array_equal(found, expected)


def test_columns_are_found_with_the_pixel_size_and_mode_that_the_image_carries(calibrated, tmp_path, counts):
    bright = stembench.find_columns(stembench.read(calibrated))
    assert np.ptp(bright.x_A) == pytest.approx(60 * PIXEL_SIZE_A, abs=0.1)
    dark = stembench.read(calibrated, mode="BF")
    dark.values = counts.max() - counts
    assert len(stembench.find_columns(dark)) == len(bright)


def test_networks_trained_in_the_working_folder_do_not_change_what_is_applied(monkeypatch, tmp_path):
    """A better network of the workflow is for `make apply`."""
    better = tmp_path / "results" / "demo" / "models" / "a" / "localise" / "physical" / "seed0"
    better.mkdir(parents=True)
    for name, text in (
        ("ranking.json", '{"task": "localise", "metric": "f1", "ranked_on": "general", "score": 1}'),
        ("model.json", '{"dataset": "physical", "weights_sha256": "0", "architecture": "a"}'),
        ("weights.safetensors", ""),
        ("characterisation.json", "{}"),
    ):
        (better / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    assert choose(Config(), "localise").architecture == "a"
    assert choose(Config(), "localise", results=None).architecture == "atomai_segmentor"


def test_a_denoised_image_is_of_the_kind_of_the_image(calibrated, counts):
    image = stembench.read(calibrated)
    clean = stembench.denoise(image)
    assert clean.attrs == image.attrs
    pixels = stembench.denoise(image.values, image.attrs["pixel_size_A"])
    assert isinstance(pixels, np.ndarray)
    np.testing.assert_array_equal(clean, pixels)
    best = choose(Config(), "denoise", results=None).folder
    np.testing.assert_array_equal(pixels, denoising.denoise(counts, image.attrs["pixel_size_A"], best))


def test_a_denoised_image_carries_the_pixel_size_that_was_passed(bare):
    clean = stembench.denoise(stembench.read(bare), PIXEL_SIZE_A)
    assert len(stembench.find_columns(clean)) == 16


@pytest.mark.parametrize(("zone", "indices"), [("001", (0, 0, 1)), ("m110", (-1, 1, 0)), ("111", (1, 1, 1))])
def test_a_zone_axis_is_written_as_in_the_configuration_or_as_indices(repository, zone, indices):
    crystal = stembench.read_crystal(repository / "structures" / "SrTiO3.cif")
    named, numbered = (stembench.project_structure(crystal, each) for each in (zone, indices))
    np.testing.assert_array_equal(named.lattice, numbered.lattice)
    assert named.columns == numbered.columns


def test_one_crystal_of_a_file_is_chosen_and_what_was_assumed_is_told(repository, tmp_path):
    text = (repository / "structures" / "SrTiO3.cif").read_text(encoding="utf-8")
    (tmp_path / "two.cif").write_text(f"{text}\n{text.replace('Sr', 'Ba')}\n_x 'broken\n", encoding="utf-8")
    crystal = stembench.read_crystal(tmp_path / "two.cif", phase=2)
    assert crystal.elements[0] == "Ba"
    assert crystal.remarks == ("quotes or lines that break the rules of CIF were mended",)


MISTAKES = {
    "no file": (lambda image: stembench.read("none.dm4"), r"none\.dm4: there is no such file"),
    "no pixel size": (
        lambda image: stembench.find_columns(image),
        r"pixel size .* is unknown; pass .*pixel_size_A=0\.1",
    ),
    "no pixel size to denoise with": (lambda image: stembench.denoise(image), r"unknown; pass .*pixel_size_A=0\.1"),
    "a size in pm": (lambda image: stembench.find_columns(image, 10), r"pixel_size_A is 10, .*; pass it in angstrom"),
    "no size": (lambda image: stembench.find_columns(image, np.nan), r"pixel_size_A is nan, .*; pass it in angstrom"),
    "a stack": (lambda image: stembench.find_columns(image[None], 0.1), r"shape \(1, 96, 104\); pass .* image\[0\]"),
    "a mode": (lambda image: stembench.denoise(image, 0.1, mode="STEM"), r"mode is 'STEM'; write one of 'HAADF', "),
    "no network": (
        lambda image: stembench.find_columns(image, 0.1, "a"),
        r"a: this folder holds no trained network .*`network`",
    ),
    "another network": (
        lambda image: stembench.find_columns(image, 0.1, SHIPPED / "image_denoiser"),
        "image_denoiser: a network for denoise finds no columns",
    ),
    "no direction": (lambda image: stembench.project_structure(None, (0, 0, 0)), r"\(0, 0, 0\) is no direction; write"),
    "two indices": (lambda image: stembench.project_structure(None, (1, 1)), r"\(1, 1\) is no direction; write"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_ends_in_one_message_with_its_remedy(mistake, counts):
    call, message = MISTAKES[mistake]
    with pytest.raises(InputError, match=message):
        call(counts)


@pytest.mark.parametrize("argument", [{"pixel_size_A": 10}, {"mode": "STEM"}, {"frames": "all"}])
def test_an_argument_of_reading_that_cannot_be_is_named(bare, argument):
    ((name, value),) = argument.items()
    with pytest.raises(InputError, match=f"{name} is {value!r}"):
        stembench.read(bare, **argument)


def test_a_damaged_file_is_named_and_nothing_else_is_said(tmp_path):
    (tmp_path / "image.dm3").write_bytes(b"no image")
    with pytest.raises(InputError, match=r"image\.dm3: cannot be read") as refused:
        stembench.read(tmp_path / "image.dm3")
    assert refused.value.__suppress_context__


def test_the_package_offers_no_other_name():
    assert {name for name in stembench.__all__ if not hasattr(stembench, name)} == set()
    with pytest.raises(AttributeError, match="has no attribute 'find_atoms'"):
        print(stembench.find_atoms)
