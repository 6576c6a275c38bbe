import numpy as np
import xarray as xr
from stembench.datasets.crops import Crops
from stembench.datasets.store import columns_by_sample, open_shards, read_recipe, read_table, write_shard


def stored(small_factory, folder, first, last):
    folder.mkdir()
    write_shard(folder, (small_factory.sample("test", i) for i in range(first, last)), {"seed": 0})
    return folder


def test_what_is_written_is_read_back(small_factory, tmp_path):
    folder = stored(small_factory, tmp_path / "one", 0, 5)
    samples = [small_factory.sample("test", i) for i in range(5)]
    read = open_shards([folder], ["image", "gaussianMask"])
    for i, sample in enumerate(samples):
        assert np.array_equal(read.image.values[i], sample.images["image"])
        number = sample.parameters["sample"]
        assert columns_by_sample([folder])[number].drop(columns="sample").equals(sample.columns)
    assert list(read_table([folder], "samples").pixel_size_A) == [s.parameters["pixel_size_A"] for s in samples]
    assert read_recipe(folder) == {"seed": 0}


def test_arrays_are_sharded(small_factory, tmp_path):
    folder = stored(small_factory, tmp_path / "one", 0, 9)
    with xr.open_zarr(folder / "data.zarr", consolidated=False, chunks=None) as opened:
        assert opened.image.encoding["shards"] == (16, 64, 64)
        assert opened.image.encoding["chunks"] == (8, 64, 64)


def test_shard_size_does_not_change_the_data(small_factory, tmp_path):
    whole = open_shards([stored(small_factory, tmp_path / "whole", 0, 4)], ["image"])
    parts = [stored(small_factory, tmp_path / name, *ends) for name, ends in (("a", (0, 1)), ("b", (1, 4)))]
    assert open_shards(parts, ["image"]).identical(whole)


def test_crops_repeat_for_an_epoch_and_differ_between_epochs():
    images = np.random.default_rng(0).random((12, 32, 32)).astype(np.float32)
    crops = Crops(images, images, crop=16, batch=4, repeats=2, seed=3)
    first, again, second = ([x for x, _ in crops.epoch(n)] for n in (0, 0, 1))
    assert len(first) == crops.steps == 6
    assert all(bool((a == b).all()) for a, b in zip(first, again))
    assert not all(bool((a == b).all()) for a, b in zip(first, second))


def test_image_and_target_are_cropped_alike():
    images = np.random.default_rng(0).random((4, 32, 32)).astype(np.float32)
    for image, target in Crops(images, 2 * images, crop=8, batch=2, repeats=3, seed=0).epoch(5):
        assert bool((target == 2 * image).all())
