"""Faster R-CNN itself, where torchvision loads: `make test-detector`."""

import numpy as np
import pandas as pd
import pytest
import torch
import torchvision
from stembench.config import Recipe
from stembench.datasets.loading import Crops
from stembench.datasets.sample import Sample
from stembench.localisation.peaks import PeakSettings, find_columns
from stembench.networks.faster_rcnn import FasterRCNN, boxes_of
from stembench.networks.registry import build, count_parameters, normalise, save
from stembench.trained_network import TrainedNetwork
from stembench.training.run import train
from torch import nn
from torchvision.models.detection.generalized_rcnn import GeneralizedRCNN
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.transform import GeneralizedRCNNTransform

PIXEL_SIZE = 0.1


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def lattice(seed, edge=64, noise=0.0):
    """An image of Gaussian columns on a turned, oblique lattice, 9 to 13 px apart."""
    rng = np.random.default_rng(seed)
    turn, first, second = rng.uniform(0, np.pi), *rng.uniform(9, 13, 2)
    vectors = [
        [first * np.cos(turn), first * np.sin(turn)],
        [-second * np.sin(turn + 0.2), second * np.cos(turn + 0.2)],
    ]
    steps = np.stack(np.meshgrid(*[np.arange(-15, 16)] * 2), axis=-1).reshape(-1, 2)
    places = steps @ np.array(vectors) + rng.uniform(20, 40, 2)
    y, x = np.mgrid[:edge, :edge]
    image = sum(np.exp(-((x - column) ** 2 + (y - row) ** 2) / (2 * 2.5**2)) for column, row in places)
    inside = places[np.all((places >= 0) & (places <= edge - 1), axis=1)] * PIXEL_SIZE
    columns = pd.DataFrame({"x_A": inside[:, 0], "y_A": inside[:, 1], "asked": True})
    image = (image + rng.normal(0, noise, image.shape)).astype(np.float32)
    return Sample({"image": image}, columns, {"pixel_size_A": PIXEL_SIZE, "column_radius_A": 0.5})


def pair(network, sample):
    return normalise(sample.images["image"], network.normalisation), network.target(sample, "localise")


def batch(network, samples):
    images, targets = zip(*(pair(network, sample) for sample in samples))
    return torch.from_numpy(np.stack(images))[:, None], torch.from_numpy(np.stack(targets))


def small(seed=0):
    return build("faster_rcnn", 0.1, seed)


def run(network, folder, pairs, epochs, report=print, **sizes):
    crops, validation = (Crops(part, seed=0, **sizes) for part in (pairs, pairs[:4]))
    recipe = Recipe(loss="own", learning_rate=4e-3)
    return train(network, crops, validation, recipe=recipe, epochs=epochs, checkpoints=folder, report=report)


def test_it_has_as_many_parameters_as_it_says():
    assert count_parameters(build("faster_rcnn", 1.0, seed=0)) == FasterRCNN.published_parameters


def test_weights_follow_from_the_seed():
    first, again, other = (small(seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not all(torch.equal(first[key], other[key]) for key in first)


def test_a_backbone_starts_from_the_weights_in_torchs_cache_and_from_scratch_without_them(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    assert build("faster_rcnn", 1.0, seed=0).note == "backbone from scratch"
    trained = torchvision.models.mobilenet_v3_large(weights=None)
    file = tmp_path / "hub" / "checkpoints" / torchvision.models.MobileNet_V3_Large_Weights.DEFAULT.url.split("/")[-1]
    file.parent.mkdir(parents=True)
    torch.save(trained.state_dict(), file)
    network = build("faster_rcnn", 1.0, seed=0)
    assert network.note == "pretrained backbone"
    layers = [layer for stage in network.stages for layer in stage]
    for layer, like in zip(layers, trained.features[:13], strict=True):
        for key, value in like.state_dict().items():
            assert torch.equal(layer.state_dict()[key], value)
    assert build("faster_rcnn", 0.1, seed=0).note == "backbone from scratch"
    assert build("faster_rcnn", 1.0, seed=0, options={"pretrained": False}).note == "backbone from scratch"


def test_the_loss_is_that_of_torchvisions_own_detector():
    """Its generalised R-CNN, from the enlarged image on, with the same parts and random numbers."""
    network = small()
    images, targets = batch(network, [lattice(0), lattice(1)])
    found = []
    for planes in targets:
        x, y = planes[0].nonzero().flip(1).T
        centre = 2 * torch.stack([x + planes[1, y, x] + 0.5, y + planes[2, y, x] + 0.5], dim=1)
        found.append(
            {"boxes": torch.cat([centre - 10, centre + 10], 1), "labels": torch.ones(len(x), dtype=torch.long)}
        )

    class Features(nn.Module):
        def forward(self, image):
            first, second, third = (network.stages[: number + 1](image) for number in range(3))
            return network.pyramid({"0": first, "1": second, "2": third})

    network.stages = nn.Sequential(*network.stages)
    transform = GeneralizedRCNNTransform(1, 1, [0.0] * 3, [1.0] * 3, size_divisible=1, _skip_resize=True)
    detector = GeneralizedRCNN(Features(), network.rpn, network.roi_heads, transform)
    network.eval()  # running statistics, which several passes of the stages do not change
    loss = network.loss(network(images), targets, None)
    enlarged = nn.functional.interpolate(images, scale_factor=2, mode="bicubic").expand(-1, 3, -1, -1)
    detector.train()
    network.stages.eval()
    torch.manual_seed(int(targets.abs().sum(dtype=torch.double)))
    assert loss.item() == pytest.approx(sum(detector(list(enlarged), found).values()).item(), rel=1e-5)


def test_columns_that_are_not_asked_for_are_neither_columns_nor_background(monkeypatch):
    """Wherever anchors and proposals lie that hold one, the loss has no gradient."""
    network, sample = small(), lattice(0)
    sample.columns["asked"] = False
    images, silent = batch(network, [sample])
    boxes = boxes_of(silent[0])
    assert len(boxes) > 10
    learnt, seen = [], {}

    def noted(head, _, outputs):
        seen["scores"] = outputs[0]
        for scores in outputs[0]:
            scores.retain_grad()

    network.rpn.head.register_forward_hook(noted)
    select = network.roi_heads.select_training_samples

    def chosen(proposals, targets):
        answer = select(proposals, targets)
        learnt.append(answer[0][0])
        return answer

    monkeypatch.setattr(network.roi_heads, "select_training_samples", chosen)
    network.loss(network(images), silent, None).backward()
    enlarged = ImageList(torch.empty(1, 1, 128, 128), [(128, 128)])
    (anchors,) = network.rpn.anchor_generator(enlarged, seen["scores"])
    gradients = torch.cat([scores.grad[0].permute(1, 2, 0).flatten() for scores in seen["scores"]])
    near = torchvision.ops.box_iou(boxes, anchors).amax(dim=0) >= 0.3
    assert near.any()
    assert not gradients[near].any()
    assert gradients[~near].any()
    assert (torchvision.ops.box_iou(boxes, learnt[0]).amax(dim=0) < 0.5).all()


def test_the_larger_a_crop_the_more_anchors_and_boxes_are_learned_from():
    network, drawn = small(), []
    for edge in (32, 64):
        images, targets = batch(network, [lattice(0, edge=edge)])
        network.loss(network(images), targets, None)
        drawn.append([part.fg_bg_sampler.batch_size_per_image for part in (network.rpn, network.roi_heads)])
    assert drawn == [[64, 16], [256, 64]]


@pytest.mark.parametrize("mode", [True, False])
def test_a_crop_without_columns_has_a_finite_loss(mode):
    network = small().train(mode)
    images, targets = torch.randn(2, 1, 32, 32), torch.zeros(2, 4, 32, 32)
    targets[:, 3] = torch.arange(32)[:, None]
    loss = network.loss(network(images), targets, None)
    loss.backward()
    assert torch.isfinite(loss)
    assert all(torch.isfinite(values.grad).all() for values in network.parameters() if values.grad is not None)


def test_equal_batches_have_equal_losses_and_no_others_random_numbers_change():
    network = small().eval()
    images, targets = batch(network, [lattice(0), lattice(1)])
    before = torch.random.get_rng_state()
    first, again = (network.loss(network(images), targets, None).item() for _ in range(2))
    assert first == again
    assert torch.equal(torch.random.get_rng_state(), before)


def test_each_box_that_is_found_is_a_peak_at_its_centre(monkeypatch):
    network = small().eval()
    # In the image enlarged twice: one whole, one cut by the left edge, whose centre is 2 px from it.
    boxes = torch.tensor([[30.0, 40.0, 50.0, 60.0], [0.0, 90.0, 15.0, 110.0]])
    found = {"boxes": boxes, "scores": torch.tensor([0.8, 0.6])}
    monkeypatch.setattr(network, "_detect", lambda output: ([found], {}))
    surface = network.map_of(network(torch.randn(1, 1, 64, 61)))
    assert surface.shape == (1, 1, 64, 61)
    places, _ = find_columns(surface[0, 0].numpy(), PIXEL_SIZE, PeakSettings(0.0, 0.0, 0.1, relative=False))
    assert places / PIXEL_SIZE == pytest.approx(np.array([[19.5, 24.5], [2.0, 49.5]]), abs=1e-3)


def test_it_learns_to_find_the_columns_of_a_clean_lattice_within_a_pixel(tmp_path):
    network = build("faster_rcnn", 0.25, seed=0)
    pairs = [pair(network, lattice(seed, noise=0.1)) for seed in range(100, 132)]
    history = run(network, tmp_path, pairs, epochs=3, crop=48, batch=8, samples=320)
    assert history.validation_loss.iloc[-1] < 0.8 * history.validation_loss.iloc[0]
    missed, false = [], []
    for seed in range(4):
        sample = lattice(seed)
        image = torch.from_numpy(normalise(sample.images["image"], network.normalisation))[None, None]
        surface = network.map_of(network(image))[0, 0].numpy()
        found, _ = find_columns(surface, PIXEL_SIZE, PeakSettings(0.0, 0.0, 0.2, relative=False))
        true = sample.columns[["x_A", "y_A"]].to_numpy()
        apart = np.linalg.norm(found[:, None] - true, axis=2)
        for places, nearest, outcomes in ((true, apart.min(axis=0), missed), (found, apart.min(axis=1), false)):
            inside = np.all((places > 0.6) & (places < 5.7), axis=1)
            outcomes.extend(nearest[inside] > PIXEL_SIZE)
    assert np.mean(missed) < 0.05
    assert np.mean(false) < 0.05


class KilledError(Exception):
    pass


def test_a_killed_training_goes_on_and_ends_where_an_undisturbed_one_ends(tmp_path):
    def trained(folder, killed=False):
        def report(line):
            lines.append(line)
            if killed and line.startswith("epoch 2/"):
                raise KilledError

        network, lines = small(), []
        pairs = [pair(network, lattice(seed, edge=32)) for seed in range(8)]
        history = run(network, tmp_path / folder, pairs, 2, report, crop=32, batch=4)
        return network.state_dict(), history.validation_loss.tolist(), lines

    weights, losses, _ = trained("undisturbed")
    with pytest.raises(KilledError):
        trained("killed", killed=True)
    resumed, resumed_losses, lines = trained("killed")
    assert lines[0].startswith("going on")
    assert all(torch.equal(weights[key], resumed[key]) for key in weights)
    assert losses == resumed_losses


def test_a_stored_network_answers_as_before_for_any_height_and_width(tmp_path):
    network = small().eval()
    save(tmp_path, network, {"architecture": "faster_rcnn", "width": 0.1, "task": "localise", "options": {}})
    images = np.random.default_rng(0).random((2, 50, 61)).astype(np.float32)
    seen = torch.from_numpy(normalise(images, network.normalisation))[:, None]
    direct = network.map_of(network(seen))[:, 0].numpy()
    assert direct.shape == images.shape
    assert direct.max() > 0
    assert TrainedNetwork(tmp_path)(images) == pytest.approx(direct, abs=1e-5)
    assert network.map_of(network(torch.rand(1, 1, 9, 13))).shape == (1, 1, 9, 13)
