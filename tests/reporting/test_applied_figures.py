import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.collections import PathCollection
from matplotlib.quiver import Quiver
from PIL import Image
from stembench.reporting import applied_figures as figures
from stembench.reporting.style import write_figure

pytestmark = pytest.mark.slow

PIXEL_A, SPACING_PX = 0.2, 10
Y, X = (grid.ravel() for grid in np.mgrid[5:200:SPACING_PX, 5:300:SPACING_PX])  # 20 rows of 30
COLUMNS = pd.DataFrame({"x_A": PIXEL_A * X, "y_A": PIXEL_A * Y}).assign(
    confidence=np.where(X == 5, 0.3, 0.9),
    sublattice=np.where(X < 100, "A", "B"),
    origin="network",
    displacement_x_pm=np.where(Y == 95, 20.0, 0.0),
    displacement_y_pm=np.where(Y == 95, -10.0, 0.0),
    strain_xx=0.01 * (X - 150) / 150,
    strain_yy=0.0,
    strain_xy=np.nan,
    rotation_deg=0.5,
)
SUMMARY = {"a": {"x_A": 2.0, "y_A": 0.0}, "b": {"x_A": 0.0, "y_A": 2.0}}


def image_of(pixels) -> xr.DataArray:
    return xr.DataArray(pixels, dims=("frame", "y", "x")[-pixels.ndim :], attrs={"pixel_size_A": PIXEL_A})


def spots(shape=(200, 300)) -> np.ndarray:
    pixels = np.zeros(shape)
    pixels[Y, X] = 100.0
    return pixels


@pytest.fixture
def drawn(monkeypatch) -> list:
    kept = []
    monkeypatch.setattr(figures, "write_figure", lambda figure, destination: kept.append(figure))
    return kept


def marks(axes) -> list[PathCollection]:
    return [marks for marks in axes.collections if type(marks) is PathCollection]


def places(axes) -> np.ndarray:
    return np.concatenate([part.get_offsets() for part in marks(axes)])


def bar(axes) -> float:
    """Length of the scale bar [px]."""
    (x, _), *_ = (line.get_data() for line in axes.lines)
    return x[1] - x[0]


def test_columns_are_drawn_on_the_spots_of_the_image_in_whole_and_in_part(drawn):
    figures.plot_overlay(image_of(spots()), COLUMNS, "mine", "")
    whole, part, _ = drawn[0].axes
    for axes, expected in ((whole, len(COLUMNS)), (part, None)):
        at, shown = places(axes).round().astype(int), axes.images[0].get_array()
        assert np.all(shown[at[:, 1], at[:, 0]] == 100)
        assert len(at) == (expected or np.sum(shown == 100))
    assert drawn[0].get_suptitle() == "mine: 0.2 Å/px, 600 columns"


def test_sublattices_differ_in_colour_and_unsure_columns_are_hollow(drawn):
    figures.plot_overlay(image_of(spots()), COLUMNS, "mine", "")
    hollow = [part for part in marks(drawn[0].axes[0]) if not len(part.get_facecolors())]
    assert np.concatenate([part.get_offsets() for part in hollow])[:, 0].tolist() == 20 * [5]
    filled = [part for part in marks(drawn[0].axes[0]) if len(part.get_facecolors())]
    assert len({tuple(part.get_facecolors()[0]) for part in filled}) == 2
    assert [len(part.get_offsets()) for part in filled] == [20 * 9, 20 * 20]
    texts = [text.get_text() for text in drawn[0].legends[0].get_texts()]
    assert texts == ["A (200)", "B (400)", "confidence below 0.5 (20)"]


def test_what_the_user_corrected_stands_in_frames(drawn):
    columns = COLUMNS.assign(origin=np.where(COLUMNS.index == 7, "moved", "network"))
    figures.plot_overlay(image_of(spots()), columns, "mine", "")
    frame = marks(drawn[0].axes[0])[-1]
    assert frame.get_offsets().tolist() == [[X[7], Y[7]]]
    assert "moved by you (1)" in [text.get_text() for text in drawn[0].legends[0].get_texts()]


def test_a_large_image_is_averaged_and_columns_stay_where_they_are(drawn):
    pixels = np.zeros((2600, 1300))  # averaged over 3 x 3 px
    pixels[1201, 601] = 9.0
    columns = pd.DataFrame({"x_A": [601 * PIXEL_A], "y_A": [1201 * PIXEL_A]})
    figures.plot_overlay(image_of(pixels), columns, "mine", "")
    for axes in drawn[0].axes[:2]:
        y, x = np.unravel_index(np.argmax(axes.images[0].get_array()), axes.images[0].get_array().shape)
        assert np.asarray(places(axes)) == pytest.approx(np.array([[x, y]]))
    assert drawn[0].axes[0].images[0].get_array().shape == (866, 433)


def test_every_picture_has_a_scale_bar_of_its_length_and_a_spectrum(drawn):
    figures.plot_overlay(image_of(spots()), COLUMNS, "mine", "")
    figures.plot_denoised(image_of(spots()), spots(), COLUMNS, "mine", "")
    figures.plot_displacements(image_of(spots()), COLUMNS, "mine", "")
    figures.plot_strain(image_of(spots()), COLUMNS, "mine", "")
    pictures = [axes for figure in drawn for axes in figure.axes if axes.images and "spectrum" not in axes.get_title()]
    assert len(pictures) == 2 + 4 + 2 + 4
    for figure in drawn:
        assert any("spectrum" in axes.get_title() for axes in figure.axes)
    for axes in pictures:
        told = next(text.get_text() for text in axes.texts if text.get_text().endswith("Å"))
        assert bar(axes) * PIXEL_A == pytest.approx(float(told.split()[0]))


def test_a_spectrum_has_its_peak_at_the_frequency_of_the_lattice(drawn):
    y, x = np.mgrid[:200, :300] * PIXEL_A
    waves = np.cos(2 * np.pi * x / 3.0) + np.cos(2 * np.pi * y / 2.0)  # 1/3 and 1/2 per A
    waves[:20, :50] = np.nan
    figures.plot_spectra(image_of(waves), np.nan_to_num(waves), COLUMNS, "mine", "")
    for axes in drawn[0].axes:
        decades, (left, right, bottom, top) = axes.images[0].get_array(), axes.images[0].get_extent()
        rows, columns = (np.linspace(0.5, n - 0.5, n) / n for n in decades.shape)
        fx, fy = left + (right - left) * columns, top + (bottom - top) * rows
        along_x = decades[np.argmin(np.abs(fy))]
        assert abs(fx[np.argmax(np.where(fx > 0.1, along_x, -99))]) == pytest.approx(1 / 3, abs=0.02)
        along_y = decades[:, np.argmin(np.abs(fx))]
        assert abs(fy[np.argmax(np.where(fy > 0.1, along_y, -99))]) == pytest.approx(1 / 2, abs=0.03)


def test_raw_and_denoised_are_shown_at_one_contrast(drawn):
    figures.plot_denoised(image_of(spots() + 7), 0.5 * spots(), COLUMNS, "mine", "")
    raw, raw_part, _, denoised, denoised_part, _ = drawn[0].axes
    assert raw.images[0].get_clim() == denoised.images[0].get_clim()
    assert raw_part.images[0].get_clim() == denoised_part.images[0].get_clim()


def test_pixels_that_were_not_measured_are_hatched(drawn):
    pixels = spots()
    figures.plot_overlay(image_of(pixels), COLUMNS, "whole", "")
    pixels[100:110, :30] = np.nan
    figures.plot_overlay(image_of(pixels), COLUMNS, "masked", "")
    hatched = [[patch.get_hatch() for patch in figure.axes[0].patches if patch.get_hatch()] for figure in drawn]
    assert [len(found) for found in hatched] == [0, 1]


def test_displacements_point_where_columns_went_and_their_scale_is_told(drawn):
    figures.plot_displacements(image_of(spots()), COLUMNS, "mine", "")
    sizes, arrows = drawn[0].axes[0], drawn[0].axes[1]
    lengths = np.hypot(COLUMNS.displacement_x_pm, COLUMNS.displacement_y_pm)
    assert np.asarray(marks(sizes)[0].get_array()) == pytest.approx(lengths.to_numpy())
    (quiver,) = (part for part in arrows.collections if isinstance(part, Quiver))
    moved = quiver.U != 0
    assert np.all(quiver.Y[moved] == quiver.Y[moved][0])
    assert quiver.V[moved] / quiver.U[moved] == pytest.approx(-0.5)  # up, y pointing down
    key = arrows.artists[0]
    assert key.U / quiver.U[moved][0] == pytest.approx(float(key.text.get_text().split()[0]) / 20)


def test_strain_is_drawn_in_percent_about_zero_and_what_is_unknown_left_out(drawn):
    figures.plot_strain(image_of(spots()), COLUMNS, "mine", "")
    panels = {axes.get_title().partition(":")[0]: marks(axes)[0] for axes in drawn[0].axes if marks(axes)}
    assert list(panels) == ["strain xx", "strain yy", "rotation, x towards y"]
    assert np.asarray(panels["strain xx"].get_array()) == pytest.approx(100 * COLUMNS.strain_xx.to_numpy())
    low, high = panels["strain xx"].get_clim()
    assert -low == high > 0.9


def test_histograms_hold_every_spacing_with_their_mean_and_sd(drawn):
    moved = np.random.default_rng(0).normal(0, 0.05, (len(COLUMNS), 2))
    columns = COLUMNS.assign(x_A=COLUMNS.x_A + moved[:, 0], y_A=COLUMNS.y_A + moved[:, 1])
    columns.loc[0, "sublattice"] = ""
    figures.plot_image_spacings(image_of(spots()), columns, SUMMARY, "mine", "")
    for axes, axis, pairs in zip(drawn[0].axes, "ab", (20 * 29 - 1, 19 * 30 - 1)):
        assert sum(patch.get_height() for patch in axes.patches) == pairs
        name, mean, _, _, sd, *_ = axes.get_title().split()
        assert name == f"{axis}:"
        assert float(mean) == pytest.approx(200, abs=1)
        assert float(sd) == pytest.approx(5 * np.sqrt(2), rel=0.1)


@pytest.mark.parametrize("columns", [COLUMNS[["x_A", "y_A"]], COLUMNS[["x_A", "y_A"]].iloc[:1], COLUMNS.iloc[:0]])
def test_without_a_lattice_figures_say_so(drawn, columns):
    figures.plot_displacements(image_of(spots()), columns, "mine", "")
    figures.plot_strain(image_of(spots()), columns, "mine", "")
    figures.plot_image_spacings(image_of(spots()), columns, {"a": None, "b": None}, "mine", "")
    assert all("no lattice" in figure.get_suptitle() for figure in drawn)
    figures.plot_overlay(image_of(spots()), columns, "mine", "")


def test_of_a_stack_the_first_frame_is_drawn_and_named(drawn):
    stack = np.stack([spots(), np.zeros((200, 300)), np.zeros((200, 300))])
    columns = pd.concat([COLUMNS.assign(frame=0), COLUMNS.iloc[:5].assign(frame=1)])
    figures.plot_denoised(image_of(stack), stack, columns, "mine", "")
    assert drawn[0].get_suptitle() == "mine, frame 0 of 3: 0.2 Å/px, 600 columns"
    assert drawn[0].axes[0].images[0].get_array().max() == 100


@pytest.mark.parametrize(
    ("shape", "size"), [((520, 600), (600, 520)), ((64, 50), (400, 512)), ((2100, 30), (15, 1050))]
)
def test_the_denoised_picture_has_the_pixels_of_the_image(tmp_path, shape, size):
    pixels = np.tile(np.linspace(0, 1, shape[1]), (shape[0], 1))
    figures.draw_denoised(image_of(pixels), pixels, str(tmp_path / "denoised.png"))
    with Image.open(tmp_path / "denoised.png") as picture:
        assert picture.size == size
        grey = np.asarray(picture.convert("L"))
    row = grey[size[1] // 2].astype(float)  # clear of scale bar and spectrum
    assert np.corrcoef(row, np.linspace(0, 1, size[0]))[0, 1] > 0.99
    assert (row[0], row[-1]) == (0, 255)


def test_a_figure_is_written_the_same_twice(tmp_path, monkeypatch):
    monkeypatch.setattr(figures, "write_figure", write_figure)
    paths = [tmp_path / f"{number}.png" for number in range(2)]
    for path in paths:
        figures.plot_overlay(image_of(spots()), COLUMNS, "mine", str(path))
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert not plt.get_fignums()
