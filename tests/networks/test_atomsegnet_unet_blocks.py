import pytest
import torch
from drawing import drawn
from stembench.networks.atomsegnet_unet import AtomSegNetUNet, _UpAndJoin


def between(samples, places):
    """Value at each of `places` on straight lines through equidistant samples."""
    values = []
    for place in places:
        left = min(int(place), len(samples) - 2)
        values.append(samples[left] + (place - left) * (samples[left + 1] - samples[left]))
    return values


def doubled(channel):
    """A channel (y, x) at twice as many points; the outermost points stay the outermost."""

    def line(samples):
        count = len(samples)
        return between(samples, [k * (count - 1) / (2 * count - 1) for k in range(2 * count)])

    wide = [line(row) for row in channel]
    tall = [line([row[k] for row in wide]) for k in range(len(wide[0]))]
    return [[tall[x][y] for x in range(len(tall))] for y in range(len(tall[0]))]


def enlarged(maps):
    return torch.tensor([[doubled(channel.tolist()) for channel in image] for image in maps], dtype=maps.dtype)


def convolved(maps, convolution):
    """Sums of products, pixel by pixel, of an image with zeros around it."""
    weight, bias = convolution.weight, convolution.bias
    reach = weight.shape[-1] // 2
    batch, channels, height, width = maps.shape
    padded = torch.zeros(batch, channels, height + 2 * reach, width + 2 * reach, dtype=maps.dtype)
    padded[..., reach : reach + height, reach : reach + width] = maps
    output = torch.zeros(batch, len(weight), height, width, dtype=maps.dtype)
    for y in range(height):
        for x in range(width):
            window = padded[:, None, :, y : y + 2 * reach + 1, x : x + 2 * reach + 1]
            output[..., y, x] = (window * weight).sum((-3, -2, -1)) + bias
    return output


def normed(maps, norm):
    mean, variance, scale, shift = (
        part[:, None, None] for part in (norm.running_mean, norm.running_var, norm.weight, norm.bias)
    )
    return scale * (maps - mean) / (variance + 1e-5).sqrt() + shift


def pooled(maps):
    corners = [maps[..., y::2, x::2] for y in (0, 1) for x in (0, 1)]
    return torch.stack(corners).amax(0)


def level(maps, modules):
    for convolution, norm in ((modules[0], modules[1]), (modules[3], modules[4])):
        maps = normed(convolved(maps, convolution), norm).clamp(min=0)
    return maps


def up_and_join(deep, skip, block):
    deep = normed(convolved(enlarged(deep), block.convolution), block.norm)
    return normed(torch.cat([skip, deep], 1), block.joined_norm)


def test_a_line_of_four_points_doubles_to_eight_with_the_same_ends():
    assert between([0.0, 7.0, 14.0, 21.0], [k * 3 / 7 for k in range(8)]) == pytest.approx([3.0 * k for k in range(8)])


@torch.inference_mode()
def test_going_up_is_enlarging_convolving_norming_joining_and_norming_again():
    torch.manual_seed(0)
    block = drawn(_UpAndJoin(256, 128))
    deep = torch.randn(2, 256, 3, 5, dtype=torch.double)
    skip = torch.randn(2, 128, 6, 10, dtype=torch.double)
    assert torch.allclose(block(deep, skip), up_and_join(deep, skip, block), rtol=0, atol=1e-9)


@torch.inference_mode()
def test_the_map_is_that_of_the_published_blocks_one_after_the_other():
    torch.manual_seed(0)
    network = drawn(AtomSegNetUNet())
    image = torch.randn(1, 1, 8, 12, dtype=torch.double)
    level1 = level(image, network.encoder1)
    level2 = level(pooled(level1), network.encoder2)
    bottom = level(pooled(level2), network.bottom)
    level2 = level(up_and_join(bottom, level2, network.up2), network.decoder2)
    level1 = level(up_and_join(level2, level1, network.up1), network.decoder1)
    last = normed(convolved(level1, network.output).clamp(min=0), network.output_norm)
    expected = 1 / (1 + torch.exp(-last))
    assert expected.std() > 0.01
    assert torch.allclose(network(image), expected, rtol=0, atol=1e-9)
