import h5py
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from stembench.errors import InputError
from stembench.lab.marked_columns import read_marked_columns

SHAPE = (40, 60)  # 60 px wide
TRIANGLE = "10,10\n30,10\n10,30\n"
WHOLE = arrays(float, (12, 2), elements=st.integers(0, 39), unique=False).map(lambda p: np.unique(p, axis=0))


def read(path, text=None, pixel_size=0.1):
    if text is not None:
        path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_marked_columns(path, pixel_size, SHAPE, path.name)


@pytest.mark.parametrize("unit", ["px", "A"])
@given(pixels=WHOLE.filter(lambda p: np.linalg.matrix_rank(p - p.mean(axis=0)) == 2), pixel_size=st.floats(0.11, 1))
def test_positions_come_back_in_angstrom_from_either_unit(tmp_path_factory, unit, pixels, pixel_size):
    path = tmp_path_factory.mktemp("marked") / "mine.csv"
    written = pixels if unit == "px" else pixels * pixel_size
    pd.DataFrame(written, columns=[f"x_{unit}", f"y_{unit}"]).to_csv(path, index=False)
    assert read(path, pixel_size=pixel_size) == pytest.approx(pixels * pixel_size)


def test_further_columns_spaces_and_a_byte_order_mark_do_no_harm(tmp_path):
    text = "\ufeffspecies, y_px, x_px\nPb, 1, 2\n\nTi, 3, 4\nPb, 8, 5\n"
    assert read(tmp_path / "mine.csv", text) == pytest.approx(np.array([[0.2, 0.1], [0.4, 0.3], [0.5, 0.8]]))


def test_an_atom_lattice_gives_the_columns_of_all_sublattices(tmp_path):
    with h5py.File(tmp_path / "mine.hdf5", "w") as file:
        file["image_data0"] = np.zeros(SHAPE)
        file["A_sublattice/atom_positions"] = [[1.0, 2.0], [np.nan, np.nan], [3.0, 4.0]]
        file["B_sublattice/atom_positions"] = [[5.0, 2.0]]
    assert read(tmp_path / "mine.hdf5") == pytest.approx(np.array([[0.1, 0.2], [0.3, 0.4], [0.5, 0.2]]))


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ["line 1", "x_px,y_px or x_A,y_A", "empty"]),
        ("x,y\n" + TRIANGLE, ["line 1", "x_px,y_px or x_A,y_A", "it names x, y"]),
        ("x_px;y_px\n1;2\n", ["line 1", "commas"]),
        ("x_px,y_px,x_A,y_A\n1,2,3,4\n", ["line 1", "one pair of them"]),
        ("x_px,y_px\n", ["no positions", "add a line"]),
        ("x_px,y_px\n" + TRIANGLE + "1,two\n", ["line 5", "y_px", "'two'", "no number"]),
        ("x_px,y_px\n" + TRIANGLE + "\nnan,2\n", ["line 6", "x_px", "'nan'"]),
        ("x_px,y_px\n" + TRIANGLE + "inf,2\n", ["line 5", "x_px", "'inf'"]),
        ("x_px,y_px\n" + TRIANGLE + "7\n", ["line 5", "y_px", "''"]),
        ("x_px,y_px\n" + TRIANGLE + "60,20\n", ["line 5", "x = 60, y = 20 px", "outside", "60 x 40 px"]),
        ("x_px,y_px\n" + TRIANGLE + "20,-1\n", ["line 5", "y = -1 px", "outside"]),
        ("x_A,y_A\n1,1\n3,1\n1,4.5\n", ["line 4", "y = 4.5 A", "outside"]),
        (
            "x_px,y_px\n" + TRIANGLE + "30.2,10\n",
            ["line 3 and line 5", "one column", "x = 30, y = 10 px", "remove one"],
        ),
        ("x_px,y_px\n1,1\n5,5\n9,9\n", ["3 columns", "no area", "mark more"]),
        ("x_px,y_px\n1,1\n9,9\n", ["2 columns", "no area"]),
        ("x_px,y_px\n1,1\n".encode("utf-16"), ["no CSV text", "UTF-8"]),
    ],
)
def test_a_mistake_is_answered_with_file_line_and_remedy(tmp_path, text, parts):
    with pytest.raises(InputError) as refused:
        read(tmp_path / "mine.csv", text)
    for part in ("mine.csv", *parts):
        assert part in str(refused.value)


def test_a_file_that_is_no_atom_lattice_is_named(tmp_path):
    with pytest.raises(InputError, match=r"mine\.hdf5: is no atom lattice"):
        read(tmp_path / "mine.hdf5", "nothing of the kind")
    with h5py.File(tmp_path / "other.hdf5", "w") as file:
        file["picture"] = np.zeros((3, 3))
    with pytest.raises(InputError, match=r"other\.hdf5: is no atom lattice"):
        read(tmp_path / "other.hdf5")


def test_an_atom_lattice_of_more_atoms_than_an_image_can_show_is_refused(tmp_path):
    with h5py.File(tmp_path / "mine.hdf5", "w") as file:
        file.create_dataset("A/atom_positions", (10**9, 2), "f8", chunks=(10**5, 2))
    with pytest.raises(InputError, match=r"mine\.hdf5: A holds more than"):
        read(tmp_path / "mine.hdf5")


def test_an_image_may_show_no_column_where_that_may_be(tmp_path):
    (tmp_path / "mine.csv").write_text("x_px,y_px\n")
    assert read_marked_columns(tmp_path / "mine.csv", 0.1, SHAPE, "mine.csv", or_none=True).shape == (0, 2)
