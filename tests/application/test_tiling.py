import io

import numpy as np
import pytest
import torch
from stembench.application import tiling
from stembench.application.tiling import map_of, maps_of_tiles, progress_bar, reach_of, tiles_of
from stembench.errors import InputError
from stembench.networks import NETWORKS
from stembench.networks.base import Network
from stembench.networks.registry import build, normalise, save
from stembench.trained_network import TrainedNetwork

pytestmark = pytest.mark.slow

LOADABLE = [name for name in NETWORKS if name != "faster_rcnn"]
#: How far maps of tiles are from the whole image's, at most (RMS over the map's SD), in lively untrained networks.
GLOBAL = {"sfin": 0.03, "sffn": 0.03, "structural_prior": 0.1}
LOCAL = sorted(set(LOADABLE) - set(GLOBAL))
WITHOUT_ATTENTION = {"self_attention": False, "cross_attention": False, "contrastive": False}


def lively(name, folder, task="localise", **options):
    """An untrained network whose norms keep its signals about 1, so that every part of it counts."""
    network = build(name, 0.1, seed=0, task=task, options=options)
    torch.manual_seed(0)
    for key, parameter in network.named_parameters():
        if key.endswith("gate") or key == "tail.weight":  # those start from 0
            torch.nn.init.normal_(parameter, 0, 0.1)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.no_grad():
        network.train()(torch.from_numpy(normalise(crystal(96, 96)[None, None], network.normalisation)))
    save(folder, network, {"architecture": name, "width": 0.1, "task": task, "options": options})
    return TrainedNetwork(folder)


def crystal(height, width):
    """A noisy lattice on a slope, in [0, 1]."""
    y, x = np.mgrid[:height, :width]
    lattice = np.cos(x / 3) + np.cos(y / 3.5) + 2 + 0.01 * x
    noisy = lattice + np.random.default_rng(0).normal(0, 0.5, lattice.shape)
    return ((noisy - noisy.min()) / np.ptp(noisy)).astype(np.float32)


@pytest.fixture
def small_tiles(monkeypatch):
    monkeypatch.setattr(tiling, "WINDOW_PX", 304)


@pytest.mark.parametrize("name", LOCAL)
def test_a_convolutional_network_makes_the_same_of_tiles_as_of_the_whole(name, tmp_path, small_tiles):
    network, image = lively(name, tmp_path), crystal(307, 330)
    found, whole = map_of(network, image), network(image[None])[0]
    assert len(list(maps_of_tiles(network, image))) in (4, 9)
    assert whole.std() > 5e-4
    assert found == pytest.approx(whole, abs=1e-5)


def test_a_network_without_its_attention_is_convolutional(tmp_path, small_tiles):
    network, image = lively("structural_prior", tmp_path, **WITHOUT_ATTENTION), crystal(307, 330)
    assert map_of(network, image) == pytest.approx(network(image[None])[0], abs=1e-5)


@pytest.mark.parametrize("name", GLOBAL)
def test_a_network_that_sees_all_makes_nearly_the_same_of_tiles_which_fade_into_each_other(name, tmp_path, small_tiles):
    network, image = lively(name, tmp_path), crystal(64, 272)
    whole = network(image[None])[0]
    difference = map_of(network, image) - whole
    assert 1e-5 < np.sqrt(np.mean(difference**2)) / whole.std() < GLOBAL[name]
    (left, found), (right, found_right) = maps_of_tiles(network, image)
    cut = np.hstack([found[left.inner], found_right[right.inner]]) - whole
    seam = left.core[1].stop
    faded_step, step = (np.sqrt(np.mean((each[:, seam] - each[:, seam - 1]) ** 2)) for each in (difference, cut))
    assert faded_step < 0.9 * step


def test_a_network_looks_as_far_as_its_convolutions_add_up_to(tmp_path):
    assert reach_of(lively("fcn", tmp_path / "fcn")) == 18  # one px a layer
    # By hand: from the map downwards, each level doubled on the pooling grid, two convolutions a level.
    assert reach_of(lively("atomid_net", tmp_path / "atomid_net")) == 94
    assert reach_of(lively("sfin", tmp_path / "sfin")) == np.inf


def test_how_far_a_network_looks_is_known_although_its_sigmoid_is_saturated(monkeypatch):
    class Saturated(Network):
        source, published_parameters, sigmoid = "here", 0, True

        def __init__(self):
            super().__init__()
            self.layers = torch.nn.Sequential(*(torch.nn.Conv2d(1, 1, 3, padding=1) for _ in range(3)))

        def compute(self, image):
            return 1e6 * self.layers(image)

    monkeypatch.setattr(tiling, "build", lambda *_, **__: Saturated())
    assert tiling._reach("saturated", ()) == 3


@pytest.mark.parametrize("shape", [(64, 64), (65, 2000), (1024, 1025), (3001, 2999)])
@pytest.mark.parametrize(("divisor", "reach"), [(1, 18), (16, 94), (16, np.inf)])
def test_cores_fill_the_image_once_and_windows_hold_what_the_network_sees(shape, divisor, reach):
    times, margin = np.zeros(shape, int), 48 if reach == np.inf else reach
    for tile in tiles_of(shape, divisor, reach, 0.25):
        times[tile.core] += 1
        assert np.zeros(shape, np.int8)[tile.window][tile.inner].shape == np.zeros(shape, np.int8)[tile.core].shape
        for window, core, length in zip(tile.window, tile.core, shape):
            assert window.start % divisor == core.start % divisor == 0
            assert window.start <= max(0, core.start - margin)
            assert window.stop >= min(length, core.stop + margin)
            assert window.stop - window.start <= 1024 + 2 * divisor
    assert (times == 1).all()


def test_the_whole_image_is_normalised_at_once(tmp_path, small_tiles):
    network, image = lively("atomsegnet_unet", tmp_path), crystal(100, 330)
    image[:, 150:] *= 0.1  # a tile there would be as bright as the others, were it normalised alone
    assert network.record["normalisation"] == "standardise"
    assert map_of(network, image) == pytest.approx(network(image[None])[0], abs=1e-5)


def test_a_network_for_maps_of_twice_the_size_is_refused(tmp_path):
    with pytest.raises(InputError, match="superresolve_2x"):
        map_of(lively("atomsegnet_unet", tmp_path, "superresolve_2x"), crystal(64, 64))


def test_progress_is_told_tile_by_tile(tmp_path, small_tiles):
    told = []
    map_of(lively("fcn", tmp_path), crystal(310, 310), progress=lambda *counts: told.append(counts))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


@pytest.mark.parametrize(("terminal", "shown"), [(True, True), (False, False)])
def test_a_bar_is_shown_on_a_terminal_alone(terminal, shown, monkeypatch):
    stream = io.StringIO()
    stream.isatty = lambda: terminal
    monkeypatch.setattr("sys.stderr", stream)
    with progress_bar("a.dm3") as progress:
        progress(1, 2)
        progress(2, 2)
    assert ("a.dm3: 100%" in stream.getvalue()) == shown
