import numpy as np
import pytest
import torch
from stembench.config import Dataset, DrawnProbe, Imaging, PhysicalNoise
from stembench.datasets import on_the_fly
from stembench.datasets.factory import Factory
from stembench.datasets.labels import label
from stembench.datasets.on_the_fly import DrawnCrops, DrawnPairs, Plans, drawn_batches, rendered_on
from threadpoolctl import threadpool_limits

pytestmark = pytest.mark.slow

CPU = torch.device("cpu")


@pytest.fixture(scope="module", params=["HAADF", "ABF"])
def factory(small_factory, request):
    """Distorted images of two arrangements under a round and an astigmatic probe."""
    imaging = Imaging()
    skew = imaging.conditions["200keV_24mrad"].model_copy(update={"astigmatism_A": 30.0, "coma_A": 300.0})
    imaging = imaging.model_copy(update={"conditions": imaging.conditions | {"skew": skew}})
    recipe = Dataset(
        mode=request.param,
        arrangements=("periodic", "occluded"),
        conditions=("200keV_24mrad", "skew"),
        noise=PhysicalNoise(shot_noise_alone=0.3, counts_per_px=(50, 100), readout_e=(0.0, 2.0)),
        images_per_structure=1,
    )
    return Factory(recipe, small_factory.arrangements, imaging, small_factory.materials, 64)


def test_drawn_pairs_are_the_stored_ones(factory):
    pairs = DrawnPairs(factory, "train", 5, "gaussianMask")
    image, target = pairs[3]
    stored = factory.sample("train", 3)
    assert np.array_equal(image, stored.images["image"])
    assert np.array_equal(target, label(stored, "gaussianMask"))
    with pytest.raises(IndexError):
        pairs[5]


def test_a_device_renders_the_clean_images_of_the_factory(factory):
    plans = [factory.plan("train", i) for i in range(10)]
    assert {plan.probe.is_round for plan in plans} == {True, False}
    rendered = rendered_on(factory, plans, CPU)
    for i, images in enumerate(zip(*(rendered[name].numpy() for name in ("noNoise", "noBackgroundnoNoise")))):
        sample = factory.sample("train", i)
        for name, image in zip(("noNoise", "noBackgroundnoNoise"), images):
            assert image == pytest.approx(sample.images[name], abs=1e-5)


def test_a_device_renders_every_fault_of_scan_and_detector_as_the_factory_does(small_factory):
    """Both apply one implementation; electrons are so many that noise is small beside the faults."""
    noise = PhysicalNoise(
        shot_noise_alone=0.0,
        counts_per_px=(1e6, 1e6),
        jumps=(2, 2),
        odd_even_A=(0.2, 0.2),
        flyback_stretch=(0.3, 0.3),
        hot_lines=(1, 1),
        dead_lines=(2, 2),
        frames=(1, 3),
        clip_low=(0.1, 0.1),
        clip_high=(0.2, 0.2),
        bits=(8, 12),
        smoothing_px=(0.5, 1.5),
    )
    faulty = Factory(Dataset(noise=noise), small_factory.arrangements, Imaging(), small_factory.materials, 64)
    plans = [faulty.plan("train", i) for i in range(8)]
    assert {len(plan.scans) for plan in plans} == {1, 2, 3}
    rendered = rendered_on(faulty, plans, CPU)
    for i in range(8):
        sample = faulty.sample("train", i)
        for name, tolerance in (("noNoise", 1e-5), ("noBackgroundnoNoise", 1e-5), ("image", 0.02)):
            assert rendered[name][i].numpy() == pytest.approx(sample.images[name], abs=tolerance)


def test_a_device_renders_images_that_have_a_probe_each(small_factory):
    recipe = Dataset(probe=DrawnProbe(source_tail=(0.1, 0.3), source_tail_A=(2.0, 3.0)))
    factory = Factory(recipe, small_factory.arrangements, Imaging(), small_factory.materials, 64)
    plans = [factory.plan("train", i) for i in range(4)]
    assert len({plan.probe for plan in plans}) == 4
    for i, image in enumerate(rendered_on(factory, plans, CPU)["noNoise"].numpy()):
        assert image == pytest.approx(factory.sample("train", i).images["noNoise"], abs=1e-5)


def test_noise_on_a_device_is_the_factorys_in_its_statistics_and_repeats(factory):
    plans = [factory.plan("train", i) for i in range(16)]
    one, again = (rendered_on(factory, plans, CPU)["image"].numpy() for _ in range(2))
    assert np.array_equal(one, again)
    reverse = rendered_on(factory, plans[::-1], CPU)["image"].numpy()[::-1]
    assert reverse == pytest.approx(one, abs=1e-6)  # a sample's noise does not depend on its batch
    whole = np.stack([factory.sample("train", i).images["image"] for i in range(16)])
    assert not np.array_equal(one, whole)

    def statistics(images):
        rough = np.diff(images, axis=2)
        return np.array([images.std(axis=(1, 2)).mean(), rough.std(axis=(1, 2)).mean()])

    assert statistics(one) == pytest.approx(statistics(whole), rel=0.05)


def test_batches_on_the_cpu_are_the_factorys_own_from_any_number_of_workers(factory):
    positions = [4, 0, 2]
    for workers in (0, 2):
        batches = list(drawn_batches(factory, "train", positions, "circularMask", 2, CPU, workers))
        assert [len(image) for image, _ in batches] == [2, 1]
        images, targets = (torch.cat(parts).numpy() for parts in zip(*batches))
        for position, image, target in zip(positions, images, targets):
            sample = factory.sample("train", position)
            assert np.array_equal(image, sample.images["image"])
            assert np.array_equal(target, label(sample, "circularMask"))


@pytest.mark.parametrize("name", ["gaussianMask", "noBackgroundnoNoise", "noNoiseUpinterpolation2x"])
def test_batches_that_a_device_renders_have_the_factorys_labels(factory, monkeypatch, name):
    """The path taken beside a GPU, on a device that every machine has."""
    monkeypatch.setattr(on_the_fly, "_renders_on", lambda device, factory: True)
    ((image, target),) = drawn_batches(factory, "train", [5, 1], name, 2, CPU, 0)
    assert image.shape == (2, 64, 64)
    for position, made in zip((5, 1), target.numpy()):
        assert made == pytest.approx(label(factory.sample("train", position), name), abs=1e-5)


def test_a_plan_tells_its_columns_and_labels_before_it_is_rendered(factory):
    for number in range(4):
        sample = factory.sample("train", number)
        plan, target = Plans(factory, "train", [7, number], "gaussianMask")[1]
        assert factory.columns(plan).equals(sample.columns)
        assert np.array_equal(target, label(sample, "gaussianMask"))
    assert Plans(factory, "train", [2], "noNoise")[0][1] is None  # the device makes it


def test_threads_of_the_linear_algebra_change_nothing(small_factory):
    """Sums in another order would be rounded otherwise."""
    wide = Factory(Dataset(), small_factory.arrangements, Imaging(), small_factory.materials, 256)

    def drawn(threads):
        with threadpool_limits(threads, "blas"):
            return wide.sample("train", 0).images

    one, two = drawn(1), drawn(2)
    for name in one:
        assert np.array_equal(one[name], two[name])


def test_drawn_crops_are_of_samples_that_no_epoch_shows_twice(factory):
    sizes = {"crop": 64, "batch": 2, "samples": 4, "seed": 0, "workers": 0, "device": CPU}
    crops = DrawnCrops(factory, "gaussianMask", **sizes)
    assert [crops.positions(n).tolist() for n in (0, 1)] == [[0, 1, 2, 3], [4, 5, 6, 7]]
    (first, first_target), _ = crops.epoch(1)
    for place, sample in enumerate((4, 5)):
        drawn = factory.sample("train", sample)
        image, target = first[place, 0].numpy(), first_target[place, 0].numpy()
        if not np.array_equal(image, drawn.images["image"]):  # upside down
            image, target = image[::-1], target[::-1]
        assert np.array_equal(image, drawn.images["image"])
        assert np.array_equal(target, label(drawn, "gaussianMask"))


def test_processes_share_the_drawn_crops_of_every_batch(factory):
    crops = DrawnCrops(factory, "noNoise", crop=32, batch=2, samples=4, seed=0, workers=0, device=CPU)
    whole = [image for image, _ in crops.epoch(0)]
    halves = [[image for image, _ in crops.epoch(0, process, 2)] for process in (0, 1)]
    for both, *parts in zip(whole, *halves):
        assert torch.equal(both, torch.cat(parts))


def test_what_a_network_is_told_comes_with_the_drawn_crops(factory, monkeypatch):
    def asked(sample):
        return label(sample, "gaussianMask")[None], {"pixel": np.float32([sample.parameters["pixel_size_A"]])}

    sizes = {"crop": 32, "batch": 2, "samples": 2, "seed": 0, "workers": 0, "device": CPU}
    for on_device in (False, True):
        monkeypatch.setattr(on_the_fly, "_renders_on", lambda device, factory, on_device=on_device: on_device)
        ((image, target, told),) = DrawnCrops(factory, "gaussianMask", asked=asked, **sizes).epoch(0)
        assert image.shape == target.shape == (2, 1, 32, 32)
        sizes_px = [factory.plan("train", i).parameters["pixel_size_A"] for i in range(2)]
        assert told["pixel"][:, 0].tolist() == pytest.approx(sizes_px)
