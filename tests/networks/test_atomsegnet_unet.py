import numpy as np
import pytest
import torch
from stembench.errors import InputError
from stembench.networks.registry import (
    NETWORKS,
    TrainedNetwork,
    build,
    count_parameters,
    network_class,
    normalise,
    save,
)


@pytest.mark.parametrize("name", NETWORKS)
def test_parameter_count_at_width_1_is_the_published_one(name):
    assert count_parameters(build(name, 1.0, seed=0)) == network_class(name).published_parameters


def test_the_published_count_of_the_unet_is_1742533():
    assert network_class("atomsegnet_unet").published_parameters == 1_742_533


@pytest.mark.parametrize("name", NETWORKS)
def test_weights_follow_from_the_seed(name):
    first, again, other = (build(name, 0.25, seed=seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not all(torch.equal(first[key], other[key]) for key in first)


@pytest.mark.parametrize("name", NETWORKS)
def test_untrained_output_is_about_the_mean_it_starts_from(name):
    network = build(name, 0.25, seed=0)
    network.start_from(0.01)
    output = network(torch.randn(4, 1, 64, 64))
    assert 0.002 < output.mean().item() < 0.05


@pytest.mark.parametrize("name", NETWORKS)
def test_a_stored_network_answers_as_before_for_any_height_and_width(name, tmp_path):
    network = build(name, 0.25, seed=0).eval()
    save(tmp_path, network, {"network": name, "width": 0.25})
    loaded = TrainedNetwork(tmp_path)
    images = np.random.default_rng(0).random((2, 50, 61)).astype(np.float32)
    assert loaded(images).shape == images.shape
    whole = images[:, :48, :60]
    direct = network(torch.from_numpy(normalise(whole, network.normalisation))[:, None])
    assert loaded(whole) == pytest.approx(direct.detach()[:, 0].numpy(), abs=1e-5)


def test_normalisation_takes_out_scale_and_offset():
    images = np.random.default_rng(0).random((3, 20, 30)).astype(np.float32)
    assert normalise(5 * images + 2, "standardise") == pytest.approx(normalise(images, "standardise"), abs=1e-4)


def test_an_unknown_network_is_refused_with_the_known_ones():
    with pytest.raises(InputError, match="atomsegnet_unet"):
        build("no_such_network", 1.0, 0)
