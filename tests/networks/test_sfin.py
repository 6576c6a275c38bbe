import numpy as np
import pytest
import torch
from drawing import drawn
from stembench.networks.sfin import SFIN
from torch.nn import functional


def normalised(maps, norm, channels=slice(None)):
    parts = (norm.running_mean, norm.running_var, norm.weight, norm.bias)
    mean, variance, scale, shift = (part[channels].reshape(-1, 1, 1).to(maps) for part in parts)
    return ((maps - mean) / (variance + 1e-5).sqrt() * scale + shift).clamp(min=0)


def summed_filter(image, unit):
    """What a Fourier unit makes of one image (channels, y, x), by sums over all pixels and all frequencies."""
    channels, height, width = image.shape
    half = width // 2 + 1
    y, x = np.arange(height), np.arange(width)
    vertical = np.exp(-2j * np.pi * np.outer(y, y) / height)
    horizontal = np.exp(-2j * np.pi * np.outer(x, x) / width)
    spectrum = np.einsum("ky,lx,cyx->ckl", vertical, horizontal[:half], image) / np.sqrt(height * width)
    stacked = [np.repeat(np.arange(height)[:, None] / (height - 1), half, 1)]
    stacked += [np.repeat(np.arange(half)[None] / (half - 1), height, 0)]
    for channel in spectrum:
        stacked += [channel.real, channel.imag]
    mixed = np.einsum("oi,ikl->okl", unit.mix.weight.numpy()[:, :, 0, 0], np.array(stacked))
    mixed = normalised(torch.from_numpy(mixed), unit.norm).numpy()

    full = np.zeros((channels, height, width), complex)
    for channel in range(channels):
        for k in range(height):
            for m in range(width):
                here, there = (k, m), (-k % height, -m % width)
                values = []
                if m < half:
                    values.append(mixed[2 * channel][here] + 1j * mixed[2 * channel + 1][here])
                if -m % width < half:
                    values.append(mixed[2 * channel][there] - 1j * mixed[2 * channel + 1][there])
                full[(channel, *here)] = np.mean(values)
    filtered = np.einsum("ky,lx,ckl->cyx", vertical.conj(), horizontal.conj(), full) / np.sqrt(height * width)
    assert np.abs(filtered.imag).max() < 1e-12
    return filtered.real


def plain_sfib(features, block):
    def convolved(maps, layer):
        return functional.conv2d(maps, layer.weight, layer.bias, padding=1)

    spatial, frequency = features[:, :32], features[:, 32:]
    filtered = block.fourier(convolved(frequency, block.before_fourier))
    module = convolved(torch.cat([frequency, filtered], dim=1), block.frequency_to_frequency)
    new_spatial = convolved(spatial, block.spatial_to_spatial) + convolved(frequency, block.frequency_to_spatial)
    new_frequency = convolved(spatial, block.spatial_to_frequency) + module
    halves = [normalised(new_spatial, block.norm, slice(0, 32)), normalised(new_frequency, block.norm, slice(32, 64))]
    return torch.cat(halves, dim=1)


@torch.inference_mode()
@pytest.mark.parametrize(("height", "width"), [(6, 8), (7, 9), (5, 6), (8, 5)])
def test_the_fourier_unit_filters_as_sums_over_every_pixel_and_frequency_do(height, width):
    torch.manual_seed(0)
    unit = drawn(SFIN(2 / 32)).body[0].first.fourier
    image = torch.randn(2, 2, height, width, dtype=torch.double)
    expected = np.stack([summed_filter(one.numpy(), unit) for one in image])
    assert unit(image).numpy() == pytest.approx(expected, abs=1e-10)


@torch.inference_mode()
def test_sfib_sums_convolutions_of_both_halves_for_each_half():
    torch.manual_seed(0)
    block = drawn(SFIN()).body[0].first
    features = torch.randn(2, 64, 12, 10, dtype=torch.double)
    torch.testing.assert_close(block(features), plain_sfib(features, block))


@torch.inference_mode()
def test_the_map_is_that_of_eight_pairs_of_sfibs_each_within_a_skip_and_all_within_another():
    torch.manual_seed(0)
    network = drawn(SFIN())
    image = 255 * torch.rand(1, 1, 12, 9, dtype=torch.double)
    first = features = functional.conv2d(image, network.head.weight, network.head.bias, padding=1)
    assert len(network.body) == 8
    for pair in network.body:
        features = features + plain_sfib(plain_sfib(features, pair.first), pair.second)
    expected = functional.conv2d(first + features, network.tail.weight, network.tail.bias, padding=1)
    torch.testing.assert_close(network(image), expected)


@torch.inference_mode()
def test_under_bfloat16_autocast_the_fourier_unit_still_works_in_float32():
    torch.manual_seed(0)
    unit = SFIN(0.25).eval().body[0].first.fourier
    image = torch.randn(2, 8, 16, 12).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        filtered = unit(image)
    assert filtered.dtype == torch.float32
    assert torch.equal(filtered, unit(image.float()))


@torch.inference_mode()
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_a_gpu_filters_a_spectrum_as_a_cpu_does():
    torch.manual_seed(0)
    unit = SFIN(0.25).eval().body[0].first.fourier
    image = torch.randn(2, 8, 64, 48)
    torch.testing.assert_close(unit.cuda()(image.cuda()).cpu(), unit.cpu()(image), rtol=1e-3, atol=1e-3)


def test_last_weights_that_start_from_zero_let_the_first_layer_learn():
    torch.manual_seed(0)
    network = SFIN(0.25)
    network.start_from(0.1)
    before = network.head.weight.clone()
    steps = torch.optim.Adam(network.parameters(), 1e-3)
    image = 255 * torch.rand(4, 1, 16, 16)
    assert network(image).detach().numpy() == pytest.approx(25.5)
    for _ in range(3):
        steps.zero_grad()
        functional.l1_loss(network(image), image).backward()
        steps.step()
    assert ((network.head.weight - before).abs() > 1e-4).all()
