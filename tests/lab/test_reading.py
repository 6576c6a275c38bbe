import json
import pickle
import shutil
import zipfile

import h5py
import numpy as np
import pandas as pd
import pytest
import tifffile
import valid_files
from executed import Executed
from PIL import Image
from stembench.config import LabImage, LabTestset
from stembench.datasets.store import write_shard
from stembench.errors import InputError
from stembench.evaluation.matching import hull_of
from stembench.lab.degradation import lab_examples, lab_samples, reference_columns, thinned
from stembench.lab.formats import read_recording
from stembench.lab.reading import lab_image

pytestmark = pytest.mark.slow

VALUES = np.arange(48.0).reshape(6, 8)
LARGE = np.arange(64.0 * 80).reshape(64, 80).astype(np.uint16)  # an image that is large enough to be imported


def hspy_file(path):
    from hyperspy.signals import Signal2D

    signal = Signal2D(VALUES)
    for axis in signal.axes_manager.signal_axes:
        axis.scale, axis.units = 0.02, "nm"
    signal.save(path)
    return path


def entry(**given):
    return LabImage(file="image.mrc", **given)


def test_pixel_size_comes_from_the_file_in_angstrom(tmp_path):
    recording = read_recording(hspy_file(tmp_path / "image.hspy"))
    assert np.array_equal(recording.values, VALUES)
    assert (recording.pixel_size_x_A, recording.pixel_size_y_A) == pytest.approx((0.2, 0.2))


def test_an_atom_lattice_of_atomap_gives_its_image(tmp_path):
    with h5py.File(tmp_path / "lattice.hdf5", "w") as file:
        file["image_data0"] = VALUES
        file["A_sublattice/atom_positions"] = [[1.0, 2.0]]
    recording = read_recording(tmp_path / "lattice.hdf5")
    assert np.array_equal(recording.values, VALUES)
    assert recording.pixel_size_x_A is None


def test_the_entry_overrides_the_file(tmp_path):
    path = tmp_path / "image.mrc"
    valid_files.mrc(path, LARGE)
    image = lab_image(path, "mine", entry(pixel_size_A=0.3, energy_keV=200), {"file": "image.mrc"})
    assert image.attrs["pixel_size_A"] == 0.3
    assert image.attrs["pixel_size_source"] == "config"
    assert image.attrs["energy_keV"] == 200


def test_a_missing_pixel_size_is_asked_for_by_file_and_key(tmp_path):
    path = tmp_path / "image.tif"
    tifffile.imwrite(path, LARGE)
    with pytest.raises(InputError, match=r"lab\.images\.mine\.pixel_size_A") as refused:
        lab_image(path, "mine", entry(), {"file": "image.tif"})
    assert "image.tif" in str(refused.value)


def test_damaged_and_unknown_files_are_named(tmp_path):
    (tmp_path / "broken.dm3").write_bytes(b"nothing of the kind")
    with pytest.raises(InputError, match=r"broken\.dm3"):
        read_recording(tmp_path / "broken.dm3")
    with pytest.raises(InputError, match=r"no reader for \.xyz"):
        read_recording(tmp_path / "image.xyz")


def test_a_large_image_is_read_whole(tmp_path):
    path = tmp_path / "large.npy"
    large = np.lib.format.open_memmap(path, "w+", np.float32, (8192, 8192))  # sparse on disk
    large[-1, -1] = 7
    large.flush()
    values = read_recording(path).values
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


def places_with_spectra(path):
    from hyperspy.signals import Signal1D

    Signal1D(np.zeros((3, 4, 5))).save(path)


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
        ("image.hspy", places_with_spectra, "holds a curve for each place"),
        ("image.npy", words, "grey levels"),
        ("image.npy", complex_numbers, "complex numbers"),
    ],
)
def test_what_is_no_image_of_grey_levels_or_too_large_is_refused(tmp_path, name, write, part):
    write(tmp_path / name)
    with pytest.raises(InputError, match=part) as refused:
        read_recording(tmp_path / name)
    assert str(refused.value).startswith(f"{tmp_path / name}: ")


@pytest.mark.parametrize("scale", [0.0, np.nan, np.inf, 5.0])
def test_an_absurd_pixel_size_counts_as_none(tmp_path, scale):
    valid_files.mrc(tmp_path / "image.mrc", nm_per_px=scale)
    assert read_recording(tmp_path / "image.mrc").pixel_size_x_A is None


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
            read_recording(path)
    assert not (tmp_path / "executed").exists()


def test_a_format_whose_reader_runs_what_files_hold_is_not_read(tmp_path):
    (tmp_path / "image.nc").write_bytes(b"CDF\1")
    with pytest.raises(InputError, match=r"no reader for \.nc"):
        read_recording(tmp_path / "image.nc")


@pytest.mark.parametrize(
    "name", ["my \"image\" 'é' 1.tif", "$(touch executed) `x`;.tif", "{image} *?[1].tif", "-rf.tif"]
)
def test_any_name_that_a_file_can_have_is_read(tmp_path, name):
    tifffile.imwrite(tmp_path / name, VALUES)
    assert np.array_equal(read_recording(tmp_path / name).values, VALUES)


def written_by_hyperspy(path, values, x=0.02, y=0.02):
    from hyperspy.signals import Signal2D

    signal = Signal2D(values)
    for axis, scale in zip(signal.axes_manager.signal_axes, (x, y)):
        axis.scale, axis.units = scale, "nm"
    signal.save(path, overwrite=True)
    return path


@pytest.mark.parametrize("ending", ["hspy", "emd", "tif"])
def test_width_and_height_of_pixels_come_from_the_file(tmp_path, ending):
    recording = read_recording(written_by_hyperspy(tmp_path / f"image.{ending}", VALUES.astype(np.float32), 0.01, 0.03))
    assert np.array_equal(recording.values, VALUES)
    assert (recording.pixel_size_x_A, recording.pixel_size_y_A) == pytest.approx((0.1, 0.3), rel=1e-5)


@pytest.mark.parametrize("ending", ["hspy", "emd", "tif", "npy"])
def test_a_stack_is_read_with_its_frames(tmp_path, ending):
    stack, path = np.random.default_rng(0).integers(0, 99, (4, 20, 30)).astype(np.uint16), tmp_path / f"s.{ending}"
    np.save(path, stack) if ending == "npy" else written_by_hyperspy(path, stack)
    assert np.array_equal(read_recording(path).values, stack)


@pytest.mark.parametrize(
    ("ending", "maker"),
    [
        *[("dm3", "digital_micrograph"), ("dm4", "digital_micrograph"), ("ser", "ser"), ("emi", "emi")],
        *[("emd", "velox_emd"), ("mrc", "mrc")],
    ],
)
def test_a_stack_of_a_microscope_is_read_with_its_frames_and_its_scale(tmp_path, ending, maker):
    stack = np.stack([valid_files.VALUES, valid_files.VALUES // 2, valid_files.VALUES[::-1]])
    getattr(valid_files, maker)(tmp_path / f"stack.{ending}", stack)
    recording = read_recording(tmp_path / f"stack.{ending}")
    assert np.array_equal(recording.values, stack)
    sizes = (recording.pixel_size_x_A, recording.pixel_size_y_A)
    assert sizes == pytest.approx(2 * (10 * valid_files.NM_PER_PX,), rel=1e-5)


def test_a_folder_of_zarr_is_an_image(tmp_path):
    valid_files.zspy(tmp_path / "zipped.zspy")
    shutil.unpack_archive(tmp_path / "zipped.zspy", tmp_path / "image.zspy", "zip")
    recording = read_recording(tmp_path / "image.zspy")
    assert np.array_equal(recording.values, valid_files.VALUES)
    assert recording.pixel_size_x_A == pytest.approx(10 * valid_files.NM_PER_PX)


def test_the_beam_energy_comes_from_the_file(tmp_path):
    valid_files.velox_emd(tmp_path / "image.emd")
    assert read_recording(tmp_path / "image.emd").energy_keV == 300


@pytest.mark.parametrize("dtype", ["bool", "u1", "i1", "u2", ">u2", "i2", "u4", "i4", "f2", "f4", "f8", ">f8"])
def test_numbers_of_every_width_are_read(tmp_path, dtype):
    values = (np.arange(64 * 64).reshape(64, 64) % 120).astype(dtype)
    np.save(tmp_path / "image.npy", values)
    image = lab_image(tmp_path / "image.npy", "mine", entry(pixel_size_A=0.1), {"file": "image.npy"})
    assert image.dtype == (np.uint8 if dtype == "u1" else np.float32)
    assert np.array_equal(image, values.astype(float))


def test_the_signal_that_an_entry_names_is_taken_with_its_mode_and_the_source_of_the_pixel_size(tmp_path):
    valid_files.emi(tmp_path / "scan.emi", LARGE, detectors=("BF", "DF4", "HAADF"))
    for signal, taken, mode in ((None, "HAADF", "HAADF"), ("bf", "BF", "BF"), ("DF4", "DF4", "ADF")):
        image = lab_image(tmp_path / "scan.emi", "mine", entry(signal=signal, mode=None), {"file": "scan.emi"})
        told = [image.attrs[key] for key in ("signal", "mode", "pixel_size_source")]
        assert told == [taken, mode, "file"]
        assert any("BF, DF4, HAADF" in remark for remark in image.attrs["remarks"])
    image = lab_image(tmp_path / "scan_1.ser", "mine", entry(), {"file": "scan_1.ser"})
    assert image.attrs["signal"] == ""


@pytest.mark.parametrize(
    ("shape", "remedy"),
    [((63, 500), "give a larger part"), ((500, 63), "give a larger part"), ((64, 8193), "crop or bin it")],
)
def test_an_image_too_small_or_too_large_for_networks_is_refused_when_it_is_imported(tmp_path, shape, remedy):
    with pytest.raises(InputError, match=rf"image\.npy: the image has {shape[0]} x {shape[1]} px.*{remedy}"):
        imported(tmp_path / "image.npy", np.random.default_rng(0).random(shape))


def columns_of(shape, x_px, y_px):
    """Columns 4 A apart on pixels of 0.2 A times `x_px` and `y_px`."""
    y, x = np.mgrid[: shape[0], : shape[1]] * 0.2 * np.array([y_px, x_px])[:, None, None]
    return 10 + 100 * (np.cos(np.pi * x / 4) * np.cos(np.pi * y / 4)) ** 4


def imported(path, values, **given):
    np.save(path, values)
    return lab_image(path, "mine", entry(**({"pixel_size_A": 0.2, "mode": None} | given)), {"file": path.name})


@pytest.mark.parametrize(("size_x", "size_y"), [(0.2, 0.3), (0.5, 0.2)])
def test_pixels_that_are_not_square_are_made_square_with_columns_in_their_place(tmp_path, size_x, size_y):
    values = columns_of((100, 120), size_x / 0.2, size_y / 0.2)
    values[50:, 60:] = np.nan
    image = imported(tmp_path / "image.npy", values, pixel_size_A=size_x, pixel_size_y_A=size_y)
    assert image.attrs["pixel_size_A"] == 0.2
    assert (image.attrs["file_pixel_size_x_A"], image.attrs["file_pixel_size_y_A"]) == (size_x, size_y)
    assert (image.attrs["file_height_px"], image.attrs["file_width_px"]) == (100, 120)
    assert image.shape == (int(99 * size_y / 0.2 + 1e-6) + 1, int(119 * size_x / 0.2 + 1e-6) + 1)
    known = np.isfinite(image.to_numpy())
    assert known.mean() == pytest.approx(0.75, abs=0.02)
    known[int(46 * size_y / 0.2) :, int(56 * size_x / 0.2) :] = False  # beside what is not known splines ring
    assert image.to_numpy()[known] == pytest.approx(columns_of(image.shape, 1, 1)[known], abs=4)
    assert any("resampled" in remark for remark in image.attrs["remarks"])


def test_what_is_no_number_is_nan_and_told(tmp_path):
    values = columns_of((64, 64), 1, 1)
    values[3, 4], values[5, 6], values[7, 8] = np.nan, np.inf, -1e300
    image = imported(tmp_path / "image.npy", values)
    assert np.argwhere(np.isnan(image.to_numpy())).tolist() == [[3, 4], [5, 6], [7, 8]]
    assert any("no number" in remark for remark in image.attrs["remarks"])


@pytest.mark.parametrize("values", [np.full((64, 64), 7), np.full((64, 64), np.nan)])
def test_an_image_of_nothing_is_refused(tmp_path, values):
    with pytest.raises(InputError, match=r"image\.npy: all pixels have the same value"):
        imported(tmp_path / "image.npy", values)


def test_frames_of_nothing_are_left_out_of_a_stack_and_told(tmp_path):
    columns = columns_of((64, 64), 1, 1)
    frames = [columns, np.zeros((64, 64)), columns, np.full((64, 64), np.nan), np.zeros((64, 64))]
    kept = imported(tmp_path / "image.npy", np.stack(frames), frames="each")
    assert kept.shape == (2, 64, 64)
    assert any("3 of 5 frames show nothing" in remark for remark in kept.attrs["remarks"])
    assert imported(tmp_path / "image.npy", np.stack(frames)).to_numpy() == pytest.approx(columns, rel=1e-5)


def test_pixels_that_show_no_columns_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"image\.npy: the entry gives pixels of 2 A.* too coarse"):
        imported(tmp_path / "image.npy", columns_of((64, 64), 1, 1), pixel_size_A=2.0)


@pytest.mark.parametrize("counts", [3, 100])
def test_whether_columns_are_bright_or_dark_is_seen(tmp_path, counts):
    bright, rng = columns_of((128, 128), 1, 1) / 100, np.random.default_rng(0)
    ramp = np.linspace(0, 2, 128)  # a thickness that changes
    for signal, mode, told in ((bright, "HAADF", "bright"), (1.3 - bright, "BF", "dark")):
        image = imported(tmp_path / "image.npy", rng.poisson(counts * (signal + ramp)))
        assert image.attrs["mode"] == mode
        assert told in image.attrs["remarks"][-1]
    assert imported(tmp_path / "image.npy", bright, mode="BF").attrs["mode"] == "BF"


def test_a_scale_bar_is_left_out_and_told(tmp_path):
    values = (2 * columns_of((128, 160), 1, 1)).astype(np.uint8)
    values[110:115, 20:80] = 255
    image = imported(tmp_path / "image.npy", values).to_numpy()
    assert np.isnan(image[110:115, 20:80]).all()
    assert np.isnan(image).sum() <= 9 * 64


def test_of_a_stack_the_frames_are_averaged_or_kept(tmp_path):
    frames = np.random.default_rng(0).poisson([columns_of((64, 64), 1, 1)] * 5).astype(np.uint16)
    mean = imported(tmp_path / "s.npy", frames)
    assert mean.dims == ("y", "x")
    assert mean.to_numpy()[2:-2, 2:-2] == pytest.approx(frames.mean(0)[2:-2, 2:-2], abs=8)
    assert any("5 frames were aligned" in remark for remark in mean.attrs["remarks"])
    each = imported(tmp_path / "s.npy", frames, frames="each")
    assert each.dims == ("frame", "y", "x")
    assert np.array_equal(each, frames)


@pytest.mark.parametrize("ending", ["png", "tif"])
def test_what_is_drawn_over_an_image_in_colour_is_left_out(tmp_path, ending):
    grey = np.random.default_rng(0).integers(50, 150, (64, 64), np.uint8)
    colours = np.repeat(grey[..., None], 3, axis=-1)
    colours[10:14, 20:30] = 255, 0, 0
    path = tmp_path / f"image.{ending}"
    Image.fromarray(colours).save(path)
    recording = read_recording(path)
    hidden = np.zeros((64, 64), bool)
    hidden[10:14, 20:30] = True
    assert np.isnan(recording.values[hidden]).all()
    assert np.isnan(recording.values).sum() <= 2.5 * hidden.sum()
    assert recording.values[20:] == pytest.approx(grey[20:].astype(float), abs=1e-3)
    assert "colour" in recording.remarks[0]


def test_grey_levels_saved_as_colours_are_what_they_were_and_false_colours_are_told(tmp_path):
    grey = np.random.default_rng(0).integers(0, 255, (20, 30), np.uint8)
    Image.fromarray(np.repeat(grey[..., None], 3, axis=-1)).save(tmp_path / "grey.png")
    assert np.array_equal(read_recording(tmp_path / "grey.png").values, grey)
    Image.fromarray(np.stack([grey, 0 * grey, 255 - grey], axis=-1)).save(tmp_path / "false.png")
    recording = read_recording(tmp_path / "false.png")
    assert recording.values == pytest.approx(0.299 * grey + 0.114 * (255.0 - grey), abs=0.01)
    assert "luminance" in recording.remarks[0]


def test_the_line_to_write_is_shown_where_no_entry_says_the_pixel_size(tmp_path):
    tifffile.imwrite(tmp_path / "my, image.tif", LARGE)
    told = {"file": "my, image.tif"}
    with pytest.raises(InputError, match=r"my, image\.tif: the file holds no pixel size") as refused:
        lab_image(tmp_path / "my, image.tif", "mine", entry(), told, sidecar="images/images.csv")
    assert "below the line image,pixel_size_A, with" in str(refused.value)
    assert str(refused.value).endswith(' instead of 0.1: "my, image.tif",0.1')


def test_a_pixel_size_that_the_file_denies_is_taken_and_told(tmp_path):
    path = tmp_path / "image.mrc"
    valid_files.mrc(path, LARGE)
    for size, told in ((0.3, True), (0.2, False)):
        image = lab_image(path, "m", entry(pixel_size_A=size), {"file": "image.mrc"}, sidecar="images/images.csv")
        assert image.attrs["pixel_size_A"] == size
        assert image.attrs["pixel_size_source"] == "images.csv"
        assert any("0.3 A by images/images.csv" in remark for remark in image.attrs["remarks"]) == told


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
