import numpy as np
import pandas as pd
import pytest
import torch
from stembench.datasets.labels import ignored
from stembench.datasets.sample import Sample
from stembench.networks import _convolutions
from stembench.networks.atomid_net import AtomIDNet
from stembench.networks.registry import count_parameters
from torch import nn


@pytest.fixture(scope="module")
def published():
    """The network at width 1, its normalisations as if after some training."""
    torch.manual_seed(0)
    network = AtomIDNet().eval()
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            for values in (layer.running_mean, layer.bias.data):
                values.normal_(0, 0.3)
            for values in (layer.running_var, layer.weight.data):
                values.uniform_(0.5, 1.5)
    return network


def arrays(layer):
    return {name: values.numpy().astype(float) for name, values in layer.state_dict().items()}


def convolved(image, layer):
    """3 x 3 convolution of (channels, y, x) with zeros around it, a tap at a time."""
    weight = arrays(layer)["weight"]
    _, height, width = image.shape
    around = np.pad(image, ((0, 0), (1, 1), (1, 1)))
    out = np.zeros((len(weight), height, width))
    for row in range(3):
        for column in range(3):
            shifted = around[:, row : row + height, column : column + width]
            out += np.einsum("oi,iyx->oyx", weight[:, :, row, column], shifted)
    return out


def normalised(image, layer):
    of = {name: values[..., None, None] for name, values in arrays(layer).items()}
    return (image - of["running_mean"]) / np.sqrt(of["running_var"] + 1e-5) * of["weight"] + of["bias"]


def convolved_twice(image, block):
    """3 x 3 convolution, normalisation and rectifier, twice."""
    for convolution, norm in ((block[0], block[1]), (block[3], block[4])):
        image = np.maximum(normalised(convolved(image, convolution), norm), 0)
    return image


def transposed(image, layer):
    """Each pixel becomes a square of 2 x 2."""
    weight, bias = arrays(layer)["weight"], arrays(layer)["bias"]
    _, height, width = image.shape
    out = np.empty((len(bias), 2 * height, 2 * width))
    for y in range(height):
        for x in range(width):
            for row in range(2):
                for column in range(2):
                    out[:, 2 * y + row, 2 * x + column] = image[:, y, x] @ weight[:, :, row, column] + bias
    return out


def halved(image):
    """Highest of each square of 2 x 2."""
    rows = np.maximum(image[:, ::2], image[:, 1::2])
    return np.maximum(rows[:, :, ::2], rows[:, :, 1::2])


def test_atomid_net_has_7920514_parameters():
    assert count_parameters(AtomIDNet()) == AtomIDNet.published_parameters == 7_920_514


@pytest.mark.parametrize("width", [0.25, 1.0])
def test_a_first_level_for_colour_images_is_counted(width):
    network = AtomIDNet(width)
    for_colour = _convolutions.convolved_twice(3, network.output.in_channels, bias=False)
    assert network.unused_parameters == sum(values.numel() for values in for_colour.parameters())


@torch.inference_mode()
def test_a_level_is_two_convolutions_without_bias_each_normalised_and_rectified(published):
    block = published.encoders[-1]
    image = torch.randn(1, 256, 3, 4)
    assert block(image)[0].numpy() == pytest.approx(convolved_twice(image[0].numpy(), block), abs=1e-4)


@torch.inference_mode()
def test_up_sampling_makes_of_each_pixel_a_square_and_joins_the_level_before(published):
    decoder = published.decoders[0]
    deep, skip = torch.randn(1, 512, 1, 2), torch.randn(1, 256, 2, 4)
    joined = np.concatenate([transposed(deep[0].numpy(), decoder.up), skip[0].numpy()])
    assert decoder(deep, skip)[0].numpy() == pytest.approx(convolved_twice(joined, decoder.convolutions), abs=1e-4)


@torch.inference_mode()
def test_map_and_spacing_are_what_the_description_gives(published):
    image = torch.rand(1, 1, 16, 32)
    levels = [convolved_twice(2 * image[0].numpy() - 1, published.encoder1)]
    for encoder in published.encoders:
        levels.append(convolved_twice(halved(levels[-1]), encoder))
    features = levels.pop()
    first, second, last = (arrays(published.head[place]) for place in (0, 3, 6))
    hidden = np.maximum(first["weight"] @ features.mean(axis=(1, 2)) + first["bias"], 0)
    hidden = np.maximum(second["weight"] @ hidden + second["bias"], 0)
    distance = abs(last["weight"] @ hidden + last["bias"])
    for decoder in published.decoders:
        features = convolved_twice(
            np.concatenate([transposed(features, decoder.up), levels.pop()]), decoder.convolutions
        )
    output = arrays(published.output)
    expected = 1 / (1 + np.exp(-np.einsum("i,iyx->yx", output["weight"][0, :, 0, 0], features) - output["bias"]))
    maps, spacing = published(image)
    assert maps.shape == (1, 1, 16, 32)
    assert maps[0, 0].numpy() == pytest.approx(expected, abs=1e-5)
    assert spacing.numpy() == pytest.approx(distance, rel=1e-4)


@torch.inference_mode()
def test_a_distance_is_never_negative():
    network = AtomIDNet(0.25).eval()
    nn.init.constant_(network.head[-1].bias, -12.0)
    assert network.spacing_of(network(torch.rand(2, 1, 32, 32))).numpy() == pytest.approx([12, 12], abs=1)


@torch.inference_mode()
def test_output_lies_in_the_frame_of_an_image_of_any_size():
    network = AtomIDNet(0.25).eval()
    output = network(torch.rand(3, 1, 50, 61))
    assert network.map_of(output).shape == (3, 1, 50, 61)
    assert network.spacing_of(output).shape == (3,)


@torch.inference_mode()
def test_an_untrained_network_tells_the_mean_and_twenty_pixels():
    torch.manual_seed(0)
    network = AtomIDNet(0.25)
    network.start_from(0.3)
    output = network(torch.rand(8, 1, 64, 64))
    assert network.map_of(output).mean().item() == pytest.approx(0.3, abs=0.1)
    assert network.spacing_of(output).numpy() == pytest.approx(20, abs=2)


def sample(positions, asked, neighbour):
    """Columns [A] in an image of 40 x 60 px of 0.1 A."""
    x, y = np.transpose(positions)
    columns = pd.DataFrame({"x_A": x, "y_A": y, "asked": asked, "neighbour_A": neighbour})
    images = {name: np.full((40, 60), 0.5, np.float32) for name in ("image", "noNoise")}
    return Sample(images, columns, {"pixel_size_A": 0.1})


def test_target_is_a_gaussian_of_a_quarter_of_the_spacing_at_each_column_that_is_asked_for():
    two = sample([(1.0, 1.52), (3.05, 1.52), (5.0, 3.0)], [True, True, False], [2.05, 2.05, 2.4])
    maps, plane = AtomIDNet(0.25).target(two, "localise")
    y, x = (np.arange(-0.45, pixels - 0.5, 0.1) for pixels in (40, 60))  # ten to a pixel, which holds their mean
    down, *across = (
        np.exp(-((axis - at) ** 2) / (2 * (20.5 / 4) ** 2)) for axis, at in ((y, 15.2), (x, 10), (x, 30.5))
    )
    peaks = [np.outer(down, each).reshape(40, 10, 60, 10).mean(axis=(1, 3)) for each in across]
    assert maps == pytest.approx(np.maximum(*peaks), abs=4e-4)  # a peak ends at 4 sigma
    assert plane == pytest.approx(np.full((40, 60), 20.5))
    assert maps.dtype == plane.dtype == np.float32


def test_the_spacing_is_the_mean_over_columns_of_the_nearest_neighbour_distance():
    three = sample([(1.0, 1.0), (2.0, 1.0), (4.0, 1.0)], True, [1.0, 1.0, 2.0])
    assert AtomIDNet(0.25).target(three, "localise")[1].max() == pytest.approx(10 * 4 / 3)


@pytest.mark.parametrize("asked", [[False, False], [True, False]])
def test_fewer_than_two_columns_have_no_spacing_and_an_empty_map(asked):
    lonely = sample([(1.0, 1.0), (3.0, 1.0)], asked, [np.inf, np.inf])
    assert not AtomIDNet(0.25).target(lonely, "localise").any()


def test_the_target_of_another_task_is_its_label_and_the_spacing():
    two = sample([(1.0, 1.0), (3.0, 1.0)], True, [2.0, 2.0])
    maps, plane = AtomIDNet(0.25).target(two, "denoise")
    assert np.all(maps == 0.5)
    assert plane == pytest.approx(np.full((40, 60), 20.0))


def test_where_nothing_is_said_the_target_says_nothing_and_the_loss_has_no_gradient():
    told = sample([(1.0, 1.0), (3.0, 1.0), (5.0, 3.0)], [True, True, False], [2.0, 2.0, 2.8])
    told.columns["ignored_A"] = [0.0, 0.0, 0.5]
    target = torch.from_numpy(AtomIDNet(0.25).target(told, "localise"))[None]
    silent = ignored(told)
    assert silent[30, 50]
    assert np.array_equal(target[0, 0].isnan().numpy(), silent)
    maps, spacing = torch.full((1, 1, 40, 60), 0.3, requires_grad=True), torch.full((1,), 19.0, requires_grad=True)
    AtomIDNet(0.25).loss((maps, spacing), target, None).backward()
    assert np.array_equal(maps.grad[0, 0].numpy() == 0, silent)
    assert spacing.grad.item() == pytest.approx(2 * (19 - 20))


def batch(size):
    """Maps that are 0.2 below targets with a column, spacings of 19 where 22 and 20 are right; the last has none."""
    wanted = torch.full((3, 1, size, size), 0.5)
    wanted[:, :, 3, 3] = 1.0
    planes = torch.tensor([22.0, 20.0, 0.0])[:, None, None, None].expand(wanted.shape)
    return (wanted - 0.2, torch.full((3,), 19.0)), torch.cat([wanted, planes], dim=1)


def test_loss_is_the_published_one_at_crops_of_256_pixels():
    output, target = batch(256)
    of_images = [0.1 * 256**2 * 0.2**2 + squared for squared in (3**2, 1, 0)]
    assert AtomIDNet(0.25).loss(output, target, None).item() == pytest.approx(np.mean(of_images), rel=1e-5)


def test_loss_has_the_same_balance_whatever_the_crop():
    network = AtomIDNet(0.25)
    small, large = (network.loss(*batch(size), None).item() for size in (16, 256))
    assert small == pytest.approx(large, rel=1e-5)


def test_a_crop_without_a_column_has_no_spacing_to_tell():
    output, target = batch(16)
    target[:, :1] = output[0]
    told = AtomIDNet(0.25).loss(output, target, None).item()
    target[0, 0] = 0.1
    empty = AtomIDNet(0.25).loss((target[:, :1], output[1]), target, None).item()
    assert told == pytest.approx((9 + 1) / 3)
    assert empty == pytest.approx(1 / 3)
