import numpy as np
import pandas as pd
import pytest
import tifffile
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
    import h5py

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
