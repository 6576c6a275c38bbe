import pytest
import torch
from drawing import drawn
from stembench.networks.residual_unet import ResidualUNet
from stembench.training.losses import LOSSES
from torch.nn import functional


def by_hand(image, state):
    """Levels, blocks and joints one by one, from the tensors in the order of their names."""

    def convolved(maps, name, stride=1, padding=1):
        return functional.conv2d(maps, state[f"{name}.weight"], state[f"{name}.bias"], stride, padding)

    def residual(maps, name):
        return maps + convolved(convolved(maps, f"{name}.first").clamp(min=0), f"{name}.second")

    def down(maps, name):
        return convolved(maps, name, stride=2, padding=0)

    def up(maps, name):
        """Each pixel becomes four, each by weights of its own."""
        made = torch.einsum("bcyx,cokl->boykxl", maps, state[f"{name}.weight"]).flatten(4, 5).flatten(2, 3)
        return made + state[f"{name}.bias"][:, None, None]

    corners = [image[..., y::2, x::2] for y in (0, 1) for x in (0, 1)]
    first = residual(convolved(torch.cat(corners, 1), "head"), "encoders.0")
    second = residual(down(first, "down.0"), "encoders.1")
    bottom = residual(residual(down(second, "down.1"), "bottom.0"), "bottom.1")
    second = residual(up(bottom, "up.1") + second, "decoders.1")
    first = residual(up(second, "up.0") + first, "decoders.0")
    made = image.clone()
    for number, corner in enumerate(convolved(first, "tail").unbind(1)):
        made[:, 0, number // 2 :: 2, number % 2 :: 2] += corner
    return made


@torch.inference_mode()
def test_the_image_it_makes_is_that_of_its_layers_taken_one_by_one():
    torch.manual_seed(0)
    network, image = drawn(ResidualUNet(0.125)), torch.rand(2, 1, 24, 32, dtype=torch.double)
    made, beside = network(image)
    assert (made - image).std() > 0.05
    assert torch.allclose(made, by_hand(image, network.state_dict()), rtol=0, atol=1e-9)
    assert beside is image


def test_an_untrained_network_gives_back_the_image():
    image = torch.rand(1, 1, 30, 41)
    assert torch.equal(ResidualUNet(0.125)(image)[0], image)


def test_the_parameters_add_up():
    def residual(channels):
        return 2 * (9 * channels + 1) * channels

    head, tail = (9 * 4 + 1) * 64, (9 * 64 + 1) * 4
    down, up = (4 * 64 + 1) * 128 + (4 * 128 + 1) * 192, (4 * 128 * 64 + 64) + (4 * 192 * 128 + 128)
    blocks = 2 * (residual(64) + residual(128) + residual(192))
    assert head + tail + down + up + blocks == ResidualUNet.published_parameters


@pytest.mark.parametrize("loss", ["log_rmse", "mse"])
def test_black_level_and_gain_of_a_label_cost_nothing(loss):
    torch.manual_seed(1)
    network, clear = ResidualUNet(0.125), torch.rand(3, 1, 16, 16)
    image = 0.3 * clear + 0.4 + 0.1 * torch.randn(3, 1, 16, 16)
    output = (image + 0.01 * torch.randn(3, 1, 16, 16), image)
    one, other = (network.loss(output, label, LOSSES[loss]) for label in (clear, 5 * clear - 2))
    assert one.item() == pytest.approx(other.item(), rel=1e-4)
    right = network.loss((0.3 * clear + 0.4, image), clear, LOSSES["mse"])
    assert right < 0.1 * network.loss((image, image), clear, LOSSES["mse"])


def test_where_a_label_is_even_the_image_shall_be():
    image = torch.randn(1, 1, 16, 16) + 3
    even = torch.full_like(image, 0.5)
    network = ResidualUNet(0.125)
    assert network.loss((image.mean() + 0 * image, image), even, LOSSES["mse"]).item() == pytest.approx(0, abs=1e-9)
    assert network.loss((image, image), even, LOSSES["mse"]).item() == pytest.approx(image.var().item(), rel=0.02)
