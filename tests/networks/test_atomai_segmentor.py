import torch
from drawing import drawn, parts
from stembench.networks.atomai_segmentor import AtomAISegmentor
from torch.nn import functional


def published_map(image, state):
    """AtomAI's U-Net and the sigmoid of its `predict`, from the state's tensors in the order of AtomAI's own."""
    tensors = iter(state)

    def block(maps, layers):
        for _ in range(layers):
            weight, bias, scale, shift, mean, variance = (next(tensors) for _ in range(6))
            maps = functional.conv2d(maps, weight, bias, padding=1)
            maps = torch.where(maps > 0, maps, 0.01 * maps)
            scale, shift, mean, variance = (part[:, None, None] for part in (scale, shift, mean, variance))
            maps = (maps - mean) / (variance + 1e-5).sqrt() * scale + shift
        return maps

    def up(maps):
        weight, bias = next(tensors), next(tensors)
        enlarged = halved_steps(halved_steps(maps, -1), -2)
        return torch.einsum("oi,biyx->boyx", weight[:, :, 0, 0], enlarged) + bias[:, None, None]

    level1 = block(image, 1)
    level2 = block(pooled(level1), 2)
    level3 = block(pooled(level2), 2)
    maps = block(pooled(level3), 3)
    for skip, layers in ((level3, 2), (level2, 2), (level1, 1)):
        maps = block(torch.cat([skip, up(maps)], 1), layers)
    weight, bias = tensors
    return 1 / (1 + torch.exp(-(weight * maps).sum(1, keepdim=True) - bias))


def halved_steps(maps, axis):
    """Linear interpolation at a quarter of a pixel to either side of each centre; beyond the outermost is as there."""
    count = maps.shape[axis]
    before = maps.index_select(axis, torch.arange(-1, count - 1).clamp(min=0))
    after = maps.index_select(axis, torch.arange(1, count + 1).clamp(max=count - 1))
    pairs = torch.stack([0.25 * before + 0.75 * maps, 0.75 * maps + 0.25 * after], dim=maps.dim())
    return pairs.movedim(-1, axis % maps.dim() + 1).flatten(axis % maps.dim(), axis % maps.dim() + 1)


def pooled(maps):
    return maps.unflatten(-1, (-1, 2)).unflatten(-3, (-1, 2)).amax((-1, -3))


@torch.inference_mode()
def test_the_map_is_that_of_atomais_layers_taken_one_by_one():
    torch.manual_seed(0)
    network = drawn(AtomAISegmentor())
    image = torch.rand(2, 1, 16, 24, dtype=torch.double)
    output, expected = network(image), published_map(image, parts(network))
    assert expected.std() > 0.05
    assert torch.allclose(output, expected, rtol=0, atol=1e-9)


def test_enlarging_a_step_puts_a_quarter_and_three_quarters_beside_it():
    step = torch.tensor([[0.0, 0.0, 1.0, 1.0]])[None, None].expand(1, 1, 4, 4)
    expected = torch.tensor([0, 0, 0, 0.25, 0.75, 1, 1, 1]).expand(1, 1, 8, 8)
    assert torch.allclose(halved_steps(halved_steps(step, -1), -2), expected)


@torch.inference_mode()
def test_moving_the_image_by_8_px_moves_the_map_as_much():
    torch.manual_seed(0)
    network = drawn(AtomAISegmentor(0.125))
    image = torch.zeros(1, 1, 208, 208, dtype=torch.double)
    image[..., 92:116, 96:112] = torch.rand(24, 16)
    still, moved = network(image), network(image.roll((8, -8), (-2, -1)))
    # Zeros beyond the border tell on the map some 70 px into it.
    assert still[..., 80:128, 80:128].std() > 0.001
    assert torch.allclose(moved[..., 88:128, 80:120], still[..., 80:120, 88:128], rtol=0, atol=1e-9)


def test_the_parameters_add_up_to_the_published_count():
    def layers(seen, own, count):
        return 9 * seen * own + 3 * own + (count - 1) * (9 * own * own + 3 * own)

    encoder = layers(1, 16, 1) + layers(16, 32, 2) + layers(32, 64, 2) + layers(64, 128, 3)
    decoder = layers(128, 64, 2) + layers(64, 32, 2) + layers(32, 16, 1)
    joints = (128 + 1) * 64 + (64 + 1) * 32 + (32 + 1) * 16
    assert encoder + decoder + joints + 16 + 1 == AtomAISegmentor.published_parameters
