import torch
from drawing import drawn, parts
from stembench.networks.fcn import FCN
from torch.nn import functional


def plain_map(image, state):
    """A row of convolutions, the inner ones normalised and cut at 0, from the state's tensors in their order."""
    tensors = list(state)
    maps = functional.conv2d(image, *tensors[:2], padding=1)
    for first in range(2, len(tensors) - 2, 6):
        weight, bias, *norm = tensors[first : first + 6]
        scale, shift, mean, variance = (part[:, None, None] for part in norm)
        maps = functional.conv2d(maps, weight, bias, padding=1)
        maps = ((maps - mean) / (variance + 1e-5).sqrt() * scale + shift).clamp(min=0)
    return functional.conv2d(maps, *tensors[-2:], padding=1)


@torch.inference_mode()
def test_the_map_is_that_of_sixteen_plain_layers_between_two_convolutions():
    torch.manual_seed(0)
    network = drawn(FCN())
    image = 255 * torch.rand(2, 1, 16, 12, dtype=torch.double)
    assert len(parts(network)) == 2 + 16 * 6 + 2
    output, expected = network(image), plain_map(image, parts(network))
    assert expected.std() > 1
    assert torch.allclose(output, expected, rtol=1e-9)


@torch.inference_mode()
def test_a_pixel_is_seen_18_px_away_and_no_further():
    torch.manual_seed(0)
    network = drawn(FCN(0.25))
    image = torch.rand(1, 1, 61, 61, dtype=torch.double)
    changed = image.clone()
    changed[..., 30, 30] += 100
    seen = (network(changed) - network(image))[0, 0].abs() > 0
    assert seen[30 - 18 : 30 + 19, 30 - 18 : 30 + 19].any(0).all()
    seen[30 - 18 : 30 + 19, 30 - 18 : 30 + 19] = False
    assert not seen.any()


def test_the_parameters_add_up_by_hand():
    layer = 9 * 64 * 64 + 64 + 2 * 64
    assert FCN.published_parameters == (9 * 64 + 64) + 16 * layer + (9 * 64 + 1)


def test_untrained_maps_have_the_mean_they_start_from_and_a_contrast_of_many_grey_levels():
    torch.manual_seed(0)
    network = FCN(0.25)
    network.start_from(0.3)
    output = network(255 * torch.rand(2, 1, 48, 48)).detach()
    assert 0.5 * 0.3 < output.mean() / 255 < 2 * 0.3
    assert output.std() > 5
