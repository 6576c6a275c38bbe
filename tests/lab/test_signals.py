import numpy as np
import pytest
from stembench.errors import InputError
from stembench.lab.kinds import what_else
from stembench.lab.signals import Axis, Signal, along_image, chosen, detector_of, is_difference, labels_of


@pytest.mark.parametrize(
    ("title", "mode"),
    [
        *[(title, "HAADF") for title in ("HAADF", "HAADF26", "STO_haadf_5Mx", "High-angle annular dark field")],
        *[(title, "ADF") for title in ("ADF", "DF4", "DF2", "DF4-A", "MAADF", "LAADF", "Dark Field")],
        *[
            ("ABF", "ABF"),
            ("annular bright-field", "ABF"),
            ("BF", "BF"),
            ("Bright Field 2", "BF"),
            ("bright_field", "BF"),
        ],
        *[("BFO film", None), ("iDPC", None), ("Sr", None), ("", None), ("profile", None)],
    ],
)
def test_a_title_tells_the_detector(title, mode):
    assert detector_of(title) == mode


def test_differences_of_segments_are_told_from_what_is_integrated():
    differences = ("A-C", "B-D", "DPC", "DPCx", "DPC y", "dDPC", "COMx", "CoM Y", "dCOM", "DF4 (A-C)", "Difference")
    assert all(map(is_difference, differences))
    assert not any(map(is_difference, ("iDPC", "Filtered iDPC", "iCOM", "DF4-A", "HAADF", "ABF", "compound")))


@pytest.mark.parametrize(
    ("titles", "taken"),
    [
        (["BF", "DF4"], "DF4"),
        (["BF", "ABF", "HAADF", "DF2"], "HAADF"),
        (["BF", "ABF"], "ABF"),
        (["B-D", "DPC", "iDPC", "A-C"], "iDPC"),
        (["B-D", "DF4-C", "iDPC"], "DF4-C"),
        (["DF4-C", "DF4"], "DF4"),
        (["Sr", "Ti", "ColorMix", "Overview"], "Overview"),
        (["A-C", "", "B-D"], ""),
    ],
)
def test_of_several_signals_the_best_for_columns_is_taken_and_never_a_difference(titles, taken):
    assert titles[chosen(titles, "", "", "f")] == taken


def test_a_mode_and_a_name_choose_among_signals():
    titles = ["HAADF", "BF", "A-C", "HAADF"]
    assert chosen(titles, "BF", "", "f") == 1
    assert chosen(titles, "ABF", "", "f") == 0
    assert chosen(titles, "HAADF", " a-c", "f") == 2
    assert labels_of(titles) == ["HAADF #1", "BF", "A-C", "HAADF #2"]
    assert chosen(titles, "", "haadf #2", "f") == 3


@pytest.mark.parametrize(
    ("titles", "named", "part"),
    [
        (["HAADF", "BF"], "ABF", "f: holds no signals named 'ABF'; write one of HAADF, BF as its signal"),
        (["HAADF", "", "HAADF"], "haadf", "f: holds 2 signals named 'haadf'; write one of HAADF #1, #1, HAADF #2"),
        (["A-C", "B-D"], "", r"f: holds only differences of detector segments \(A-C, B-D\)"),
    ],
)
def test_a_name_that_fits_none_or_several_is_refused_with_those_that_there_are(titles, named, part):
    with pytest.raises(InputError, match=part):
        chosen(titles, "", named, "f")


def signal(shape, units=(), names=(), title="", kind="", dtype="f4", navigate=0):
    number = len(shape) if units or names or navigate else 0
    axes = [
        Axis((*names, *[""] * number)[place], (*units, *[""] * number)[place], 1.0, place < navigate)
        for place in range(number)
    ]
    return Signal(np.zeros(shape, dtype), axes, title, kind)


@pytest.mark.parametrize(
    ("what", "other"),
    [
        ("a spectrum image", signal((50, 8, 9), ("eV", "nm", "nm"))),
        ("a spectrum image", signal((8, 50, 9), ("nm", "keV", "nm"))),
        ("a spectrum image", signal((8, 9, 50), names=("y", "x", "Energy loss"))),
        ("a spectrum image", signal((8, 9, 50), kind="EELS Spectrum image")),
        ("a spectrum image", signal((8, 9, 50), kind="EDS_TEM")),
        ("spectra along a line", signal((8, 500), ("nm", "eV"))),
        ("a spectrum", signal((1, 500), ("", "eV"))),
        ("a diffraction pattern", signal((90, 90), ("1/nm", "1/nm"))),
        ("a diffraction pattern", signal((90, 90), ("mrad", "mrad"))),
        ("a diffraction pattern", signal((90, 90), kind="Diffraction image")),
        ("a diffraction pattern", signal((90, 90), title="dp_mean")),
        ("diffraction patterns", signal((5, 90, 90), ("s", "Å^-1", "Å^-1"))),
        ("diffraction patterns", signal((8, 9, 30, 30), ("nm", "nm", "1/nm", "1/nm"))),
        ("data of 4 dimensions", signal((8, 9, 30, 30))),
        ("complex numbers", signal((90, 90), dtype="c8")),
        ("a Fourier transform", signal((90, 90), title="FFT of HAADF")),
        ("a Fourier transform", signal((90, 90), title="Power Spectrum of image")),
        ("a line plot", signal((500,))),
        ("a line plot", signal((500, 1))),
        ("a list of positions", signal((500, 2))),
        ("a list of positions", signal((3, 500))),
        ("a curve for each place", signal((8, 9, 50), navigate=2)),
        ("curves along a line", signal((8, 50), navigate=1)),
    ],
)
def test_what_is_no_image_is_said(what, other):
    told, remedy = what_else(other)
    assert told.startswith(what)
    assert remedy.startswith("give ")


@pytest.mark.parametrize(
    "image",
    [
        signal((90, 80)),
        signal((1, 90, 80), ("", "nm", "nm")),
        signal((5, 90, 80), ("s", "nm", "nm"), navigate=1),
        signal((5, 90, 80), ("deg", "nm", "nm"), navigate=1),
        signal((90, 80), ("nm", "nm"), kind="EELS", title="EFTEM"),
        signal((90, 80), ("nm", "nm"), navigate=1),
        signal((90, 80), ("nm", "nm"), navigate=2),
        signal((2, 2)),
        signal((90, 80, 3), dtype="u1"),
    ],
)
def test_images_and_stacks_are_images(image):
    assert what_else(image) is None


def test_axes_that_are_named_x_and_y_are_put_in_their_place():
    values = np.arange(24).reshape(2, 3, 4)
    moved, axes = along_image(values, [Axis("x"), Axis("y"), Axis("z")])
    assert [axis.name for axis in axes] == ["z", "y", "x"]
    assert np.array_equal(moved, values.transpose(2, 1, 0))
    assert along_image(values, [Axis("a"), Axis("y"), Axis("z")])[0] is values
