import numpy as np
import pandas as pd
import pytest
import tifffile
from stembench.errors import InputError
from stembench.evaluation.external import read_predicted
from stembench.evaluation.external_images import export_images, read_enhanced

IMAGES = np.random.default_rng(0).random((3, 20, 30)).astype(np.float32)


@pytest.fixture
def exported(tmp_path):
    truth = {"material": "Pt", "zone": "001", "rotation_deg": 30.0, "defocus_A": 50.0, "probe_fwhm_A": 1.0}
    known = {"mode": "HAADF", "pixel_size_A": [0.1, 0.12, 0.1], "counts_per_px": [1.0, 3.0, 10.0]}
    export_images(IMAGES, pd.DataFrame({"sample": [7, 8, 9]} | truth | known), tmp_path)
    return tmp_path


def test_images_are_exported_as_they_are_and_nothing_of_what_they_show(exported):
    told = pd.read_csv(exported / "metadata.csv")
    assert list(told) == ["image", "mode", "pixel_size_A", "counts_per_px"]
    assert list(told.image) == ["00000.tif", "00001.tif", "00002.tif"]
    assert list(told.pixel_size_A) == [0.1, 0.12, 0.1]
    for name, image in zip(told.image, IMAGES):
        np.testing.assert_array_equal(tifffile.imread(exported / name), image)
    assert {path.suffix for path in exported.iterdir()} == {".tif", ".csv"}


def files_in(folder):
    return {path.name: str(path) for path in folder.iterdir()}


def test_columns_are_read_in_pixels_or_angstrom_and_may_be_none(tmp_path):
    for number, text in enumerate(("x_px,y_px\n1,2\n3,4\n", "x_A,y_A\n0.5,0.6\n", "x_px,y_px\n")):
        (tmp_path / f"{number:05d}.csv").write_text(text)
    found = [read_predicted(files_in(tmp_path), number, 0.1) for number in range(3)]
    assert found[0] == pytest.approx(np.array([[0.1, 0.2], [0.3, 0.4]]))
    assert found[1] == pytest.approx(np.array([[0.5, 0.6]]))
    assert found[2].shape == (0, 2)


def test_an_image_without_a_prediction_is_named(tmp_path):
    (tmp_path / "00000.csv").write_text("x_px,y_px\n")
    with pytest.raises(InputError, match=r"00001\.csv is missing; predict every image"):
        read_predicted(files_in(tmp_path), 1, 0.1)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((20, 31)), "20 x 31, and the image 20 x 30"),
        (np.full((20, 30), np.nan), "no numbers"),
        (None, "no TIFF"),
    ],
)
def test_an_image_that_cannot_be_used_is_told_with_the_remedy(tmp_path, image, message):
    path = tmp_path / "00000.tif"
    if image is None:
        path.write_text("nothing")
    else:
        tifffile.imwrite(path, image.astype(np.float32))
    with pytest.raises(InputError, match=message):
        read_enhanced(files_in(tmp_path), 0, (20, 30))


def test_an_image_may_have_any_scale(tmp_path):
    tifffile.imwrite(tmp_path / "00000.tif", (1000 * IMAGES[0]).astype(np.uint16))
    assert read_enhanced(files_in(tmp_path), 0, (20, 30)) == pytest.approx(np.floor(1000 * IMAGES[0]))
