import numpy as np
import pytest
import torch
from stembench.application.denoising import denoise
from stembench.errors import InputError
from stembench.networks.registry import build, save
from stembench.trained_network import TrainedNetwork


@pytest.fixture
def passing_on(tmp_path):
    """A network for denoising that gives back what it sees."""
    network = build("fcn", 0.05, seed=0, task="denoise")
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, torch.nn.Conv2d):
                torch.nn.init.dirac_(module.weight)
                module.bias.zero_()
    stored(tmp_path, network, "denoise")
    return tmp_path


def stored(folder, network, task):
    record = {"architecture": "fcn", "width": 0.05, "task": task, "options": {}, "pixel_size_A": (0.08, 0.156)}
    save(folder, network, record)


def lattice(pixel_size):
    y, x = pixel_size * np.mgrid[:130, :210]
    return 1200 + 300 * np.cos(2 * np.pi * x / 2.1) * np.cos(2 * np.pi * y / 2.6)


@pytest.mark.parametrize("mode", ["HAADF", "ABF"])
@pytest.mark.parametrize("pixel_size", [0.1, 0.04, 0.25])
def test_what_is_passed_on_comes_back_in_the_images_frame_and_scale(passing_on, pixel_size, mode):
    image = lattice(pixel_size)
    denoised = denoise(image, pixel_size, passing_on, mode=mode)
    assert denoised.shape == image.shape
    assert denoised[8:-8, 8:-8] == pytest.approx(image[8:-8, 8:-8], abs=12)


def test_missing_pixels_stay_missing_and_hot_ones_are_healed(passing_on):
    image = lattice(0.1)
    image[30:40, 50:90] = np.nan
    image[100, 100] = 1e7
    denoised = denoise(image, 0.1, TrainedNetwork(passing_on))
    assert np.array_equal(np.isnan(denoised), np.isnan(image))
    assert abs(denoised[100, 100] - lattice(0.1)[100, 100]) < 100
    image[100, 100] = denoised[100, 100]
    assert np.nanmax(np.abs(denoised - image)) < 2


@pytest.mark.parametrize("task", ["localise", "denoise_2x"])
def test_a_network_for_another_task_is_refused(tmp_path, task):
    stored(tmp_path, build("fcn", 0.05, seed=0, task=task), task)
    with pytest.raises(InputError, match=f"{task} does not denoise"):
        denoise(lattice(0.1), 0.1, tmp_path)
