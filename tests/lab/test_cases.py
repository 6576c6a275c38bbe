"""Files of others, and situations made from one of them, each with its right value.

`STEMBENCH_CASES` names their folder.
"""

import os
from pathlib import Path

import numpy as np
import pytest
from stembench.config import LabImage
from stembench.errors import InputError
from stembench.lab.formats import Recording, recording_parts
from stembench.lab.reading import image_of

PIXEL_A = 0.10012704


@pytest.fixture(scope="module")
def case():
    place = os.environ.get("STEMBENCH_CASES")
    if not place:
        pytest.skip("STEMBENCH_CASES is unset: it names the folder with files of others")

    def read(name, signal=""):
        values, told = recording_parts(Path(place) / name, "", signal)
        return Recording(values, **told)

    return read


@pytest.mark.parametrize(
    ("name", "shape", "pixel_size", "energy", "mode"),
    [
        ("16_STOimage.emi", (1024, 1024), PIXEL_A, 80, "HAADF"),
        ("16_STOimage_1.ser", (1024, 1024), PIXEL_A, None, ""),
        ("tia_old_16x16_STEM_BF_DF_acquire.emi", (16, 16), None, 200, "ADF"),
        ("ingrained_CdTe_twin_HAADF26.dm3", (512, 512), 0.20217, 200, "HAADF"),
        ("digitalmicrograph_2D_multi_signal.dm3", (512, 512), 0.17752, 300, "HAADF"),
        ("qem_STO_haadf_small.hspy", (224, 224), 0.16454, None, ""),
        ("velox_haadf_with_eds.emd", (2, 16, 16), None, 300, "HAADF"),
        ("scifi_SpectrumImage_Si.emd", (5, 16, 16), None, 200, "HAADF"),
        ("digitalmicrograph_2D_test-23.dm4", (2, 2), None, None, ""),
        ("panta_rhei_sample.prz", (16, 16), None, 200, ""),
        ("pycroscopy_re48.tiff", (687, 772), None, None, ""),
        ("annotated/PtIr_particle.tif", (512, 512), None, None, ""),
        *[(f"made/{name}", (512, 512), PIXEL_A, None, "") for name in ("sto_imagej_nm.tif", "berkeley_n_m_units.emd")],
        *[
            (f"made/{name}", (512, 512), None, None, "")
            for name in ("sto_lzw.tif", "uncalibrated.mrc", "one_angstrom_default.mrc", "sto_rgba.png", "sto_16bit.png")
        ],
    ],
)
def test_an_image_is_read_with_what_its_file_tells(case, name, shape, pixel_size, energy, mode):
    found = case(name)
    assert found.values.shape == shape
    assert (found.energy_keV, found.mode) == (energy, mode)
    sizes = (found.pixel_size_x_A, found.pixel_size_y_A)
    assert sizes == ((None, None) if pixel_size is None else pytest.approx((pixel_size, pixel_size), rel=1e-4))


def test_one_image_in_several_formats_is_the_same(case):
    image = case("made/sto_imagej_nm.tif").values
    for name in ("berkeley_n_m_units.emd", "sto_16bit.png"):
        assert np.array_equal(case(f"made/{name}").values, image)
    for name in ("sto_lzw.tif", "sto_rgb_grey.tif", "sto_rgba.png"):
        assert np.corrcoef(case(f"made/{name}").values.ravel(), image.ravel())[0, 1] > 0.999


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("made/eels_si_dm_axes.hspy", r"holds a spectrum image \(200 x 96 x 96\)"),
        ("digitalmicrograph_2D_test_diffraction_pattern.dm3", r"holds a diffraction pattern \(87 x 87\)"),
    ],
)
def test_what_is_no_image_is_refused_by_what_it_is(case, name, part):
    with pytest.raises(InputError, match=part):
        case(name)


def test_of_segments_of_a_detector_no_difference_is_taken(case):
    found = case("emd_fei_example_dpc_titles.emd")
    assert found.signal == "DF4-C"
    assert "9 images" not in found.remarks[0]  # the complex DPC is none
    assert all(title in found.remarks[0] for title in ("A-C", "B-D", "iDPC", "DF4-A"))
    assert case("emd_fei_example_dpc_titles.emd", "idpc").signal == "iDPC"


@pytest.mark.parametrize("name", ["made/uncalibrated.mrc", "made/one_angstrom_default.mrc"])
def test_a_default_pixel_size_is_asked_for(case, name):
    with pytest.raises(
        InputError, match=r"no pixel size \(it gives .*, as programs write that know none\); write it into"
    ):
        image_of(case(name), "a", LabImage(file="a.mrc"), {"file": "a.mrc"}, sidecar="images/images.csv")


def test_an_edge_that_cannot_be_right_is_told(case):
    found = case("ncem_dmTest_3D_int16_64,65,66.dm4")
    assert (found.pixel_size_x_A, found.pixel_size_y_A) == (0.02, None)
    assert "2 pm x 3 nm, of which only the width can be right" in found.remarks[0]


def test_false_colours_are_read_as_luminance_and_told(case):
    assert "luminance" in case("pycroscopy_re48.tiff").remarks[0]


def test_an_image_of_a_few_pixels_is_refused_for_its_size(case):
    entry = LabImage(file="a.emd", pixel_size_A=0.1)
    with pytest.raises(InputError, match="has 16 x 16 px, and between 64 and 8192 px a side are needed"):
        image_of(case("velox_haadf_with_eds.emd"), "a", entry, {"file": "a.emd"})
