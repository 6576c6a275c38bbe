from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from stembench.crystals.field import in_plane_turn
from stembench.crystals.projection import Projection
from stembench.datasets.labels import ignored, label
from stembench.datasets.sample import Sample
from stembench.networks.registry import count_parameters
from stembench.networks.structural_prior import (
    FEATURES,
    MOST_COLUMNS,
    Attention,
    StructuralPrior,
    info_nce,
    moved_origin,
    place_encoding,
    prior_tokens,
    strength_ranks,
)

ALONE = {"self_attention": False, "cross_attention": False, "contrastive": False}


@pytest.fixture(scope="module")
def structures(projection_of) -> dict:
    names = ("SrTiO3", "001"), ("SrTiO3", "110"), ("Si", "110"), ("Pt", "001")
    return {name: projection_of(*name) for name in names}


@pytest.fixture
def network() -> StructuralPrior:
    torch.manual_seed(0)
    return StructuralPrior(0.125)


def opened(network: StructuralPrior) -> StructuralPrior:
    for name, parameter in network.named_parameters():
        if name.endswith("gate"):
            torch.nn.init.ones_(parameter)
    return network.eval()


def priors(structures: dict, *names: tuple[str, str], pixel_size: float = 0.1) -> torch.Tensor:
    return torch.from_numpy(np.stack([prior_tokens(structures[name], pixel_size) for name in names]))


def sample_of(columns: pd.DataFrame, **parameters) -> Sample:
    drawn = {"pixel_size_A": 0.1, "gaussian_mask_fwhm_A": 0.3} | parameters
    return Sample({"image": np.zeros((64, 96), np.float32)}, columns, drawn)


# Prior tokens


def test_tokens_hold_the_lattice_in_pixels_and_the_columns_by_strength(structures):
    lattice, first, second, *others = prior_tokens(structures["SrTiO3", "001"], 0.1)
    edge = 3.905 / 0.1
    assert lattice == pytest.approx([1, np.log(edge), np.log(edge), 0, 1, np.log(0.1)], abs=1e-3)
    assert [first[3], second[3]] == pytest.approx([1, (22**1.7 + 8**1.7) / 38**1.7])
    assert (second - first)[1:3] % 1 == pytest.approx([0.5, 0.5])
    assert [token[3] for token in others[:3]] == pytest.approx([8**1.7 / 38**1.7] * 2 + [0])
    assert not np.any(others[2:])


def test_tokens_do_not_tell_how_the_crystal_is_turned(structures):
    for known in structures.values():
        turn = in_plane_turn(0.7)
        turned = [column | dict(zip(("x_A", "y_A"), [column["x_A"], column["y_A"]] @ turn)) for column in known.columns]
        there = replace(known, lattice=known.lattice @ turn, columns=tuple(turned))
        difference = prior_tokens(there, 0.1) - prior_tokens(known, 0.1)
        difference[1:, 1:3] -= np.round(difference[1:, 1:3])  # places are modulo 1
        assert difference == pytest.approx(0, abs=1e-5)


def test_tokens_tell_a_structure_from_its_mirror_image():
    columns = [{"x_A": 0.5, "y_A": 0.7, "atoms": [{"element": "Si", "occupancy": 1.0}]}]
    lattice = np.array([[3.0, 0.0], [1.0, 4.0]])
    known = Projection(lattice, np.zeros(2), 3.0, tuple(columns), np.eye(3), np.eye(3))
    mirrored = replace(known, lattice=lattice * [1, -1])
    assert prior_tokens(known, 0.1)[0, 4] == pytest.approx(-prior_tokens(mirrored, 0.1)[0, 4])


def test_a_sample_is_told_the_same_wherever_its_crystal_lies(small_factory, structures):
    network, one = StructuralPrior(0.05), small_factory.sample("train", 0)
    moved = replace(one, parameters=one.parameters | {"rotation_deg": 33.0, "offset_x_A": 1.0, "offset_y_A": 2.0})
    told, again = (network.context(each, structures)["prior"] for each in (one, moved))
    assert np.array_equal(told, again)
    assert told.any()


def test_the_strongest_columns_of_a_large_cell_are_told():
    columns = [{"x_A": float(n), "y_A": 0.0, "atoms": [{"element": "C", "occupancy": 1 - n / 100}]} for n in range(40)]
    large = Projection(np.diag([40.0, 5.0]), np.zeros(2), 3.0, tuple(columns[::-1]), np.eye(3), np.eye(3))
    tokens = prior_tokens(large, 0.1)
    assert tokens[1:, 1] == pytest.approx(np.arange(MOST_COLUMNS) / 40, abs=1e-6)


def test_a_sample_of_an_unknown_material_is_told_nothing(structures):
    told = StructuralPrior(0.05).context(sample_of(pd.DataFrame()), structures)["prior"]
    assert told.shape == (1 + MOST_COLUMNS, FEATURES)
    assert not told.any()


def test_another_origin_moves_all_columns_alike(structures):
    given = priors(structures, ("SrTiO3", "001"), ("Si", "110"))
    shift = torch.tensor([[0.3, 0.9], [0.0, 0.25]])
    moved = moved_origin(given, shift)
    for before, after, by in zip(given, moved, shift):
        columns = int(before[1:, 0].sum())
        steps = (after - before)[1 : 1 + columns, 1:3] - by
        assert (steps - steps.round()).abs().max() < 1e-6
        assert after[1:, 1:3].min() >= 0
        assert after[1:, 1:3].max() < 1
        after[1 : 1 + columns, 1:3] = before[1 : 1 + columns, 1:3]
        assert torch.equal(before, after)


def test_in_training_the_origin_is_anywhere_and_a_fifth_of_the_priors_is_dropped(structures):
    network, seen = StructuralPrior(0.01).train(), []
    network.prior.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    torch.manual_seed(0)
    given = priors(structures, ("Si", "110")).repeat(300, 1, 1)
    *_, kept, _ = network(torch.zeros(300, 1, 16, 16), prior=given)
    assert kept.float().mean().item() == pytest.approx(0.8, abs=0.08)
    shifts = (seen[0] - given)[:, 1:3, 1:3] % 1
    assert shifts[:, 0] == pytest.approx(shifts[:, 1].numpy(), abs=1e-5)
    assert np.histogram(shifts[:, 0, 0], 4, (0, 1))[0] == pytest.approx(75, abs=30)
    network.eval()(torch.zeros(1, 1, 16, 16), prior=given[:1])
    assert torch.equal(seen[1], given[:1])


# Attention


def test_attention_is_a_softmax_weighted_sum_for_each_head():
    torch.manual_seed(0)
    attention = Attention(8, 12).double()
    query, key, value = torch.randn(5, 8).double(), torch.randn(3, 12).double(), torch.randn(3, 12).double()
    present = torch.tensor([True, False, True])
    q, k, v = attention.query(query), attention.key(key), attention.value(value)
    gathered = torch.zeros(5, 8).double()
    for place in range(5):
        for head in range(4):
            mine = slice(2 * head, 2 * head + 2)
            weights = [torch.exp(q[place, mine] @ k[other, mine] / 2**0.5).item() for other in (0, 2)]
            for weight, other in zip(weights, (0, 2)):
                gathered[place, mine] += weight / sum(weights) * v[other, mine]
    direct = attention.output(gathered)
    answer = attention(query[None], key[None], value[None], present[None])[0]
    assert answer.detach().numpy() == pytest.approx(direct.detach().numpy())


def test_places_are_told_by_how_far_they_are_apart():
    here, there = (place_encoding(torch.tensor([origin]), 3, 5, 8, 16)[0] for origin in ([0.0, 0.0], [100.0, 37.0]))
    assert here @ here.T == pytest.approx((there @ there.T).numpy(), abs=1e-4)


def test_the_encoding_of_a_place_is_sines_and_cosines_of_its_y_and_x():
    codes = place_encoding(torch.zeros(1, 2), 3, 5, 8, 8)[0].reshape(3, 5, 8)
    waves = 2 * np.pi / np.array([16, 1024])
    y, x = 2 * 8 * waves, 4 * 8 * waves
    assert codes[2, 4] == pytest.approx(np.concatenate([np.sin(y), np.cos(y), np.sin(x), np.cos(x)]), abs=1e-5)


def test_closed_gates_leave_the_unet_alone(network, structures):
    torch.manual_seed(0)
    alone = StructuralPrior(0.125, **ALONE)
    weights = network.state_dict()
    alone.load_state_dict({name: weights[name] for name in alone.state_dict()})
    image, prior = torch.randn(2, 1, 32, 48), priors(structures, ("Si", "110"), ("SrTiO3", "110"))
    assert torch.equal(network.eval()(image, prior=prior), alone.eval()(image))
    assert not torch.allclose(opened(network)(image, prior=prior), alone(image))


def test_output_depends_on_the_prior_and_neither_on_its_order_nor_on_empty_places(network, structures):
    opened(network)
    image = torch.randn(1, 1, 32, 32).repeat(4, 1, 1, 1)
    prior = priors(structures, ("SrTiO3", "110"), ("SrTiO3", "110"), ("SrTiO3", "110"), ("Si", "110"))
    prior[1, [1, 2]] = prior[1, [2, 1]]
    prior[2, -1, 1:] = 0.5
    same, reordered, filled, other = network(image, prior=prior).detach()
    assert same == pytest.approx(reordered.numpy(), abs=1e-6)
    assert same == pytest.approx(filled.numpy(), abs=1e-6)
    assert (same - other).abs().max() > 1e-5


def test_without_a_prior_cross_attention_adds_nothing(structures):
    torch.manual_seed(0)
    network = opened(StructuralPrior(0.125, self_attention=False))
    weights = network.state_dict()
    alone = StructuralPrior(0.125, **ALONE).eval()
    alone.load_state_dict({name: weights[name] for name in alone.state_dict()})
    image, prior = torch.randn(2, 1, 32, 32), priors(structures, ("Si", "110"), ("Si", "110"))
    prior[1] = 0
    told, untold = network(image, prior=prior)
    assert torch.equal(untold, alone(image)[1])
    assert torch.equal(untold, network(image)[1])
    assert not torch.allclose(told, alone(image)[0])


@pytest.mark.parametrize("parts", [{}, ALONE, ALONE | {"self_attention": True}, {"contrastive": False}])
def test_every_variant_takes_images_of_any_size_with_and_without_a_prior(parts, structures):
    network, image = opened(StructuralPrior(0.05, **parts)), torch.randn(2, 1, 50, 61)
    for given in ({}, {"prior": priors(structures, ("Si", "110"), ("Pt", "001"))}):
        output = network(image, **given)
        assert output.shape == (2, 3, 50, 61)
        assert torch.isfinite(output).all()
        assert torch.equal(network.map_of(output)[:, 0], output.max(1).values)


def test_parameters_are_those_of_the_layers():
    def convolution(channels_in, channels_out):  # two of 3 x 3 without bias, each with its normalisation
        return 9 * (channels_in + channels_out) * channels_out + 4 * channels_out

    def linear(channels_in, channels_out):
        return (channels_in + 1) * channels_out

    def attention(channels, context):
        return 2 * linear(channels, channels) + 2 * linear(context, channels)

    unet = sum(convolution(*pair) for pair in [(1, 32), (32, 64), (64, 128), (128, 192), (192, 256)])
    unet += sum(convolution(*pair) for pair in [(256 + 192, 192), (192 + 128, 128), (128 + 64, 64), (64 + 32, 32)])
    unet += linear(32, 3)
    to_itself, to_prior = (
        sum(attention(n, context or n) + 2 * n + n for n in (192, 256)) for context in (None, 128)
    )  # with normalisation and gate
    layer = attention(128, 128) + linear(128, 256) + linear(256, 128) + 2 * 2 * 128
    tokens = 128 + linear(5, 128) + linear(13, 128) + 2 * layer + 2 * 128
    embeddings = linear(256, 128) + linear(128, 128) + 1
    assert count_parameters(StructuralPrior(**ALONE)) == unet
    assert count_parameters(StructuralPrior(**ALONE | {"self_attention": True})) == unet + to_itself
    assert count_parameters(StructuralPrior(contrastive=False)) == unet + to_itself + to_prior + tokens
    assert StructuralPrior.published_parameters == unet + to_itself + to_prior + tokens + embeddings


# Contrastive term


def test_the_contrastive_loss_of_three_samples_two_of_one_structure_by_hand():
    similarity = np.array([[2.0, 5.0, 1.0], [0.5, 1.0, 3.0], [1.0, 0.0, 2.0]])
    structure = torch.tensor([[1.0, 4.0], [1.0, 4.0 + 1e-5], [2.0, 4.0]])
    others = [(0, 2), (1, 2), (0, 1, 2)]  # of the other structure, and the sample itself
    by_hand = 0.0
    for own in range(3):
        by_hand -= np.log(np.exp(similarity[own, own]) / sum(np.exp(similarity[own, j]) for j in others[own])) / 6
        by_hand -= np.log(np.exp(similarity[own, own]) / sum(np.exp(similarity[j, own]) for j in others[own])) / 6
    loss = info_nce(torch.tensor(similarity), torch.eye(3).double(), torch.ones(3, dtype=torch.bool), structure)
    assert loss.item() == pytest.approx(by_hand)


def test_samples_without_a_prior_count_in_nothing():
    image, prior = torch.randn(2, 4, 8)
    structure, kept = torch.arange(4.0)[:, None], torch.tensor([True, False, True, True])
    whole = info_nce(image, prior, kept, structure)
    assert whole.item() == pytest.approx(info_nce(image[kept], prior[kept], kept[kept], structure[kept]).item())
    assert info_nce(image, prior, torch.zeros(4, dtype=torch.bool), structure).item() == 0


def test_images_of_one_structure_are_not_told_apart():
    image, prior = torch.randn(2, 4, 8)
    assert info_nce(image, prior, torch.ones(4, dtype=torch.bool), torch.ones(4, 3)).item() == pytest.approx(0)


def test_a_structure_is_the_same_at_every_pixel_size(network, structures):
    names = ("SrTiO3", "001"), ("Pt", "001"), ("SrTiO3", "110")
    given = torch.cat([priors(structures, *names), priors(structures, *names, pixel_size=0.13)])
    *_, structure = network.train()(torch.randn(6, 1, 16, 16), prior=given)
    distances = (structure[:, None] - structure).abs().amax(-1)
    assert torch.equal(distances < 1e-3, torch.eye(3).repeat(2, 2).bool())


def test_images_are_embedded_before_they_meet_the_prior(network, structures):
    opened(network).train()
    image, embeddings = torch.randn(2, 1, 32, 32), []
    for names in ((("Si", "110"), ("Pt", "001")), (("SrTiO3", "001"), ("SrTiO3", "110"))):
        torch.manual_seed(1)
        embeddings.append(network(image, prior=priors(structures, *names))[1:3])
    assert torch.equal(embeddings[0][0], embeddings[1][0])
    assert not torch.allclose(embeddings[0][1], embeddings[1][1])


def test_in_training_a_tenth_of_the_contrastive_loss_is_added_and_reaches_every_parameter(network, structures):
    given = priors(structures, *structures)
    output = network.train()(torch.randn(4, 1, 32, 32), prior=given)
    target = torch.rand(4, 3, 32, 32)
    loss = network.loss(output, target, torch.nn.functional.mse_loss)
    alone = torch.nn.functional.mse_loss(output[0], target)
    assert loss.item() == pytest.approx((alone + 0.1 * info_nce(*output[1:])).item())
    loss.backward()
    assert all(parameter.grad is not None for parameter in network.parameters())
    maps = network.eval()(torch.randn(4, 1, 32, 32), prior=given)
    expected = torch.nn.functional.mse_loss(maps, target).item()
    assert network.loss(maps, target, torch.nn.functional.mse_loss).item() == pytest.approx(expected)


# Targets


def test_ranks_are_the_classes_of_strength_from_the_heaviest_down():
    positions = np.column_stack([np.arange(6.0), np.zeros(6)])
    assert strength_ranks(positions, np.array([0.46, 1, 0.95, 0.07, 0.44, 0.2])).tolist() == [1, 0, 0, 2, 1, 2]


def test_a_crystal_that_grows_thin_keeps_its_ranks():
    positions = np.column_stack([1.5 * np.arange(20), np.zeros(20)])
    strengths = np.tile([1, 0.46], 10) * np.linspace(1, 0.45, 20)
    assert strength_ranks(positions, strengths).tolist() == [0, 1] * 10


def test_no_columns_have_no_ranks():
    assert strength_ranks(np.empty((0, 2)), np.empty(0)).shape == (0,)


def test_targets_show_each_rank_apart_hidden_columns_too_but_none_that_is_not_asked():
    columns = pd.DataFrame(
        {
            "x_A": [2.0, 4.0, 6.0, 8.0],
            "y_A": [3.0, 3.0, 3.0, 3.0],
            "strength": [1.0, 0.5, 0.98, 0.1],
            "asked": [True, True, True, False],
            "hidden": [False, False, True, False],
        }
    )
    sample = sample_of(columns)
    heaviest, second, rest = StructuralPrior(0.05).target(sample, "localise")
    peak = np.mean(2 ** (-4 * (np.linspace(-0.05, 0.05, 1001) / 0.3) ** 2)) ** 2  # its mean over the pixel
    assert [heaviest[30, x] for x in (20, 40, 60, 80)] == pytest.approx([peak, 0, peak, 0], abs=1e-4)
    assert [second[30, x] for x in (20, 40, 60, 80)] == pytest.approx([0, peak, 0, 0], abs=1e-4)
    assert not rest.any()
    assert np.array_equal(np.maximum(heaviest, second), label(sample, "gaussianMask"))


def test_where_nothing_is_said_no_rank_has_a_target():
    columns = pd.DataFrame({"x_A": [2.0, 4.0, 8.0], "y_A": 3.0, "strength": [1.0, 0.5, 0.1], "hidden": False})
    sample = sample_of(columns.assign(asked=[True, True, False], ignored_A=[0.0, 0.0, 0.6]))
    silent, target = ignored(sample), StructuralPrior(0.05).target(sample, "localise")
    assert silent[30, 80]
    assert np.array_equal(np.isnan(target), np.broadcast_to(silent, target.shape))


def test_ranks_of_a_drawn_crystal_are_those_of_its_elements(small_factory):
    for position in range(20):
        sample = small_factory.sample("train", position)
        asked = sample.columns[sample.columns.asked]
        ranks = strength_ranks(asked[["x_A", "y_A"]].to_numpy(), asked.strength.to_numpy())
        heavy, light = asked.strength > 0.9, asked.strength < 0.2
        assert np.array_equal(ranks, np.select([heavy, light], [0, 2], 1))
