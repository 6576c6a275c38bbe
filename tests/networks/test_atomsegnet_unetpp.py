import torch
from drawing import drawn, parts
from stembench.networks.atomsegnet_unetpp import AtomSegNetUNetPlusPlus
from torch.nn import functional


def published_maps(image, state):
    """U-Net++ node by node, from the state's tensors in the order of the authors' stored weights."""
    tensors = iter(state)
    nodes = {
        (level, step): [next(tensors) for _ in range(12)] for step in range(5) for level in range(5 - step)
    }  # conv, norm, conv, norm

    def node(level, step, *joined):
        first, second = nodes[level, step][:6], nodes[level, step][6:]
        return convolved(convolved(torch.cat(joined, 1), *first), *second)

    x00 = node(0, 0, image)
    x10 = node(1, 0, pooled(x00))
    x20 = node(2, 0, pooled(x10))
    x30 = node(3, 0, pooled(x20))
    x40 = node(4, 0, pooled(x30))
    x01 = node(0, 1, x00, repeated(x10))
    x11 = node(1, 1, x10, repeated(x20))
    x21 = node(2, 1, x20, repeated(x30))
    x31 = node(3, 1, x30, repeated(x40))
    x02 = node(0, 2, x00, x01, repeated(x11))
    x12 = node(1, 2, x10, x11, repeated(x21))
    x22 = node(2, 2, x20, x21, repeated(x31))
    x03 = node(0, 3, x00, x01, x02, repeated(x12))
    x13 = node(1, 3, x10, x11, x12, repeated(x22))
    x04 = node(0, 4, x00, x01, x02, x03, repeated(x13))
    weight, bias = tensors
    return torch.tanh((weight * x04).sum(1, keepdim=True) + bias)


def convolved(maps, weight, bias, scale, shift, mean, variance):
    maps = functional.conv2d(maps, weight, bias, padding=1)
    scale, shift, mean, variance = (part[:, None, None] for part in (scale, shift, mean, variance))
    return ((maps - mean) / (variance + 1e-5).sqrt() * scale + shift).clamp(min=0)


def pooled(maps):
    return maps.unflatten(-1, (-1, 2)).unflatten(-3, (-1, 2)).amax((-1, -3))


def repeated(maps):
    return maps.repeat_interleave(2, -1).repeat_interleave(2, -2)


@torch.inference_mode()
def test_each_map_is_made_of_all_earlier_ones_of_its_level_and_the_one_below_enlarged():
    torch.manual_seed(0)
    network = drawn(AtomSegNetUNetPlusPlus())
    network.output.weight *= 0.1
    image = torch.randn(1, 1, 32, 16, dtype=torch.double)
    output, expected = network(image), published_maps(image, parts(network))
    assert expected.std() > 0.05
    assert torch.allclose(output, expected, rtol=0, atol=1e-9)


def test_the_parameters_add_up_to_the_published_count():
    channels = 32, 64, 128, 256, 512
    total = channels[0] + 1
    for level, own in enumerate(channels):
        for step in range(5 - level):
            below = channels[level + 1] if step else 0
            seen = step * own + below if step else (channels[level - 1] if level else 1)
            total += 9 * seen * own + own + 9 * own * own + own + 2 * 2 * own
    assert total == AtomSegNetUNetPlusPlus.published_parameters


def test_untrained_maps_of_a_unit_noise_image_lie_about_the_mean_they_start_from():
    torch.manual_seed(1)
    network = AtomSegNetUNetPlusPlus(0.25)
    network.start_from(0.3)
    output = network(torch.randn(2, 1, 32, 32)).detach()
    assert ((output > 0.1 * 0.3) & (output < 3 * 0.3)).float().mean() > 0.99
