from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from stembench.crystals.field import in_plane_turn
from stembench.crystals.projection import Projection
from stembench.datasets.labels import ignored, label
from stembench.datasets.sample import Sample
from stembench.networks.registry import build, count_parameters, save
from stembench.networks.structural_prior import (
    FEATURES,
    MOST_COLUMNS,
    RANKS,
    StructuralPrior,
    StructureAttention,
    _around,
    contrastive_loss,
    place_encoding,
    prior_tokens,
    strength_ranks,
)
from stembench.trained_network import TrainedNetwork

ATOMS = {"Sr": 38, "Ti": 22, "O": 8, "Si": 14, "Pt": 78, "Ni": 28}
ALONE = {"self_attention": False, "cross_attention": False, "contrastive": False}


@pytest.fixture(scope="module")
def structures(projection_of) -> dict:
    names = ("SrTiO3", "001"), ("SrTiO3", "110"), ("Si", "110"), ("Pt", "001")
    return {name: projection_of(*name) for name in names}


@pytest.fixture
def network() -> StructuralPrior:
    torch.manual_seed(0)
    return StructuralPrior(0.125)


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
    assert [token[4] for token in (first, second, *others[:3])] == [0, 1, 2, 2, 0]
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


def test_applied_to_an_image_it_is_told_the_structure_at_the_pixel_size_that_it_sees(tmp_path, structures):
    record = {"architecture": "structural_prior", "width": 0.05, "task": "localise", "options": {}}
    save(tmp_path, build("structural_prior", 0.05, 0), record)
    told = TrainedNetwork(tmp_path).told_of(structures["Si", "110"], 0.12)
    assert np.array_equal(told["prior"], prior_tokens(structures["Si", "110"], 0.12))


# Attention


def drawn(structure: Projection, turn: float, *, pixel_size: float = 0.1, edge: int = 64, mirrored: bool = False):
    """A crystal of round columns, as bright as they are strong; their places [px], and how strong each is."""
    places = np.array([[column["x_A"], column["y_A"]] for column in structure.columns]) / pixel_size
    strengths = np.array(
        [sum(a["occupancy"] * ATOMS[a["element"]] ** 1.7 for a in c["atoms"]) for c in structure.columns]
    )
    strengths = strengths / strengths.max()
    steps = np.stack(np.meshgrid(*[np.arange(-40, 41)] * 2), -1).reshape(-1, 1, 2) @ (structure.lattice / pixel_size)
    points = (places + steps).reshape(-1, 2) * [1, -1 if mirrored else 1]
    points = points @ in_plane_turn(turn) + [31.3, 32.8]
    weights = np.tile(strengths, len(steps))
    near = np.all((points > -12) & (points < edge + 12), axis=1)
    points, weights = points[near], weights[near]
    axis = np.arange(edge)
    along, across = (np.exp(-(((axis - p[:, None]) / 4.7) ** 2) / 2) for p in points.T)
    return np.einsum("p,py,px->yx", weights, across, along).astype(np.float32), points, weights


@pytest.fixture
def attention() -> StructureAttention:
    """One whose query is the image alone."""
    attention = StructureAttention(4)
    torch.nn.init.zeros_(attention.share)
    return attention.eval()


def gathered(attention: StructureAttention, image: np.ndarray, prior: torch.Tensor) -> np.ndarray:
    query = attention.query(torch.from_numpy(image)[None, None], torch.zeros(1, 4, *(n // 2 for n in image.shape)))
    return attention(query, prior)[0][0].detach().numpy()


@pytest.mark.parametrize("name", [("SrTiO3", "001"), ("SrTiO3", "110"), ("Si", "110"), ("Pt", "001")])
@pytest.mark.parametrize("turn", [0.0, 0.45, 2.9])
def test_a_crystal_is_recognised_at_any_turn_and_place(attention, structures, name, turn):
    image, points, weights = drawn(structures[name], turn)
    maps = gathered(attention, image, priors(structures, name))
    inside = np.all((points > 6) & (points < 58), axis=1) & (weights > 0.3)
    x, y = np.round(points[inside] / 2).astype(int).T
    assert maps[-1].mean() > 0.9  # of all weight, nothing has the rest
    assert maps[:RANKS].max(axis=0)[y, x].min() > 2.5 * maps[:RANKS].max(axis=0).mean()


def test_a_crystal_is_recognised_from_behind(attention):
    columns = ({"x_A": 0.0, "y_A": 0.0, "element": "Pt"}, {"x_A": 1.2, "y_A": 0.6, "element": "Ni"})
    columns = tuple(
        {"x_A": c["x_A"], "y_A": c["y_A"], "atoms": [{"element": c["element"], "occupancy": 1.0}]} for c in columns
    )
    oblique = Projection(np.array([[3.0, 0.0], [0.8, 4.0]]), np.zeros(2), 3.0, columns, np.eye(3), np.eye(3))
    prior = torch.from_numpy(prior_tokens(oblique, 0.1))[None]
    fits = []
    for mirrored in (False, True):
        image, _, _ = drawn(oblique, 1.0, mirrored=mirrored)
        query = attention.query(torch.from_numpy(image)[None, None], torch.zeros(1, 4, 32, 32))
        assert attention._best_turns(query, prior)[1].item() is mirrored
        fits.append(attention.fit(query, prior).item())
    assert fits[0] == pytest.approx(fits[1], rel=0.1)


def test_attention_is_a_softmax_over_patches_at_every_turn_and_place_and_nothing(attention, structures):
    torch.manual_seed(0)
    query, prior = torch.randn(1, 12, 10), priors(structures, ("SrTiO3", "110"))
    maps = attention(query, prior)[0][0].detach()
    points = _around(prior, 2).turned(*attention._best_turns(query, prior))
    scores = attention._scores(query, points)[0].detach()
    size = torch.hypot(*torch.meshgrid(*[torch.arange(-24.0, 25)] * 2, indexing="ij"))
    window = torch.exp(-(size**2) / (2 * 12**2)) * (size <= 24)
    values = []  # patches, from their columns one by one
    sigma = 0.6 / 2.3548 / 0.2
    for rank in range(RANKS):
        chosen = (points.ranks[0] == rank) & (points.strengths[0] > 0)
        patches = torch.zeros(len(scores), 49, 49)
        for turn, places in enumerate(points.places[0]):
            for x, y in places[chosen].tolist():
                axis = torch.arange(-24.0, 25)
                heights = [splat(place, axis, sigma) for place in (y, x)]
                weight = np.exp(-(x * x + y * y) / (2 * 12**2)) * (np.hypot(x, y) <= 24)
                patches[turn] += weight * heights[0][:, None] * heights[1]
        values.append(patches)
    values.append(window.expand(len(scores), -1, -1))
    for y, x in ((0, 0), (5, 4), (11, 9)):
        total = torch.zeros(RANKS + 1)
        for other_y in range(12):
            for other_x in range(10):
                weights = scores[:, other_y, other_x].exp()
                shown = torch.stack([value[:, 24 + y - other_y, 24 + x - other_x] for value in values])
                total += (weights * shown).sum(1) / window.sum()
        by_hand = total / (total[-1] + attention.nothing.exp())
        assert maps[:, y, x].numpy() == pytest.approx(by_hand.detach().numpy(), rel=2e-3, abs=2e-4)


def splat(place: float, axis: torch.Tensor, sigma: float) -> torch.Tensor:
    """A Gaussian that stands between two pixels as much as it is near to each."""
    below = np.floor(place)
    parts = ((below, below + 1 - place), (below + 1, place - below))
    return sum(share * torch.exp(-(((axis - at) / sigma) ** 2) / 2) for at, share in parts)


def test_scores_of_white_noise_have_a_standard_deviation_of_1(attention, structures):
    torch.manual_seed(0)
    query, prior = torch.randn(4, 96, 96), priors(structures, *structures)
    scores = attention._scores(query, _around(prior, 2).turned(torch.rand(4, 6), torch.zeros(4, dtype=torch.bool)))
    inner = torch.atanh(scores[..., 24:72, 24:72] / 12) * 12  # their limit taken off
    assert inner.std().item() == pytest.approx(1, abs=0.1)


def test_places_are_told_by_how_far_they_are_apart():
    here, there = (place_encoding(torch.tensor([origin]), 3, 5, 8, 16)[0] for origin in ([0.0, 0.0], [100.0, 37.0]))
    assert here @ here.T == pytest.approx((there @ there.T).numpy(), abs=1e-4)


def test_the_encoding_of_a_place_is_sines_and_cosines_of_its_y_and_x():
    codes = place_encoding(torch.zeros(1, 2), 3, 5, 8, 8)[0].reshape(3, 5, 8)
    waves = 2 * np.pi / np.array([16, 1024])
    y, x = 2 * 8 * waves, 4 * 8 * waves
    assert codes[2, 4] == pytest.approx(np.concatenate([np.sin(y), np.cos(y), np.sin(x), np.cos(x)]), abs=1e-5)


def test_output_depends_on_the_prior_and_neither_on_its_order_nor_on_empty_places(network, structures):
    image, _, _ = drawn(structures["SrTiO3", "110"], 0.3)
    prior = priors(structures, ("SrTiO3", "110"), ("SrTiO3", "110"), ("SrTiO3", "110"), ("Si", "110"))
    prior[1, [2, 3]] = prior[1, [3, 2]]
    prior[2, -1, 1:] = 0.5
    same, reordered, filled, other = network.eval()(torch.from_numpy(image).repeat(4, 1, 1, 1), prior=prior).detach()
    assert same == pytest.approx(reordered.numpy(), abs=1e-4)
    assert same == pytest.approx(filled.numpy(), abs=1e-6)
    assert (same - other).abs().max() > 1e-4


def test_without_a_prior_cross_attention_adds_nothing(structures):
    torch.manual_seed(0)
    network = StructuralPrior(0.125, self_attention=False).eval()
    weights = network.state_dict()
    alone = StructuralPrior(0.125, **ALONE).eval()
    alone.load_state_dict({name: weights[name] for name in alone.state_dict()})
    image, prior = torch.randn(2, 1, 32, 32), priors(structures, ("Si", "110"), ("Si", "110"))
    prior[1] = 0
    told, untold = network(image, prior=prior)
    assert torch.equal(untold, alone(image)[1])
    assert torch.equal(untold, network(image)[1])
    assert not torch.allclose(told, alone(image)[0])


def test_in_training_a_fifth_is_told_nothing_and_a_fifth_something_else(structures):
    torch.manual_seed(0)
    network, told, added = StructuralPrior(0.01).train(), [], []
    network.cross_attention.register_forward_pre_hook(lambda _, inputs: told.append(inputs[1]))
    network.gathered[1].register_forward_pre_hook(lambda _, inputs: added.append(inputs[0]))
    given = priors(structures, ("Si", "110"), ("Pt", "001")).repeat(100, 1, 1)
    network(torch.randn(200, 1, 16, 16), prior=given)
    other = (told[0] != given).flatten(1).any(1)
    nothing = (added[0] == 0).flatten(1).all(1)
    assert other.float().mean().item() == pytest.approx(0.2, abs=0.08)
    assert nothing.float().mean().item() == pytest.approx(0.2, abs=0.08)
    assert not (other & nothing).any()


@pytest.mark.parametrize("parts", [{}, ALONE, ALONE | {"self_attention": True}, {"contrastive": False}])
def test_every_variant_takes_images_of_any_size_with_and_without_a_prior(parts, structures):
    network, image = StructuralPrior(0.05, **parts).eval(), torch.randn(2, 1, 50, 61)
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

    unet = sum(convolution(*pair) for pair in [(1, 32), (32, 64), (64, 128), (128, 192), (192, 256)])
    unet += sum(convolution(*pair) for pair in [(256 + 192, 192), (192 + 128, 128), (128 + 64, 64), (64 + 32, 32)])
    unet += linear(32, 3)
    to_itself = sum(4 * linear(n, n) + 2 * n + n for n in (192, 256))  # with normalisation and gate
    to_prior = 9 * 64 + 3 + 4 * (32 + 64)  # the query, its share, sharpness and nothing, and what is added to two skips
    assert count_parameters(StructuralPrior(**ALONE)) == unet
    assert count_parameters(StructuralPrior(**ALONE | {"self_attention": True})) == unet + to_itself
    assert count_parameters(StructuralPrior(contrastive=False)) == unet + to_itself + to_prior
    assert StructuralPrior.published_parameters == unet + to_itself + to_prior


def test_a_contrastive_term_without_cross_attention_is_refused():
    with pytest.raises(ValueError, match="contrastive: true needs cross_attention: true"):
        StructuralPrior(0.05, cross_attention=False)


# Contrastive term


def test_the_contrastive_loss_of_three_samples_of_which_one_counts_in_nothing_by_hand():
    own, other = torch.tensor([2.0, 1.0, 7.0]), torch.tensor([1.0, 3.0, 9.0])
    by_hand = -(np.log(np.exp(2) / (np.exp(2) + np.exp(1))) + np.log(np.exp(1) / (np.exp(1) + np.exp(3)))) / 2
    assert contrastive_loss(own, other, torch.tensor([True, True, False])).item() == pytest.approx(by_hand)
    assert contrastive_loss(own, other, torch.zeros(3, dtype=torch.bool)).item() == 0


def test_samples_of_one_structure_and_those_told_nothing_are_not_compared(network, structures):
    names = ("SrTiO3", "001"), ("SrTiO3", "001"), ("Pt", "001"), ("Si", "110")
    given = priors(structures, *names)
    given[1] = torch.from_numpy(prior_tokens(structures["SrTiO3", "001"], 0.13))
    given[3] = 0
    *_, counted = network.train()(torch.randn(4, 1, 16, 16), prior=given)
    assert counted.tolist() == [False, False, True, False]  # each with the one before it, the first with the last


def test_an_image_fits_its_own_structure_better_than_another(attention, structures):
    for name in structures:
        query = attention.query(
            torch.from_numpy(drawn(structures[name], 1.2)[0])[None, None], torch.zeros(1, 4, 32, 32)
        )
        fits = {other: attention.fit(query, priors(structures, other)).item() for other in structures}
        assert max(fits, key=fits.get) == name


def test_in_training_a_tenth_of_the_contrastive_loss_is_added_and_reaches_every_parameter(network, structures):
    given = priors(structures, *structures)
    output = network.train()(torch.randn(4, 1, 32, 32), prior=given)
    target = torch.rand(4, 3, 32, 32)
    loss = network.loss(output, target, torch.nn.functional.mse_loss)
    alone = torch.nn.functional.mse_loss(output[0], target).item()
    assert loss.item() == pytest.approx(alone * (1 + 0.1 * contrastive_loss(*output[1:]).item()))
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
