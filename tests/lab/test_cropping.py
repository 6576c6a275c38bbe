import numpy as np
import pytest
import xarray as xr
from stembench.errors import InputError
from stembench.lab.cropping import cropped


@pytest.fixture
def image():
    values = np.arange(40 * 60, dtype=float).reshape(40, 60)
    return xr.DataArray(values, dims=("y", "x"), attrs={"pixel_size_A": 0.2})


def test_a_crop_keeps_its_pixels_and_the_columns_in_it(image):
    marked = 0.2 * np.array([[9.4, 6.0], [9.6, 6.0], [12.0, 7.5], [29.4, 20.0], [29.6, 20.0], [12.0, 4.0]])
    part, columns = cropped(image, marked, (10, 5, 20, 30), "mine")
    assert part.shape == (30, 20)
    assert part.values[0, 0] == image.values[5, 10]
    assert columns == pytest.approx(0.2 * np.array([[-0.4, 1.0], [2.0, 2.5], [19.4, 15.0]]))
    assert part.attrs == image.attrs


def test_every_frame_of_a_stack_is_cropped(image):
    stack = xr.concat([image, 2 * image], "frame").assign_attrs(image.attrs)
    part, columns = cropped(stack, None, (0, 0, 10, 12), "mine")
    assert part.shape == (2, 12, 10)
    assert columns is None


def test_without_a_crop_nothing_changes(image):
    marked = np.ones((3, 2))
    part, columns = cropped(image, marked, None, "mine")
    assert part is image
    assert columns is marked


def test_a_crop_beyond_the_image_is_refused(image):
    with pytest.raises(InputError, match=r"lab.images.mine.crop_px .*60 x 40 px.*correct"):
        cropped(image, None, (50, 0, 20, 10), "mine")
