import json
import pickle

import numpy as np
import pytest
import torch
from executed import Executed
from stembench.config import Config
from stembench.datasets.labels import TASK_LABELS, label
from stembench.errors import InputError
from stembench.networks import NETWORKS
from stembench.networks.base import Network
from stembench.networks.registry import NORMALISATIONS, build, count_parameters, normalise, restore, save
from stembench.products import sha256
from stembench.trained_network import TrainedNetwork

pytestmark = pytest.mark.slow

# `make test-detector` tries Faster R-CNN where torchvision loads.
CONFIGURED = Config().networks
LOADABLE = [name for name in NETWORKS if name != "faster_rcnn"]
PUBLISHED = {
    "atomai_segmentor": 594_033,
    "atomid_net": 7_920_514,
    "atomsegnet_unet": 1_742_533,
    "atomsegnet_unetpp": 9_162_753,
    "sffn": 959_681,
    "sfin": 960_193,
}


def stored(folder, name, task="localise"):
    network = build(name, 0.25, seed=0, task=task).eval()
    save(folder, network, {"architecture": name, "width": 0.25, "task": task, "options": {}})
    return network, TrainedNetwork(folder)


def squared(maps, target):
    """Mean square of the errors where a target says something."""
    return torch.nn.functional.mse_loss(maps, torch.where(target.isnan(), maps.detach(), target))


@pytest.mark.parametrize("name", LOADABLE)
def test_parameter_count_at_width_1_is_the_published_one(name):
    count = NETWORKS.load(name).published_parameters
    assert count_parameters(build(name, 1.0, seed=0)) == count
    assert PUBLISHED.get(name, count) == count


def test_every_published_count_is_of_a_network():
    assert set(PUBLISHED) <= set(NETWORKS)


@pytest.mark.parametrize("name", LOADABLE)
def test_a_network_says_what_it_is(name):
    network = NETWORKS.load(name)
    assert network.source
    assert set(network.tasks) <= set(TASK_LABELS)
    assert network.normalisation in NORMALISATIONS


@pytest.mark.parametrize("name", LOADABLE)
def test_weights_follow_from_the_seed(name):
    first, again, other = (build(name, 0.25, seed=seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not all(torch.equal(first[key], other[key]) for key in first)


@pytest.mark.parametrize("name", [name for name in LOADABLE if NETWORKS.load(name).start_from != Network.start_from])
def test_untrained_output_is_about_the_mean_it_starts_from(name):
    network = build(name, 0.25, seed=0)
    network.start_from(0.01)
    images = normalise(torch.rand(4, 1, 64, 64), network.normalisation)
    output = restore(network.map_of(network(images)), network.normalisation)
    assert 0.002 < output.mean().item() < 0.05


@pytest.mark.parametrize("name", LOADABLE)
def test_a_stored_network_answers_as_before_for_any_height_and_width(name, tmp_path):
    network, loaded = stored(tmp_path, name)
    images = np.random.default_rng(0).random((2, 50, 61)).astype(np.float32)
    assert loaded(images).shape == images.shape
    whole = images[:, :48, :48]
    direct = network.map_of(network(torch.from_numpy(normalise(whole, network.normalisation))[:, None]))
    direct = restore(direct, network.normalisation).detach()[:, 0].numpy()
    assert loaded(whole) == pytest.approx(direct, abs=1e-5)


@pytest.mark.parametrize("name", LOADABLE)
def test_a_small_image_is_no_mistake(name):
    assert build(name, 0.25, seed=0).eval()(torch.rand(1, 1, 9, 13))[0].shape[-2:] == (9, 13)


@pytest.mark.parametrize("name", LOADABLE)
@pytest.mark.parametrize("task", TASK_LABELS)
def test_every_task_of_a_network_has_a_target_that_its_output_is_compared_with(name, task, small_factory):
    if task not in NETWORKS.load(name).tasks:
        assert task in TASK_LABELS  # what it was not published for is not asked of it
        return
    network, sample = build(name, 0.1, seed=0, task=task), small_factory.sample("train", 0)
    target = torch.from_numpy(np.array(network.target(sample, task)))[None]
    image = torch.from_numpy(normalise(sample.images["image"], network.normalisation))[None, None]
    output = network(image.repeat(2, 1, 1, 1))
    loss = network.loss(output, target.repeat(2, 1, 1, 1), squared)
    assert torch.isfinite(loss)
    assert network.map_of(output).shape[-2:] == label(sample, TASK_LABELS[task]).shape
    loss.backward()


@pytest.mark.parametrize("name", [name for name in CONFIGURED if name != "faster_rcnn"])
def test_every_parameter_of_a_network_has_a_gradient(name, small_factory):
    """Devices that train together wait for the gradient of each."""
    entry, sample = CONFIGURED[name], small_factory.sample("train", 0)
    network = build(entry.architecture or name, 0.1, seed=0, options=entry.options)
    target = torch.from_numpy(np.array(network.target(sample, "localise")))[None]
    image = torch.from_numpy(normalise(sample.images["image"], network.normalisation))[None, None]
    network.loss(network(image.repeat(2, 1, 1, 1)), target.repeat(2, 1, 1, 1), squared).backward()
    assert [key for key, values in network.named_parameters() if values.grad is None] == []


def test_a_task_of_twice_the_size_gives_maps_of_twice_the_size(tmp_path):
    _, loaded = stored(tmp_path, "atomsegnet_unet", "superresolve_2x")
    assert loaded(np.zeros((1, 30, 41), np.float32)).shape == (1, 60, 82)


def test_the_spacing_that_a_network_tells_stands_beside_its_maps(tmp_path):
    images = np.random.default_rng(0).random((20, 48, 48)).astype(np.float32)  # more than one batch
    network, loaded = stored(tmp_path, "atomid_net")
    maps, spacings = loaded.maps_and_spacings(images)
    assert maps == pytest.approx(loaded(images))
    assert spacings == pytest.approx(network(torch.from_numpy(images)[:, None])[1].detach().numpy(), rel=1e-4)


def test_a_network_that_tells_no_spacing_leaves_it_blank(tmp_path):
    _, loaded = stored(tmp_path, "fcn")
    assert np.isnan(loaded.maps_and_spacings(np.zeros((3, 32, 32), np.float32))[1]).tolist() == [True] * 3


def test_normalisation_takes_out_scale_and_offset():
    images = np.random.default_rng(0).random((3, 20, 30)).astype(np.float32)
    assert normalise(5 * images + 2, "standardise") == pytest.approx(normalise(images, "standardise"), abs=1e-4)


@pytest.mark.parametrize("normalisation", NORMALISATIONS)
def test_normalisation_of_tensors_is_that_of_arrays(normalisation):
    images = np.random.default_rng(0).random((3, 20, 30)).astype(np.float32)
    assert normalise(torch.from_numpy(images), normalisation).numpy() == pytest.approx(
        normalise(images, normalisation), abs=1e-5
    )


def test_grey_levels_go_in_and_come_out():
    assert normalise(np.array([[0.0, 1.0]]), "grey_levels").tolist() == [[0, 255]]
    assert restore(np.array([[0.0, 255.0]]), "grey_levels").tolist() == [[0, 1]]


def test_an_unknown_network_is_refused_with_the_known_ones():
    with pytest.raises(InputError, match="atomsegnet_unet"):
        build("no_such_network", 1.0, 0)


@pytest.mark.parametrize("pickled", [pickle.dump, torch.save])
def test_weights_that_are_a_pickle_are_refused_and_not_executed(tmp_path, pickled):
    stored(tmp_path, "fcn")
    weights, record = tmp_path / "weights.safetensors", tmp_path / "model.json"
    with weights.open("wb") as file:
        pickled(Executed(tmp_path / "executed"), file)
    record.write_text(json.dumps(json.loads(record.read_text()) | {"weights_sha256": sha256(weights)}))
    with pytest.raises(InputError, match=r"weights\.safetensors") as refused:
        TrainedNetwork(tmp_path)
    assert "run again" in str(refused.value)
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("record", [{}, {"width": 1e6}, {"options": {"no_such": 1}}, {"architecture": "../fcn"}])
def test_a_record_that_does_not_fit_its_weights_is_refused(tmp_path, record):
    stored(tmp_path, "fcn")
    known = json.loads((tmp_path / "model.json").read_text())
    (tmp_path / "model.json").write_text(json.dumps(known | record if record else {}))
    with pytest.raises(InputError):
        TrainedNetwork(tmp_path)


def test_weights_that_are_not_those_of_the_record_are_told(tmp_path):
    network = build("atomsegnet_unet", 0.05, seed=0)
    save(tmp_path, network, {"architecture": "atomsegnet_unet", "width": 0.05, "task": "localise", "options": {}})
    TrainedNetwork(tmp_path)
    weights = tmp_path / "weights.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(InputError, match=f"{weights} is damaged.*delete {tmp_path} and run again"):
        TrainedNetwork(tmp_path)


@pytest.mark.parametrize("name", ["atomsegnet_unet", "atomsegnet_unetpp", "atomid_net", "atomai_segmentor"])
def test_confident_errors_have_a_gradient_in_bfloat16(name):
    network = build(name, 0.125, 0, "localise")
    last = getattr(network, "output_norm", network.output)
    with torch.no_grad():
        last.bias.fill_(8.0)  # as sure as can be that a column is everywhere
    image = torch.rand(2, 1, 64, 64)
    with torch.autocast("cpu", torch.bfloat16):
        output = network.map_of(network(image))
        torch.mean(output.float() ** 2).backward()
    assert last.bias.grad.abs().sum() > 1e-8
