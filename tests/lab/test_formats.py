"""Formats beside those of test_reading.py, each as its program writes it, and files that are none."""

import pickle
import zipfile

import h5py
import numpy as np
import pytest
import tifffile
import valid_files
from executed import Executed
from stembench.errors import InputError
from stembench.lab.formats import UNREAD, Recording, is_listed, read_recording, recording_parts

pytestmark = pytest.mark.slow

VALUES = np.random.default_rng(0).integers(0, 4000, (40, 50)).astype(np.uint16)


def recording(path, *arguments):
    """What is read, without a process of its own."""
    values, told = recording_parts(path, *arguments)
    return Recording(values, **told)


@pytest.mark.parametrize(
    ("name", "make", "size", "energy", "mode"),
    [
        ("image.dm5", valid_files.dm5, 0.2, 300, "HAADF"),
        ("image.nhdf", valid_files.nhdf, 0.2, 100, "HAADF"),
        ("image.ndata", valid_files.ndata, 0.2, 100, "HAADF"),
        ("image.prz", valid_files.prz, 0.2, 200, "HAADF"),
        ("image.npz", valid_files.npz, None, None, "HAADF"),
        ("image.mat", valid_files.statstem, 0.2, None, ""),
        ("image.mat", valid_files.matlab_7_3, 0.2, None, ""),
        ("image.h5", valid_files.any_hdf5, 0.2, None, ""),
        ("image.emd", valid_files.velox_emd_with_eds, 0.2, 300, "HAADF"),
        ("image.ome.tif", valid_files.ome_tiff, 0.2, None, ""),
        ("image.tif", valid_files.imagej_tiff, 0.2, None, ""),
        ("image.tif", valid_files.tiff, 0.2, None, ""),
        ("image.tif", valid_files.compressed_tiff, None, None, ""),
    ],
)
def test_a_format_gives_its_image_with_pixel_size_and_energy(tmp_path, name, make, size, energy, mode):
    make(tmp_path / name)
    found = recording(tmp_path / name)
    assert np.array_equal(found.values, valid_files.VALUES)
    sizes = (found.pixel_size_x_A, found.pixel_size_y_A)
    assert sizes == ((None, None) if size is None else pytest.approx((size, size)))
    assert (found.energy_keV, found.mode) == (energy, mode)


def test_files_in_hdf5_are_known_by_what_is_in_them_and_not_by_their_ending(tmp_path):
    valid_files.dm5(tmp_path / "image.h5")
    valid_files.hspy(tmp_path / "image.emd")
    for name in ("image.h5", "image.emd"):
        assert np.array_equal(recording(tmp_path / name).values, valid_files.VALUES)


def test_a_matlab_file_is_read_in_a_process_of_its_own(tmp_path):
    valid_files.statstem(tmp_path / "image.mat")
    assert np.array_equal(read_recording(tmp_path / "image.mat").values, valid_files.VALUES)


def test_of_a_velox_file_with_eds_the_haadf_frames_are_taken_and_maps_are_named(tmp_path):
    valid_files.velox_emd_with_eds(tmp_path / "image.emd")
    found = recording(tmp_path / "image.emd")
    assert found.signal == "HAADF"
    assert "2 images (Sr, HAADF), of which HAADF was taken" in found.remarks[0]
    assert np.array_equal(recording(tmp_path / "image.emd", "", "sr").values, valid_files.VALUES // 9)


def test_an_emi_file_names_the_detectors_of_its_series(tmp_path):
    valid_files.emi(tmp_path / "scan.emi", detectors=("BF", "DF4"))
    found = recording(tmp_path / "scan.emi")
    assert (found.signal, found.mode) == ("DF4", "ADF")
    assert np.array_equal(found.values, valid_files.VALUES[::-1])
    assert recording(tmp_path / "scan.emi", "", "BF").mode == "BF"


def test_an_emi_file_alone_gives_the_images_that_it_holds_itself(tmp_path):
    valid_files.emi(tmp_path / "scan.emi", detectors=("BF", "DF4"))
    beside = recording(tmp_path / "scan.emi")
    for series in tmp_path.glob("*.ser"):
        series.unlink()
    alone = recording(tmp_path / "scan.emi")
    assert np.array_equal(alone.values, beside.values)
    assert (alone.signal, alone.energy_keV) == ("DF4", 200)
    assert (alone.pixel_size_x_A, alone.pixel_size_y_A) == pytest.approx((0.2, 0.2))


def test_an_emi_file_that_holds_no_image_asks_for_its_series(tmp_path):
    valid_files.emi(tmp_path / "scan.emi", detectors=())
    with pytest.raises(InputError, match=r"scan\.emi: describes images that are in scan_1\.ser"):
        recording(tmp_path / "scan.emi")


def berkeley(path, values, names, units, **microscope):
    """As openNCEM writes it; columns of 0.3 A, rows of 0.2 A."""
    steps = {"y": 0.02, "x": 0.03}
    with h5py.File(path, "w") as file:
        file.attrs.update({"version_major": 0, "version_minor": 2})
        group = file.create_group("data/image")
        group.attrs["emd_group_type"] = 1
        group["data"] = values
        for place, name in enumerate(names):
            axis = group.create_dataset(f"dim{place + 1}", data=np.arange(values.shape[place]) * steps.get(name, 1.0))
            axis.attrs.update({"name": name, "units": units})
        file.create_group("microscope").attrs.update(microscope)


@pytest.mark.parametrize("units", ["[n_m]", "n_m", "nm", b"[n_m]", np.array(["[n_m]"], object)])
def test_a_berkeley_file_keeps_its_orientation_pixel_size_and_energy(tmp_path, units):
    berkeley(tmp_path / "image.emd", VALUES, "yx", units, voltage=200000, voltage_units="[V]")
    found = recording(tmp_path / "image.emd")
    assert np.array_equal(found.values, VALUES)
    assert (found.pixel_size_x_A, found.pixel_size_y_A) == pytest.approx((0.3, 0.2))
    assert found.energy_keV == 200


def test_frames_of_a_berkeley_file_are_counted_by_the_axis_that_is_not_x_and_y(tmp_path):
    stack = np.stack([VALUES, VALUES + 1, VALUES])
    berkeley(tmp_path / "stack.emd", stack, "zyx", "[n_m]", beam_energy="80 kV")
    found = recording(tmp_path / "stack.emd")
    assert np.array_equal(found.values, stack)
    assert found.energy_keV == 80


@pytest.mark.parametrize(
    ("unit", "per_unit", "size"),
    [
        *[("nm", 50, 0.2), ("\\u00B5m", 5e4, 0.2), ("micron", 5e4, 0.2), ("\\u00C5", 5, 0.2), ("pm", 0.05, 0.2)],
        *[("inch", 72, None), ("pixel", 1, None), ("nm", 1, None)],
    ],
)
def test_a_pixel_size_of_imagej_is_taken_in_its_unit(tmp_path, unit, per_unit, size):
    tifffile.imwrite(
        tmp_path / "i.tif", VALUES, imagej=True, resolution=(per_unit, per_unit / 2), metadata={"unit": unit}
    )
    found = recording(tmp_path / "i.tif")
    sizes = (found.pixel_size_x_A, found.pixel_size_y_A)
    expected = (size, 2 * size) if size else (None, None if unit != "nm" else 20)
    assert sizes == (pytest.approx(expected) if size else (None, None))


def test_a_resolution_of_a_printer_is_no_pixel_size(tmp_path):
    tifffile.imwrite(tmp_path / "image.tif", VALUES, resolution=(72, 72), resolutionunit=2)
    found = recording(tmp_path / "image.tif")
    assert (found.pixel_size_x_A, found.remarks) == (None, [])


@pytest.mark.parametrize("bigtiff", [False, True])
def test_pages_that_name_one_another_in_a_circle_are_refused(tmp_path, bigtiff):
    with tifffile.TiffWriter(tmp_path / "image.tif", bigtiff=bigtiff) as file:
        file.write(VALUES)
        file.write(VALUES)
    with tifffile.TiffFile(tmp_path / "image.tif") as file:
        (first, second), form = (page.offset for page in file.pages), file.tiff
        count = len(file.pages[1].tags)
    content = bytearray((tmp_path / "image.tif").read_bytes())
    end = second + form.tagnosize + count * form.tagsize
    content[end : end + form.offsetsize] = first.to_bytes(form.offsetsize, "little")
    (tmp_path / "image.tif").write_bytes(content)
    with pytest.raises(InputError, match="its pages name one another in a circle"):
        recording(tmp_path / "image.tif")


@pytest.mark.parametrize("compression", ["lzw", "deflate", "zstd", "packbits", "lzma"])
def test_compressed_tiff_files_are_read(tmp_path, compression):
    predictor = compression in ("lzw", "deflate", "zstd")
    tifffile.imwrite(tmp_path / "image.tif", VALUES, compression=compression, predictor=predictor)
    assert np.array_equal(recording(tmp_path / "image.tif").values, VALUES)


def test_jpeg_in_a_tiff_file_is_read(tmp_path):
    smooth = np.add.outer(np.arange(64), np.arange(64)).astype(np.uint8)
    tifffile.imwrite(tmp_path / "image.tif", smooth, compression="jpeg", compressionargs={"level": 95})
    assert recording(tmp_path / "image.tif").values == pytest.approx(smooth.astype(float), abs=3)


def test_colours_of_a_tiff_file_may_be_in_planes_or_in_a_palette(tmp_path):
    tifffile.imwrite(tmp_path / "planes.tif", np.stack(3 * [VALUES]), photometric="rgb", planarconfig="separate")
    assert np.array_equal(recording(tmp_path / "planes.tif").values, VALUES)
    grey = (VALUES // 16).astype(np.uint8)
    palette = np.stack(3 * [np.arange(65535, -1, -257, dtype=np.uint16)])  # from white to black
    tifffile.imwrite(tmp_path / "palette.tif", grey, photometric="palette", colormap=palette)
    assert np.array_equal(recording(tmp_path / "palette.tif").values, 257 * (255 - grey.astype(np.uint16)))


@pytest.mark.parametrize("imagej", [True, False])
def test_frames_of_a_tiff_file_are_a_stack(tmp_path, imagej):
    stack = np.stack([VALUES, VALUES + 1, VALUES, VALUES + 2])
    tifffile.imwrite(tmp_path / "stack.tif", stack, imagej=imagej, photometric="minisblack")
    assert np.array_equal(recording(tmp_path / "stack.tif").values, stack)


@pytest.mark.parametrize(
    ("nm_per_px", "told"),
    [(0.1, "gives 0.1 nm x 0.1 nm"), (1.0, "as programs write that know none")],
)
def test_a_pixel_size_that_programs_write_which_know_none_is_not_believed(tmp_path, nm_per_px, told):
    valid_files.mrc(tmp_path / "image.mrc", nm_per_px=nm_per_px)
    found = recording(tmp_path / "image.mrc")
    assert (found.pixel_size_x_A, found.pixel_size_y_A) == (None, None)
    assert told in found.remarks[0]


def test_an_mrc_file_is_read_in_the_order_of_bytes_that_it_states(tmp_path):
    valid_files.mrc(tmp_path / "image.mrc", order=">")
    found = recording(tmp_path / "image.mrc")
    assert np.array_equal(found.values, valid_files.VALUES)
    assert found.pixel_size_x_A == pytest.approx(0.2)


def test_an_mrc_file_that_promises_more_than_it_holds_is_refused_at_once(tmp_path):
    valid_files.mrc(tmp_path / "image.mrc")
    content = bytearray((tmp_path / "image.mrc").read_bytes())
    content[8:12] = (2**32 - 1).to_bytes(4, "little")  # sections
    (tmp_path / "image.mrc").write_bytes(content)
    with pytest.raises(InputError, match="ends before the last of its pixels"):
        recording(tmp_path / "image.mrc")


def test_an_edge_of_pixels_that_cannot_be_right_is_told(tmp_path):
    berkeley(tmp_path / "image.emd", VALUES, "yx", "nm")
    with h5py.File(tmp_path / "image.emd", "a") as file:
        file["data/image/dim1"].attrs["units"] = "um"
    found = recording(tmp_path / "image.emd")
    assert (found.pixel_size_x_A, found.pixel_size_y_A) == (pytest.approx(0.3), None)
    assert "0.03 nm x 0.02 µm, of which only the width can be right" in found.remarks[0].replace("\u03bc", "µ")


@pytest.mark.parametrize(
    ("separator", "point"), [("\t", "."), (" ", "."), (",", "."), (";", ","), (";", "."), ("\t", ",")]
)
def test_a_table_of_numbers_in_a_text_file_is_an_image(tmp_path, separator, point):
    lines = [separator.join(f"{value / 8:.3f}".replace(".", point) for value in row) for row in VALUES]
    (tmp_path / "image.txt").write_text("\n".join(["# Channel: HAADF", "# Width: 10 nm", "", *lines]))
    assert is_listed(tmp_path / "image.txt")
    assert recording(tmp_path / "image.txt").values == pytest.approx(VALUES / 8)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("These are my images.\n", "does not begin with a line of numbers"),
        ("", "the file is empty"),
        ("1 2 3\n" * 100, r"a list of positions or a table \(100 x 3\)"),
        ("1 2 3 4 5\n" * 100, "a table of 100 lines of 5 numbers, not an image"),
    ],
)
def test_other_text_is_no_image_of_the_folder_and_is_refused_by_what_it_is(tmp_path, text, part):
    (tmp_path / "notes.txt").write_text(text)
    assert not is_listed(tmp_path / "notes.txt")
    with pytest.raises(InputError, match=part):
        read_recording(tmp_path / "notes.txt")


def test_a_table_with_a_line_too_short_is_refused(tmp_path):
    (tmp_path / "image.txt").write_text(f"{'1 ' * 40}\n" * 40 + "1 2\n")
    with pytest.raises(InputError, match="is no table of numbers with 40 in every line"):
        recording(tmp_path / "image.txt")


def test_formats_without_a_reader_are_images_of_a_folder_and_refused_with_what_to_give(tmp_path):
    for ending in UNREAD:
        (tmp_path / f"image{ending}").write_bytes(b"content")
        assert is_listed(tmp_path / f"image{ending}")
        with pytest.raises(InputError, match=rf"no reader for \{ending} files; (export|save)"):
            read_recording(tmp_path / f"image{ending}")


def test_a_list_of_positions_is_no_image(tmp_path):
    (tmp_path / "columns.csv").write_text("x_px,y_px\n1,2\n")
    with pytest.raises(InputError, match=r"no reader for \.csv files; a list of positions is no image"):
        read_recording(tmp_path / "columns.csv")


def test_tables_and_papers_in_a_folder_are_no_images(tmp_path):
    for name in ("images.csv", "a.corrections.csv", "README.md", "paper.pdf", "structure.cif", ".hidden.tif"):
        (tmp_path / name).write_text("1 2 3")
        assert not is_listed(tmp_path / name)


def test_pickles_in_archives_are_left_out(tmp_path):
    harmful = np.array([Executed(tmp_path / "executed")], object)
    np.savez(tmp_path / "image.npz", harmful=harmful, image=VALUES)
    assert np.array_equal(recording(tmp_path / "image.npz").values, VALUES)
    with (tmp_path / "image.prz").open("wb") as file:
        np.savez(file, data=VALUES, meta_data=harmful)
    assert np.array_equal(recording(tmp_path / "image.prz").values, VALUES)
    with zipfile.ZipFile(tmp_path / "image.ndata", "w") as archive:
        archive.writestr("data.npy", pickle.dumps(Executed(tmp_path / "executed")))
        archive.writestr("metadata.json", "{}")
    with pytest.raises(InputError):
        recording(tmp_path / "image.ndata")
    assert not (tmp_path / "executed").exists()


def test_an_array_in_an_archive_that_is_too_large_is_refused_before_it_is_unpacked(tmp_path):
    head = str({"descr": "<f8", "fortran_order": False, "shape": (500_000, 500_000)}).encode()
    with zipfile.ZipFile(tmp_path / "image.npz", "w") as archive:
        archive.writestr("image.npy", b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head)
    with pytest.raises(InputError, match="take more than 1 GiB"):
        recording(tmp_path / "image.npz")


@pytest.mark.parametrize(
    ("name", "make"),
    [
        *[("cut.tif", valid_files.tiff), ("cut.dm3", valid_files.digital_micrograph), ("cut.hspy", valid_files.hspy)],
        *[("cut.npy", valid_files.npy), ("cut.mrc", valid_files.mrc), ("cut.png", valid_files.with_pillow)],
    ],
)
def test_of_a_file_that_is_cut_off_it_is_said(tmp_path, name, make):
    make(tmp_path / name)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: len(content) * 2 // 3])
    with pytest.raises(InputError, match="check that the file is complete"):
        recording(tmp_path / name)


def test_of_a_whole_file_no_message_doubts_that_it_is_whole(tmp_path, monkeypatch):
    valid_files.dm5(tmp_path / "image.dm5")
    errors = {
        "reading it needs the package sparse; install it": ModuleNotFoundError(
            "No module named 'sparse'", name="sparse"
        ),
        "reading it needs the package imagecodecs; install it": ValueError("5 requires the 'imagecodecs' package"),
        "does not fit into memory": MemoryError(),
        "cannot be read .KeyError.*it is damaged or of an unknown kind": RuntimeError("KeyError of a tag"),
    }
    for part, error in errors.items():
        monkeypatch.setattr(
            "stembench.lab.hdf5.read_hdf5", lambda path, until, error=error: (_ for _ in ()).throw(error)
        )
        with pytest.raises(InputError, match=part) as refused:
            recording(tmp_path / "image.dm5")
        assert "complete" not in str(refused.value)
