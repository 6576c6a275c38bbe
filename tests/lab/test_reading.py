import json
import pickle
import zipfile

import h5py
import numpy as np
import pandas as pd
import pytest
import tifffile
from executed import Executed
from PIL import Image
from stembench.config import LabImage, LabTestset
from stembench.datasets.store import write_shard
from stembench.errors import InputError
from stembench.evaluation.matching import hull_of
from stembench.lab.degradation import lab_examples, lab_samples, reference_columns, thinned
from stembench.lab.reading import lab_image, read_image

VALUES = np.arange(48.0).reshape(6, 8)


def hspy_file(path):
    from hyperspy.signals import Signal2D

    signal = Signal2D(VALUES)
    for axis in signal.axes_manager.signal_axes:
        axis.scale, axis.units = 0.02, "nm"
    signal.save(path)
    return path


def entry(**given):
    return LabImage(file="image.hspy", **given)


def test_pixel_size_comes_from_the_file_in_angstrom(tmp_path):
    values, pixel_size = read_image(hspy_file(tmp_path / "image.hspy"))
    assert np.array_equal(values, VALUES)
    assert pixel_size == pytest.approx(0.2)


def test_an_atom_lattice_of_atomap_gives_its_image(tmp_path):
    with h5py.File(tmp_path / "lattice.hdf5", "w") as file:
        file["image_data0"] = VALUES
        file["A_sublattice/atom_positions"] = [[1.0, 2.0]]
    values, pixel_size = read_image(tmp_path / "lattice.hdf5")
    assert np.array_equal(values, VALUES)
    assert pixel_size is None


def test_the_entry_overrides_the_file(tmp_path):
    path = hspy_file(tmp_path / "image.hspy")
    image = lab_image(path, "mine", entry(pixel_size_A=0.3, energy_keV=200), {"file": "image.hspy"})
    assert image.attrs["pixel_size_A"] == 0.3
    assert image.attrs["energy_keV"] == 200


def test_a_missing_pixel_size_is_asked_for_by_file_and_key(tmp_path):
    path = tmp_path / "image.tif"
    tifffile.imwrite(path, VALUES.astype(np.uint16))
    with pytest.raises(InputError, match=r"lab\.images\.mine\.pixel_size_A") as refused:
        lab_image(path, "mine", entry(), {"file": "image.tif"})
    assert "image.tif" in str(refused.value)


def test_damaged_and_unknown_files_are_named(tmp_path):
    (tmp_path / "broken.dm3").write_bytes(b"nothing of the kind")
    with pytest.raises(InputError, match=r"broken\.dm3"):
        read_image(tmp_path / "broken.dm3")
    with pytest.raises(InputError, match=r"no reader for \.xyz"):
        read_image(tmp_path / "image.xyz")


def test_a_large_image_is_read_whole(tmp_path):
    path = tmp_path / "large.npy"
    large = np.lib.format.open_memmap(path, "w+", np.float32, (8192, 8192))  # sparse on disk
    large[-1, -1] = 7
    large.flush()
    values, _ = read_image(path)
    assert values.shape == (8192, 8192)
    assert values[-1, -1] == 7


def few_bytes_for_a_terabyte(path):
    with h5py.File(path, "w") as file:
        file.create_dataset("image_data0", (500_000, 500_000), "f4", chunks=(1000, 1000))


def short_file_for_a_large_array(path):
    np.lib.format.open_memmap(path, "w+", np.float32, (8, 8)).flush()
    path.write_bytes(path.read_bytes().replace(b"(8, 8), }" + b" " * 10, b"(800000, 800000), }"))


def png_of_400_megapixels(path):
    Image.new("1", (20_000, 20_000)).save(path)


def colours(path):
    Image.fromarray(np.arange(300, dtype=np.uint8).reshape(10, 10, 3)).save(path)


def stack_of_images(path):
    np.save(path, np.zeros((3, 4, 5)))


def words(path):
    np.save(path, np.array([["a", "b"], ["c", "d"]]))


def complex_numbers(path):
    np.save(path, np.zeros((4, 5), complex))


@pytest.mark.parametrize(
    ("name", "write", "part"),
    [
        ("image.hdf5", few_bytes_for_a_terabyte, "more than 1 GiB"),
        ("image.npy", short_file_for_a_large_array, "more than 1 GiB"),
        ("image.png", png_of_400_megapixels, "could be decompression bomb"),
        ("image.png", colours, "grey levels"),
        ("image.npy", stack_of_images, "no two-dimensional image"),
        ("image.npy", words, "grey levels"),
        ("image.npy", complex_numbers, "grey levels"),
    ],
)
def test_what_is_no_image_of_grey_levels_or_too_large_is_refused(tmp_path, name, write, part):
    write(tmp_path / name)
    with pytest.raises(InputError, match=part) as refused:
        read_image(tmp_path / name)
    assert str(refused.value).startswith(f"{tmp_path / name}: ")


@pytest.mark.parametrize("scale", [0.0, -0.02, np.nan, np.inf, 5.0])
def test_an_absurd_pixel_size_counts_as_none(tmp_path, scale):
    path = hspy_file(tmp_path / "image.hspy")
    with h5py.File(path, "r+") as file:
        file["Experiments/__unnamed__/axis-1"].attrs["scale"] = scale
    assert read_image(path)[1] is None


def test_a_pickle_in_an_image_is_not_executed(tmp_path):
    np.save(tmp_path / "image.npy", np.array([[Executed(tmp_path / "executed")]], object))
    with zipfile.ZipFile(tmp_path / "image.zspy", "w") as archive:
        array = {"zarr_format": 2, "shape": [1, 1], "chunks": [1, 1], "order": "C", "fill_value": None}
        coded = {"dtype": "|O", "filters": [{"id": "vlen-utf8"}], "compressor": {"id": "pickle", "protocol": 5}}
        archive.writestr(".zattrs", json.dumps({"file_format": "ZSpy", "file_format_version": "3.3"}))
        for group in (
            "",
            "Experiments/",
            "Experiments/a/",
            "Experiments/a/metadata/",
            "Experiments/a/original_metadata/",
        ):
            archive.writestr(f"{group}.zgroup", json.dumps({"zarr_format": 2}))
        for name in ("data", "metadata/more"):
            archive.writestr(f"Experiments/a/{name}/.zarray", json.dumps(array | coded))
            archive.writestr(f"Experiments/a/{name}/0.0", pickle.dumps(Executed(tmp_path / "executed")))
    for path in sorted(tmp_path.glob("image.*")):
        with pytest.raises(InputError):
            read_image(path)
    assert not (tmp_path / "executed").exists()


def test_a_format_whose_reader_runs_what_files_hold_is_not_read(tmp_path):
    (tmp_path / "image.nc").write_bytes(b"CDF\1")
    with pytest.raises(InputError, match=r"no reader for \.nc"):
        read_image(tmp_path / "image.nc")


@pytest.mark.parametrize(
    "name", ["my \"image\" 'é' 1.tif", "$(touch executed) `x`;.tif", "{image} *?[1].tif", "-rf.tif"]
)
def test_any_name_that_a_file_can_have_is_read(tmp_path, name):
    tifffile.imwrite(tmp_path / name, VALUES)
    assert np.array_equal(read_image(tmp_path / name)[0], VALUES)


def test_reference_columns_are_the_dark_ones_of_a_bright_field():
    y, x = np.mgrid[:80, :80] * 0.1
    columns = [(9 * a + b, a, b) for a in (2, 4, 6) for b in (2, 4, 6)]
    bright = sum(height * np.exp(-((x - a) ** 2 + (y - b) ** 2) / 0.18) for height, a, b in columns)
    settings = LabTestset(image="x")
    expected = reference_columns(bright, 0.1, "HAADF", settings)
    assert len(expected) == 9
    found = reference_columns(150 - bright, 0.1, "ABF", settings)
    assert found[["x_A", "y_A", "strength"]].to_numpy() == pytest.approx(
        expected[["x_A", "y_A", "strength"]].to_numpy(), abs=1e-6
    )


def test_marked_columns_are_the_reference_and_as_strong_as_the_image_shows_them():
    y, x = np.mgrid[:80, :80] * 0.1
    marked = np.array([[2.0, 2.0], [6.0, 2.05], [4.0, 6.0]])
    image = sum(h * np.exp(-((x - a) ** 2 + (y - b) ** 2) / 0.18) for h, (a, b) in zip((1.0, 0.5, 0.25), marked))
    reference = reference_columns(image, 0.1, "HAADF", LabTestset(image="x"), marked)
    assert np.array_equal(reference[["x_A", "y_A"]], marked)
    assert reference.strength.to_numpy() == pytest.approx([1, 0.5, 0.25], rel=0.05)
    assert reference.neighbour_A.to_numpy() == pytest.approx([np.hypot(4, 0.05), np.hypot(4, 0.05), np.hypot(2, 3.95)])


def test_blocks_outside_of_the_labelled_hull_are_left_out():
    import pandas as pd

    marked = np.array([[1.0, 1.0], [5.0, 1.0], [1.0, 9.0]])  # of blocks of 6.4 A, those at the left
    columns = pd.DataFrame(marked, columns=["x_A", "y_A"])
    samples = lab_samples(np.ones((128, 192)), 0.1, columns, 64, (5.0,), 1, "image", "HAADF", hull_of(marked))
    assert [(s.parameters["block_x_A"], s.parameters["block_y_A"]) for s in samples] == [
        (0, 0),
        (0, pytest.approx(6.4)),
    ]
    assert [len(s.columns) for s in samples] == [2, 1]


@pytest.mark.parametrize(
    ("shape", "blocks"), [((50, 60), [(50, 60)]), ((100, 130), [(100, 65)] * 2), ((64, 127), [(64, 127)])]
)
def test_no_part_of_a_small_image_is_lost_to_its_blocks(shape, blocks):
    import pandas as pd

    columns = pd.DataFrame({"x_A": [0.1 * shape[1] - 0.2], "y_A": [0.1 * shape[0] - 0.2]})
    samples = lab_samples(np.ones(shape), 0.1, columns, 64, (5.0,), 1, "image", "HAADF")
    assert [sample.images["image"].shape for sample in samples] == blocks
    assert sum(len(sample.columns) for sample in samples) == 1


def test_thinning_keeps_the_contrast_at_the_dose():
    image = np.full((200, 200), 50.0)
    image[:100] = 200.0
    counts = thinned(image, 8.0, np.random.default_rng(0))
    assert counts[:100].mean() == pytest.approx(8, rel=0.02)
    assert counts[100:].mean() == pytest.approx(2, rel=0.05)


def test_blocks_keep_their_columns_in_place():
    import pandas as pd

    columns = pd.DataFrame({"x_A": [1.0, 9.0], "y_A": [2.0, 3.0], "asked": True})
    samples = lab_samples(np.ones((64, 128)), 0.1, columns, 64, (5.0,), 2, "image", "HAADF")
    assert len(samples) == 4
    assert [s.parameters["structure"] for s in samples] == [0, 1, 0, 1]
    assert {s.parameters["mode"] for s in samples} == {"HAADF"}
    assert samples[1].columns.x_A.tolist() == [pytest.approx(2.6)]
    assert not np.array_equal(samples[0].images["image"], samples[2].images["image"])


def test_the_example_of_a_lab_image_is_its_fullest_block_as_recorded_and_thinned(tmp_path):
    rng = np.random.default_rng(0)
    image = rng.random((128, 128))
    places = np.array([(1, 1), (7, 8), (9, 10)])  # one column at the top left, two at the bottom right
    truth = {"x_A": places[:, 0], "y_A": places[:, 1], "asked": True, "hidden": False, "neighbour_A": 3.0}
    samples = lab_samples(image, 0.1, pd.DataFrame(truth), 64, (5.0, 50.0), 2, "image", "HAADF")
    write_shard(tmp_path, samples, {})
    (recorded, shown), pixel_size = lab_examples(image, tmp_path, 50.0)
    block = image[64:, 64:]
    assert recorded == pytest.approx((block - block.min()) / np.ptp(block), abs=1e-6)
    assert pixel_size == 0.1
    assert np.corrcoef(recorded.ravel(), shown.ravel())[0, 1] > 0.7
