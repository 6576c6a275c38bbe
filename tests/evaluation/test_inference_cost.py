import numpy as np
import pytest
import torch
from stembench.evaluation.inference_cost import IMAGE_PX, inference_cost, memory, multiply_adds, peak_memory
from stembench.networks.fcn import FCN
from stembench.networks.registry import build, save
from torch.nn.functional import scaled_dot_product_attention


@torch.inference_mode()
def test_the_multiply_adds_of_an_fcn_are_those_of_its_convolutions_by_hand():
    network, image = FCN(0.25).eval(), torch.rand(1, 1, 24, 40)
    a_pixel = 9 * 1 * 16 + 16 * (9 * 16 * 16) + 9 * 16 * 1
    assert multiply_adds(lambda: network(image)) == a_pixel * 24 * 40


@torch.inference_mode()
@pytest.mark.parametrize(
    ("transform", "operations"),
    [
        (lambda image: torch.fft.fft2(image + 0j), 5 * 64 * 6),
        (torch.fft.rfft2, 2.5 * 64 * 6),
        (lambda image: torch.fft.irfft(torch.fft.rfft(image), n=8), 2 * 2.5 * 64 * 3),
    ],
    ids=["complex", "real", "there and back along rows"],
)
def test_fourier_transforms_of_8_by_8_pixels_count_as_radix_2_does(transform, operations):
    assert multiply_adds(lambda: transform(torch.rand(8, 8))) == operations / 2


@torch.inference_mode()
def test_attention_counts_a_product_with_the_keys_and_one_with_the_values():
    queries, keys = torch.rand(1, 4, 50, 16), torch.rand(1, 4, 30, 16)
    count = multiply_adds(lambda: scaled_dot_product_attention(queries, keys, keys))
    assert count == 2 * 4 * 50 * 30 * 16


def test_the_cost_is_that_of_one_image_of_the_size_it_names(tmp_path):
    made_as = {"architecture": "fcn", "width": 0.05, "options": {}}
    save(tmp_path, build(**made_as, seed=0), made_as | {"task": "denoise"})
    threads = torch.get_num_threads()
    cost = inference_cost(tmp_path, 1)
    torch.set_num_threads(threads)
    assert cost["image_px"] == IMAGE_PX
    assert cost["macs_per_px"] == 9 * 3 + 16 * (9 * 3 * 3) + 9 * 3
    assert cost["inference_ms_per_megapixel"] > 0
    assert cost["passes"] >= 3


def test_what_is_written_to_is_resident_and_what_was_freed_counts_in_the_peak():
    device = torch.device("cpu")
    held = memory(device)
    more = peak_memory(device) - held + 64 * 2**20
    written = np.ones(more, np.uint8)
    assert memory(device) - held == pytest.approx(more, rel=0.05)
    del written
    assert peak_memory(device) - held >= 0.95 * more
