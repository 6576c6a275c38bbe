import numpy as np
import pytest
import torch
from drawing import drawn
from stembench.networks._fourier import FourierUnit
from stembench.networks.sffn import SFFN
from torch.nn import functional


def convolved(maps, layer):
    return functional.conv2d(maps, layer.weight, layer.bias, padding=1)


def normalised(maps, norm, channels=slice(None)):
    parts = (norm.running_mean, norm.running_var, norm.weight, norm.bias)
    mean, variance, scale, shift = (part[channels].reshape(-1, 1, 1) for part in parts)
    return ((maps - mean) / (variance + 1e-5).sqrt() * scale + shift).clamp(min=0)


def filtered(images, unit):
    """Images through one matrix of numpy's spectra: coordinates, then real and imaginary part of each channel."""
    batch, channels, height, width = images.shape
    spectra = np.fft.rfft2(images.numpy(), norm="ortho")
    stacked = np.empty((batch, 2 * channels + 2, height, width // 2 + 1))
    stacked[:, 0] = np.linspace(0, 1, height)[:, None]
    stacked[:, 1] = np.linspace(0, 1, width // 2 + 1)
    stacked[:, 2::2], stacked[:, 3::2] = spectra.real, spectra.imag
    mixed = torch.from_numpy(np.einsum("oi,biyx->boyx", unit.mix.weight[:, :, 0, 0].numpy(), stacked))
    mixed = normalised(mixed, unit.norm).numpy()
    back = np.fft.irfft2(mixed[:, ::2] + 1j * mixed[:, 1::2], s=(height, width), norm="ortho")
    return torch.from_numpy(back)


def plain_layer(features, layer):
    spatial, frequency = features[:, :32], features[:, 32:]
    spectral = filtered(convolved(frequency, layer.frequency.before_fourier), layer.frequency.fourier)
    spatial = convolved(spatial, layer.spatial)
    frequency = convolved(torch.cat([frequency, spectral], dim=1), layer.frequency.joining)
    halves = [normalised(spatial, layer.norm, slice(0, 32)), normalised(frequency, layer.norm, slice(32, 64))]
    return torch.cat(halves, dim=1)


@torch.inference_mode()
def test_a_block_fuses_its_halves_after_the_skip_around_two_layers():
    torch.manual_seed(0)
    block = drawn(SFFN()).body[0]
    features = torch.randn(2, 64, 12, 9, dtype=torch.double)
    expected = features + plain_layer(plain_layer(features, block.first), block.second)
    torch.testing.assert_close(block(features), convolved(expected, block.fuse))


@torch.inference_mode()
def test_within_a_layer_neither_half_sees_the_other():
    torch.manual_seed(0)
    layer = drawn(SFFN(0.25)).body[0].first
    spatial, frequency, other = torch.randn(3, 1, 8, 10, 12, dtype=torch.double)
    output = layer(torch.cat([spatial, frequency], dim=1))
    torch.testing.assert_close(layer(torch.cat([spatial, other], dim=1))[:, :8], output[:, :8])
    torch.testing.assert_close(layer(torch.cat([other, frequency], dim=1))[:, 8:], output[:, 8:])


@torch.inference_mode()
def test_the_map_is_that_of_eight_blocks_within_a_skip_of_the_features():
    torch.manual_seed(0)
    network = drawn(SFFN())
    image = 255 * torch.rand(1, 1, 9, 12, dtype=torch.double)
    first = features = convolved(image, network.head)
    assert len(network.body) == 8
    for block in network.body:
        features = convolved(features + plain_layer(plain_layer(features, block.first), block.second), block.fuse)
    torch.testing.assert_close(network(image), convolved(first + features, network.tail))


@torch.inference_mode()
def test_a_fusion_starts_as_what_passes_features_on():
    torch.manual_seed(0)
    network = SFFN(0.25).eval()
    network.start_from(0.1)
    block, features = network.body[0], torch.randn(1, 16, 9, 12)
    torch.testing.assert_close(block(features), features + block.second(block.first(features)))


@torch.inference_mode()
def test_under_bfloat16_autocast_the_fourier_unit_still_works_in_float32():
    torch.manual_seed(0)
    unit = SFFN(0.25).eval().body[0].first.frequency.fourier
    image = torch.randn(2, 8, 16, 12).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        inside = unit(image)
    assert inside.dtype == torch.float32
    assert torch.equal(inside, unit(image.float()))


@torch.inference_mode()
@pytest.mark.parametrize(("left_out", "units"), [("spatial", 32), ("frequency", 0), ("exchange", 16)])
def test_parts_of_the_network_can_be_left_out(left_out, units):
    """Two layers in each of eight blocks; without exchange, one half of the features never reaches the other."""
    torch.manual_seed(0)
    network = drawn(SFFN(0.25, **{left_out: False}))
    assert sum(isinstance(part, FourierUnit) for part in network.modules()) == units
    features = torch.randn(1, 16, 9, 12, dtype=torch.double)
    moved = torch.cat([features[:, :8], features[:, 8:] + 1], dim=1)
    apart = torch.equal(network.body(features)[:, :8], network.body(moved)[:, :8])
    assert apart == (left_out == "exchange")
