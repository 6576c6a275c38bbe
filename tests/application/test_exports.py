import ase.io
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import tifffile
import xarray as xr
from stembench.application.exports import write_hspy, write_tiff, write_xyz
from stembench.lab.formats import read_recording

PIXEL_A = 0.25
PLACES = np.array([[2.0, 3.0], [6.0, 3.0], [4.0, 5.0], [8.0, 5.0]])  # x, y [A]
COLUMNS = pd.DataFrame(PLACES, columns=["x_A", "y_A"]).assign(
    confidence=[0.9, 1.0, 0.4, 0.8],
    uncertainty_pm=[3.0, np.nan, 12.0, 4.0],
    intensity=[5.0, np.nan, 2.0, 3.0],
    sublattice=["A", "A", "B", ""],
    species=["Sr", "Sr", "Ti + O", None],
    displacement_x_pm=[1.5, np.nan, -2.0, 0.0],
    displacement_y_pm=[0.5, np.nan, 3.0, 0.0],
    origin=["network", "added", "network", "network"],
)
BARE = COLUMNS[["x_A", "y_A"]]


def image_of(values, **attributes) -> xr.DataArray:
    dims = ("frame", "y", "x")[-np.ndim(values) :]
    return xr.DataArray(values, dims=dims, attrs={"pixel_size_A": PIXEL_A, **attributes})


def columns_image() -> np.ndarray:
    y, x = np.mgrid[:40, :60] * PIXEL_A
    spots = [np.exp(-((x - at[0]) ** 2 + (y - at[1]) ** 2) / (2 * 0.4**2)) for at in PLACES]
    return (100 * np.sum(spots, axis=0) + 10).astype(np.float32)


@pytest.fixture
def loaded(tmp_path):
    """Writes a signal and has HyperSpy load it."""
    import hyperspy.api as hs

    def of(image, columns):
        write_hspy(image, columns, "my image", tmp_path / "columns.hspy")
        return hs.load(tmp_path / "columns.hspy")

    yield of
    plt.close("all")


def offsets(signal) -> dict[str, np.ndarray]:
    markers = signal.metadata.Markers
    return {name: markers[name].kwargs["offsets"] for name in markers.keys()}  # no mapping


def test_hyperspy_shows_the_columns_of_each_species_where_they_are(loaded):
    signal = loaded(image_of(columns_image()), COLUMNS)
    assert [axis.units for axis in signal.axes_manager.signal_axes] == ["nm", "nm"]
    assert [axis.scale for axis in signal.axes_manager.signal_axes] == pytest.approx([0.025, 0.025])
    assert signal.metadata.General.title == "my image"
    assert signal.data == pytest.approx(columns_image())
    places = {name: 10 * at for name, at in offsets(signal).items()}
    assert set(places) == {"columns_Sr", "columns_Ti_O", "columns"}
    assert places["columns_Sr"] == pytest.approx(PLACES[:2])
    assert places["columns_Ti_O"] == pytest.approx(PLACES[2:3])
    assert places["columns"] == pytest.approx(PLACES[3:])
    signal.plot()
    drawn = {markers.name for markers in signal._plot.signal_plot.ax_markers}
    assert drawn == set(places)


def test_sublattices_name_the_markers_where_no_species_is_known(loaded):
    signal = loaded(image_of(columns_image()), COLUMNS.drop(columns="species"))
    assert set(offsets(signal)) == {"columns_A", "columns_B", "columns"}


def test_atomap_fits_the_columns_from_the_markers(loaded):
    from atomap.api import Sublattice

    signal = loaded(image_of(columns_image()), COLUMNS.assign(x_A=COLUMNS.x_A + 0.1))  # a little beside
    scale = signal.axes_manager[0].scale
    started = np.concatenate([at / scale for at in offsets(signal).values()])
    sublattice = Sublattice(started, signal)
    sublattice.find_nearest_neighbors(nearest_neighbors=3)
    sublattice.refine_atom_positions_using_2d_gaussian(show_progressbar=False)
    fitted = np.array(sublattice.atom_positions) * PIXEL_A
    assert fitted[np.lexsort(fitted.T)] == pytest.approx(PLACES[np.lexsort(PLACES.T)], abs=0.02)


def test_a_stack_has_the_markers_of_the_frame_that_is_shown(loaded):
    columns = pd.concat([BARE.assign(frame=0), BARE.iloc[:1].assign(frame=2)])
    signal = loaded(image_of(np.stack(3 * [columns_image()])), columns)
    places = signal.metadata.Markers.columns.kwargs["offsets"]
    assert [len(part) for part in places] == [4, 0, 1]
    assert 10 * places[0] == pytest.approx(PLACES)
    for frame in range(3):
        signal.axes_manager.indices = (frame,)
        signal.plot()


def test_an_image_without_columns_is_a_signal_without_markers(loaded):
    assert not loaded(image_of(columns_image()), BARE.iloc[:0]).metadata.has_item("Markers")


def test_ase_reads_back_elements_places_and_properties(tmp_path):
    write_xyz(image_of(columns_image()), COLUMNS, "my image", tmp_path / "columns.xyz")
    (atoms,) = ase.io.read(tmp_path / "columns.xyz", ":")
    assert atoms.get_chemical_symbols() == ["Sr", "Sr", "Ti", "X"]
    assert atoms.positions[:, :2] == pytest.approx(PLACES)
    assert not atoms.positions[:, 2].any()
    assert not atoms.pbc.any()
    assert atoms.cell.lengths()[:2].tolist() == [60 * PIXEL_A, 40 * PIXEL_A]
    for key in ("confidence", "uncertainty_pm", "intensity"):
        assert atoms.arrays[key] == pytest.approx(COLUMNS[key].to_numpy(), nan_ok=True)
    displacement = COLUMNS[["displacement_x_pm", "displacement_y_pm"]].to_numpy()
    assert atoms.arrays["displacement_pm"] == pytest.approx(displacement, nan_ok=True)
    assert atoms.arrays["sublattice"].tolist() == ["A", "A", "B", "-"]
    assert atoms.arrays["column_species"].tolist() == ["Sr", "Sr", "Ti+O", "-"]
    assert atoms.arrays["origin"].tolist() == COLUMNS.origin.tolist()


def test_positions_alone_make_an_xyz_and_each_frame_a_configuration(tmp_path):
    columns = pd.concat([BARE.assign(frame=0), BARE.iloc[:1].assign(frame=2)])
    write_xyz(image_of(np.stack(3 * [columns_image()])), columns, "my image", tmp_path / "columns.xyz")
    frames = ase.io.read(tmp_path / "columns.xyz", ":")
    assert [len(atoms) for atoms in frames] == [4, 0, 1]
    assert set(frames[0].get_chemical_symbols()) == {"X"}


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16", "uint32", "int32"])
def test_integers_stay_what_they_were_rounded_and_within_their_range(tmp_path, dtype):
    limits = np.iinfo(dtype)
    denoised = np.full((4, 5), 7.6)
    denoised[0] = [limits.min - 10.0, limits.max + 10.0, limits.max, 6.4, np.nan]
    write_tiff(image_of(np.zeros((4, 5), dtype)), denoised, tmp_path / "denoised.tif")
    stored = tifffile.imread(tmp_path / "denoised.tif")
    assert stored.dtype == dtype
    assert stored[0].tolist() == [limits.min, limits.max, limits.max, 6, 0]
    assert np.all(stored[1:] == 8)


def test_the_type_of_the_file_is_kept_of_an_image_that_became_float_for_its_masked_pixels(tmp_path):
    image = image_of(np.zeros((4, 5), np.float32), file_dtype="uint16")
    write_tiff(image, np.full((4, 5), 7.6), tmp_path / "denoised.tif")
    assert tifffile.imread(tmp_path / "denoised.tif").dtype == np.uint16


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_other_numbers_are_stored_as_float_with_what_was_not_measured(tmp_path, dtype):
    denoised = np.array([[0.25, -1.5, 3e5], [np.nan, 1.0, 2.0]])
    write_tiff(image_of(np.zeros((2, 3), dtype)), denoised, tmp_path / "denoised.tif")
    stored = tifffile.imread(tmp_path / "denoised.tif")
    assert stored.dtype == np.float32
    assert stored == pytest.approx(denoised, nan_ok=True)


def test_rosettasciio_and_imagej_find_the_pixel_size(tmp_path):
    write_tiff(image_of(columns_image()), columns_image(), tmp_path / "denoised.tif")
    recording = read_recording(tmp_path / "denoised.tif")
    assert recording.pixel_size_x_A == pytest.approx(PIXEL_A)
    assert recording.values == pytest.approx(columns_image())
    with tifffile.TiffFile(tmp_path / "denoised.tif") as file:
        pixels, units = file.pages[0].tags["XResolution"].value  # per unit
        assert file.imagej_metadata["unit"] == "nm"
        assert units / pixels == pytest.approx(PIXEL_A / 10)


def test_a_stack_is_written_as_pages(tmp_path):
    stack = np.arange(3 * 4 * 5, dtype=np.uint16).reshape(3, 4, 5)
    write_tiff(image_of(stack), stack.astype(float), tmp_path / "denoised.tif")
    with tifffile.TiffFile(tmp_path / "denoised.tif") as file:
        assert len(file.pages) == 3
        assert np.array_equal(file.asarray(), stack)
