import os
import resource
import signal
from multiprocessing import get_context

import numpy as np
import pytest
import xarray as xr
from stembench.config import Dataset, Imaging
from stembench.datasets import store
from stembench.datasets.factory import Factory
from stembench.datasets.labels import label
from stembench.datasets.loading import Crops, StoredPairs
from stembench.datasets.store import (
    columns_by_sample,
    open_shards,
    read_recipe,
    read_samples,
    read_table,
    write_index,
    write_shard,
)
from stembench.errors import InputError
from stembench.products import whole


def stored(small_factory, folder, first, last, recipe=None):
    folder.mkdir()
    recipe = {"seed": 0} if recipe is None else recipe
    write_shard(folder, (small_factory.sample("test", i) for i in range(first, last)), recipe)
    return folder


def test_what_is_written_is_read_back(small_factory, tmp_path):
    folder = stored(small_factory, tmp_path / "one", 0, 5)
    samples = [small_factory.sample("test", i) for i in range(5)]
    read = open_shards([folder], ["image", "gaussianMask"])
    for i, sample in enumerate(samples):
        assert np.array_equal(read["image"][i], sample.images["image"])
        number = sample.parameters["sample"]
        assert columns_by_sample([folder])[number].drop(columns="sample").equals(sample.columns)
        assert np.array_equal(read["gaussianMask"][i], label(sample, "gaussianMask"))
    assert list(read_table([folder], "samples").pixel_size_A) == [s.parameters["pixel_size_A"] for s in samples]
    assert read_recipe(folder) == {"seed": 0}


def test_arrays_are_sharded(small_factory, tmp_path):
    folder = stored(small_factory, tmp_path / "one", 0, 9)
    with xr.open_zarr(folder / "data.zarr", consolidated=False, chunks=None) as opened:
        assert opened.image.encoding["shards"] == (32, 64, 64)
        assert opened.image.encoding["chunks"] == (1, 64, 64)


def test_shard_size_does_not_change_the_data(small_factory, tmp_path):
    whole = open_shards([stored(small_factory, tmp_path / "whole", 0, 4)], ["image"])
    parts = [stored(small_factory, tmp_path / name, *ends) for name, ends in (("a", (0, 1)), ("b", (1, 4)))]
    read = open_shards(parts, ["image"])
    assert read.keys() == whole.keys()
    assert all(np.array_equal(read[name], whole[name]) for name in whole)


def test_crops_repeat_for_an_epoch_and_differ_between_epochs():
    images = np.random.default_rng(0).random((12, 32, 32)).astype(np.float32)
    crops = Crops(list(zip(images, images)), crop=16, batch=4, samples=2 * len(images), seed=3)
    first, again, second = ([x for x, _ in crops.epoch(n)] for n in (0, 0, 1))
    assert len(first) == crops.steps == 6
    assert all(bool((a == b).all()) for a, b in zip(first, again))
    assert not all(bool((a == b).all()) for a, b in zip(first, second))


def test_image_and_target_are_cropped_alike():
    images = np.random.default_rng(0).random((4, 32, 32)).astype(np.float32)
    crops = Crops(list(zip(images, 2 * images)), crop=8, batch=2, samples=3 * len(images), seed=0)
    for image, target in crops.epoch(5):
        assert bool((target == 2 * image).all())


def test_pairs_are_read_in_any_order(small_factory, tmp_path):
    folders = [stored(small_factory, tmp_path / name, *ends) for name, ends in (("a", (0, 2)), ("b", (2, 5)))]
    for name in ("gaussianMask", "noNoise", "noNoiseUpinterpolation2x"):
        pairs = StoredPairs(folders, name)
        assert len(pairs) == 5
        for i in (4, 0, 2):
            sample = small_factory.sample("test", i)
            assert np.array_equal(pairs[i][0], sample.images["image"])
            assert np.array_equal(pairs[i][1], label(sample, name))


def test_pairs_in_their_order_are_those_read_one_by_one(small_factory, tmp_path, monkeypatch):
    monkeypatch.setattr(store, "_SAMPLES_A_FILE", 2)
    folders = [stored(small_factory, tmp_path / name, *ends) for name, ends in (("a", (0, 3)), ("b", (3, 8)))]
    pairs = StoredPairs(folders, "gaussianMask")
    in_order = list(pairs)
    assert len(in_order) == 8
    for i, (image, target) in enumerate(in_order):
        assert np.array_equal(image, pairs[i][0])
        assert np.array_equal(target, pairs[i][1])


def test_workers_change_nothing_and_larger_targets_are_cropped_alike(small_factory, tmp_path):
    pairs = StoredPairs([stored(small_factory, tmp_path / "a", 0, 6)], "noNoiseUpinterpolation2x")
    drawn = [list(Crops(pairs, crop=16, batch=3, seed=0, workers=n).epoch(1)) for n in (0, 2)]
    for (image, target), (again, target_again) in zip(*drawn):
        assert image.shape == (3, 1, 16, 16)
        assert target.shape == (3, 1, 32, 32)
        assert bool((image == again).all())
        assert bool((target == target_again).all())


def test_labels_may_be_stored(small_factory, tmp_path):
    (tmp_path / "one").mkdir()
    write_shard(tmp_path / "one", [small_factory.sample("test", 0)], {}, ["gaussianMask"])
    with xr.open_zarr(tmp_path / "one" / "data.zarr", consolidated=False) as opened:
        assert "gaussianMask" in opened
    sample = next(read_samples([tmp_path / "one"]))
    assert np.array_equal(label(sample, "gaussianMask"), label(small_factory.sample("test", 0), "gaussianMask"))


def test_the_index_does_not_depend_on_the_shards(small_factory, tmp_path):
    recipe = Dataset(arrangements=("periodic", "particle", "defects"), images_per_structure=1)
    mixed = Factory(recipe, small_factory.arrangements, Imaging(), small_factory.materials, 64)
    written = []
    for size in (6, 4, 1):
        folders = [
            stored(mixed, tmp_path / f"{size}_{first}", first, min(first + size, 6)) for first in range(0, 6, size)
        ]
        written.append([tmp_path / f"index{size}.parquet", tmp_path / f"columns{size}.parquet"])
        write_index(folders, *written[-1])
    for other in written[1:]:
        for one, two in zip(written[0], other):
            assert one.read_bytes() == two.read_bytes()


def test_a_killed_writer_leaves_no_shard_and_the_next_one_completes_it(small_factory, tmp_path):
    def killed():
        with whole(tmp_path / "00000") as partial:
            partial.mkdir()
            write_shard(partial, (small_factory.sample("test", i) for i in endless()), {})

    def endless():
        for i in range(10_000):
            if i == 40:  # the first file is written
                os.kill(os.getpid(), signal.SIGKILL)
            yield i % 4

    process = get_context("fork").Process(target=killed)
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert [path.name.startswith(".") for path in tmp_path.iterdir()] == [True]
    with whole(tmp_path / "00000") as partial:
        partial.mkdir()
        write_shard(partial, [small_factory.sample("test", 0)], {})
    assert [path.name for path in tmp_path.iterdir()] == ["00000"]
    clean = stored(small_factory, tmp_path / "clean", 0, 1, {})
    for path in (path for path in clean.rglob("*") if path.is_file()):
        assert path.read_bytes() == (tmp_path / "00000" / path.relative_to(clean)).read_bytes()


def test_a_full_disk_is_told(small_factory, tmp_path):
    """A limit on the size of files stands for the disk; the message carries the system's reason."""

    def write():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        try:
            with whole(tmp_path / "00000") as partial:
                partial.mkdir()
                write_shard(partial, (small_factory.sample("test", i) for i in range(8)), {})
        except InputError as error:
            os._exit(7 if "File too large" in str(error) and "free space" in str(error) else 8)

    process = get_context("fork").Process(target=write)
    process.start()
    process.join()
    assert process.exitcode == 7
    assert not list(tmp_path.iterdir())


def test_a_byte_turned_over_anywhere_in_a_shard_is_noticed(small_factory, tmp_path):
    folder = stored(small_factory, tmp_path / "one", 0, 3)
    read = {
        "samples.parquet": lambda: read_table([folder], "samples"),
        "columns.parquet": lambda: read_table([folder], "columns"),
        "data.zarr": lambda: (list(read_samples([folder])), open_shards([folder], store.STORED)),
    }
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "checksums.sha256"]
    assert len(files) >= 2 + 6 + 5
    for path in files:
        content = path.read_bytes()
        for place in np.random.default_rng(0).integers(len(content), size=3):
            path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
            with pytest.raises(InputError, match=f"{path.name} is damaged.*delete {folder} and run again"):
                read[path.relative_to(folder).parts[0]]()
        path.write_bytes(content)
        read[path.relative_to(folder).parts[0]]()
