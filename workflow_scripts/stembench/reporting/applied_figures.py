"""What networks make of a microscopist's own image.

Every image is a DataArray of `lab.store.open_lab_image`, dims (y, x) or (frame, y, x); of a stack frame 0 is drawn.
Columns are those of `application.lattice.analyse`, whose further columns, such as `displacement_x_pm`, may be absent;
its summary may be empty. A figure of what a lattice is needed for says so where there is none.
"""

from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from scipy.spatial import cKDTree

from stembench.application.kinds import KIND_COLOURS, kinds
from stembench.evaluation.lattice_precision import AXES, spacings
from stembench.products import whole as written
from stembench.reporting.style import COLOURS, show_image, write_figure

_MOST_PX = 1200  # drawn on an edge; larger images are averaged, or their lattice makes moire with the figure's pixels
_PICTURE_PX, _PICTURE_IN = (512, 2048), 5.12  # edges of the picture of the denoised image alone, at least and at most
_INSET = 0.28  # edge of the spectrum in it, of its shorter one
_SPECTRUM_PX = 2048  # edge of the part that is transformed
_FASTEST = 1.5  # of the frequencies that are shown [1/A]: columns pass no faster ones
_ZOOM_SPACINGS = 14  # across the part that is enlarged
_ZOOM_A = 30.0  # edge of it where no distance between columns is known
_UNSURE = 0.5  # confidence below which a column is drawn hollow
_HELD = (0.5, 99.5)  # percentiles of spacings between which bins lie
_PANEL_IN = 4.2
_STRAINS = {
    "strain_xx": ("strain xx", 100, "%"),
    "strain_yy": ("strain yy", 100, "%"),
    "strain_xy": ("strain xy", 100, "%"),
    "rotation_deg": ("rotation, x towards y", 1, "°"),
}
_OWN = {"added": "s", "moved": "D"}


class _View(NamedTuple):
    """A part of an image that a panel shows."""

    pixels: np.ndarray
    pixel_size: float  # [A]
    corner: tuple[float, float]  # x and y of the centre of its first pixel [A]

    def px(self, positions: np.ndarray) -> np.ndarray:
        """Positions x, y [A] in the panel's pixels."""
        return (positions - self.corner) / self.pixel_size

    def holds(self, positions: np.ndarray) -> np.ndarray:
        """Whether each position lies in it."""
        at = self.px(positions)
        return np.all((at > -0.5) & (at < np.array(self.pixels.shape[::-1]) - 0.5), axis=1)


class _Subject(NamedTuple):
    """What the figures of an image draw: its (first) frame, the columns in it, and what is told of them."""

    pixels: np.ndarray
    pixel_size: float
    columns: pd.DataFrame
    title: str

    @classmethod
    def of(cls, image: xr.DataArray, columns: pd.DataFrame, name: str) -> "_Subject":
        title = name
        if "frame" in image.dims:
            title += f", frame 0 of {image.sizes['frame']}"
            image, columns = image.isel(frame=0), columns[columns.frame == 0]
        pixel_size = float(image.attrs["pixel_size_A"])
        return cls(image.values, pixel_size, columns, f"{title}: {pixel_size:.4g} Å/px, {len(columns)} columns")

    @property
    def positions(self) -> np.ndarray:
        """x and y [A]."""
        return self.columns[["x_A", "y_A"]].to_numpy(float)

    @property
    def spacing(self) -> float:
        """Median distance between neighbours [A]."""
        known = cKDTree(self.positions).query(self.positions, k=2)[0][:, 1] if len(self.columns) > 1 else [np.inf]
        return float(np.median(known))

    def whole(self, pixels: np.ndarray | None = None) -> _View:
        """All of the image, or of another one in its place, averaged over blocks of pixels if it is large."""
        return _averaged(self.pixels if pixels is None else pixels, self.pixel_size, _MOST_PX)

    def part(self, pixels: np.ndarray | None = None) -> _View:
        """A part about the middle column that is small enough to see columns one by one."""
        pixels = self.pixels if pixels is None else pixels
        edge_A = _ZOOM_SPACINGS * self.spacing if np.isfinite(self.spacing) else _ZOOM_A
        edge = int(np.clip(edge_A / self.pixel_size, 24, max(pixels.shape)))
        middle = (
            np.median(self.positions, axis=0) / self.pixel_size
            if len(self.columns)
            else np.array(pixels.shape)[::-1] / 2
        )
        x, y = (int(np.clip(m - edge / 2, 0, max(0, n - edge))) for m, n in zip(middle, pixels.shape[::-1]))
        shown = pixels[y : y + edge, x : x + edge].astype(float)
        return _View(shown, self.pixel_size, (x * self.pixel_size, y * self.pixel_size))


def plot_overlay(image: xr.DataArray, columns: pd.DataFrame, name: str, destination: str) -> None:
    """The image with its columns, a part of it enlarged, and its power spectrum.

    Columns are coloured by species, or by sublattice where no species is known; those of a confidence below 0.5 are
    hollow, those that the user added or moved in frames of their own.

    Parameters
    ----------
    image : xarray.DataArray, dims (y, x) or (frame, y, x)
        Raw intensities.
    columns : DataFrame
        Of the image.
    name : str
        Of the image.
    destination : str
        File to write.
    """
    subject = _Subject.of(image, columns, name)
    figure, ((whole, part, spectrum),) = _panels(1, 3)
    shown = subject.part()
    _show(whole, subject.whole(), "all of it")
    _outline(whole, subject.whole(), shown)
    _show(part, shown, "the part in the frame" if shown.pixels.size < subject.pixels.size else "")
    legend = _mark_columns(whole, subject.whole(), subject)
    _mark_columns(part, shown, subject)
    _show_spectrum(spectrum, subject.pixels, subject.pixel_size, "power spectrum")
    if legend:
        figure.legend(handles=legend, loc="outside lower center", ncols=8, frameon=False, fontsize=8)
    figure.suptitle(subject.title)
    write_figure(figure, destination)


def plot_denoised(
    image: xr.DataArray, denoised: np.ndarray, columns: pd.DataFrame, name: str, destination: str
) -> None:
    """The image above the denoised one, each with the same part enlarged at one contrast, and its power spectrum.

    Parameters are those of `plot_overlay`, and `denoised` of the image's shape, on its scale of intensities.
    """
    subject = _Subject.of(image, columns, name)
    figure, panels = _panels(2, 3)
    for (whole, part, spectrum), pixels, called in zip(panels, (subject.pixels, _first(denoised)), ("raw", "denoised")):
        shown = subject.part(pixels)
        _show(whole, subject.whole(pixels), called)
        _outline(whole, subject.whole(pixels), shown)
        _show(part, shown, f"{called}, enlarged")
        _show_spectrum(spectrum, pixels, subject.pixel_size, f"power spectrum, {called}")
    for raw, other in zip(panels[0][:2], panels[1][:2]):
        other.images[0].set_clim(raw.images[0].get_clim())
    figure.suptitle(subject.title)
    write_figure(figure, destination)


def draw_denoised(image: xr.DataArray, denoised: np.ndarray, destination: str) -> None:
    """The denoised image alone, pixel by pixel, with a scale bar and its power spectrum in a corner.

    Grey levels lie between its percentiles 0.5 and 99.8. Images of less than 512 px are enlarged by a whole number,
    those of more than 2048 px averaged over blocks.
    """
    pixel_size = float(image.attrs["pixel_size_A"])
    view = _averaged(_first(denoised), pixel_size, _PICTURE_PX[1])
    shape = np.array(view.pixels.shape)
    enlarged = shape * max(1, -(-_PICTURE_PX[0] // shape.max()))
    dpi = enlarged.max() / _PICTURE_IN
    figure = plt.figure(figsize=(enlarged[::-1] + 0.01) / dpi)  # Agg cuts off what a pixel lacks
    axes = figure.add_axes((0, 0, 1, 1))
    _show(axes, view, "")
    height, width = _INSET * shape.min() / shape
    _show_spectrum(figure.add_axes((1 - width, 1 - height, width, height)), _first(denoised), pixel_size, "", bare=True)
    with written(destination) as partial:
        figure.savefig(partial, dpi=dpi)
    plt.close(figure)


def plot_spectra(image: xr.DataArray, denoised: np.ndarray, columns: pd.DataFrame, name: str, destination: str) -> None:
    """Power spectra of the image and of the denoised one, under a Hann window, in decades; parameters as above."""
    subject = _Subject.of(image, columns, name)
    figure, ((raw, other),) = _panels(1, 2)
    _show_spectrum(raw, subject.pixels, subject.pixel_size, "raw")
    _show_spectrum(other, _first(denoised), subject.pixel_size, "denoised")
    figure.suptitle(subject.title)
    write_figure(figure, destination)


def plot_displacements(image: xr.DataArray, columns: pd.DataFrame, name: str, destination: str) -> None:
    """How far columns lie from where the local lattice puts them: their sizes, and in a part arrows of a known scale.

    The image's power spectrum is beside them. Parameters are those of `plot_overlay`.
    """
    subject = _Subject.of(image, columns, name)
    keys = ["displacement_x_pm", "displacement_y_pm"]
    vectors = (
        columns.loc[subject.columns.index, keys].to_numpy(float) if set(keys) <= set(columns) else np.empty((0, 2))
    )
    known = np.isfinite(vectors).all(axis=1)
    if not known.any():
        return _say(subject, "no displacements: the columns show no lattice", destination)
    figure, ((whole, part, spectrum),) = _panels(1, 3, 0.3)
    places, vectors = subject.positions[known], vectors[known]
    sizes = np.linalg.norm(vectors, axis=1)
    all_of_it, shown = subject.whole(), subject.part()
    _show(whole, all_of_it, f"size: median {np.median(sizes):.1f} pm", faint=True)
    _outline(whole, all_of_it, shown)
    look = {"cmap": "viridis", "vmin": 0, "vmax": np.percentile(sizes, 98)}
    marks = whole.scatter(
        *all_of_it.px(places).T, s=_area(all_of_it, subject.spacing, 0.8), c=sizes, linewidths=0, **look
    )
    figure.colorbar(marks, ax=whole, label="displacement (pm)", shrink=0.8, extend="max")

    here = shown.holds(places)
    longest = float(np.percentile(sizes[here], 95)) if here.any() else 1.0
    enlarged = 0.8 * subject.spacing / shown.pixel_size / max(longest, 1e-6)  # px a pm
    _show(part, shown, "direction and size, the part in the frame", faint=True)
    angles = np.arctan2(vectors[here, 1], vectors[here, 0])
    arrows = part.quiver(
        *shown.px(places[here]).T,
        *(enlarged * vectors[here]).T,
        angles,
        cmap="hsv",
        clim=(-np.pi, np.pi),
        angles="xy",
        scale_units="xy",
        scale=1,
        width=0.006,
        minlength=0.5,
    )
    length = _round(longest)
    key = part.quiverkey(
        arrows, 0.85, 0.06, enlarged * length, f"{length:g} pm", labelpos="N", color="white", labelcolor="white"
    )
    key.text.set_path_effects([withStroke(linewidth=2, foreground="black")])
    _show_spectrum(spectrum, subject.pixels, subject.pixel_size, "power spectrum")
    figure.suptitle(subject.title)
    write_figure(figure, destination)


def plot_strain(image: xr.DataArray, columns: pd.DataFrame, name: str, destination: str) -> None:
    """The image, its power spectrum, and strain and rotation of the local lattice against the median one.

    Parameters are those of `plot_overlay`. Colours are symmetric about 0 and reach to the percentile 98 of the
    absolute values.
    """
    subject = _Subject.of(image, columns, name)
    values = {key: subject.columns[key].to_numpy(float) for key in _STRAINS if key in subject.columns}
    values = {key: value for key, value in values.items() if np.isfinite(value).any()}
    if not values:
        return _say(subject, "no strain: the columns show no lattice", destination)
    figure, panels = _panels(2, 3, 0.7)
    view = subject.whole()
    _show(panels[0, 0], view, "image")
    _show_spectrum(panels[1, 0], subject.pixels, subject.pixel_size, "power spectrum")
    for panel in panels[:, 1:].ravel()[len(values) :]:
        panel.set_axis_off()
    for panel, (key, value) in zip(panels[:, 1:].ravel(), values.items()):
        label, factor, unit = _STRAINS[key]
        known = np.isfinite(value)
        value = factor * value[known]
        limit = max(float(np.percentile(np.abs(value), 98)), 1e-6)
        _show(panel, view, f"{label}: SD {value.std():.2g} {unit}", faint=True)
        places = view.px(subject.positions[known])
        area = _area(view, subject.spacing, 1.0)
        marks = panel.scatter(*places.T, s=area, c=value, cmap="RdBu_r", vmin=-limit, vmax=limit, linewidths=0)
        figure.colorbar(marks, ax=panel, label=f"{label} ({unit})", shrink=0.8, extend="both")
    figure.suptitle(subject.title)
    write_figure(figure, destination)


def plot_image_spacings(
    image: xr.DataArray, columns: pd.DataFrame, summary: dict[str, Any], name: str, destination: str
) -> None:
    """Histograms of the spacings along a and b, with mean and SD; `summary` is that of `lattice.analyse`."""
    subject = _Subject.of(image, columns, name)
    vectors = [vector for axis in AXES if (vector := summary.get(axis))]
    if len(vectors) < len(AXES) or "sublattice" not in subject.columns:
        return _say(subject, "no spacings: the columns show no lattice", destination)
    lattice = np.array([[vector["x_A"], vector["y_A"]] for vector in vectors])
    extent = tuple(n * subject.pixel_size for n in subject.pixels.shape)
    table = spacings(subject.positions[(subject.columns.sublattice.fillna("") != "").to_numpy()], lattice, extent)
    figure, panels = plt.subplots(1, 2, figsize=(2 * _PANEL_IN, 0.75 * _PANEL_IN), layout="constrained")
    for number, (panel, axis) in enumerate(zip(panels, AXES)):
        pm = table.spacing_pm[table["axis"] == axis].to_numpy()
        panel.set(xlabel=f"spacing along {axis} (pm)", ylabel="pairs of columns")
        if len(pm) < 2:
            panel.set_title(f"{axis}: fewer than two pairs", fontsize=9)
            continue
        low, high = np.percentile(pm, _HELD)
        edges = np.linspace(low, max(high, low + 1e-3), int(np.clip(len(pm) / 8, 8, 50)) + 1)
        panel.hist(pm.clip(edges[0], edges[-1]), edges, color=COLOURS[number])
        panel.axvline(pm.mean(), color="black", linewidth=1)
        panel.set_title(f"{axis}: {pm.mean():.1f} pm, SD {pm.std(ddof=1):.1f} pm, {len(pm)} pairs", fontsize=9)
    figure.suptitle(subject.title)
    write_figure(figure, destination)


def _averaged(pixels: np.ndarray, pixel_size: float, most: int) -> _View:
    """An image, averaged over blocks of pixels if it has more than `most` on an edge."""
    factor = -(-max(pixels.shape) // most)
    height, width = (n // factor for n in pixels.shape)
    blocks = pixels[: height * factor, : width * factor].reshape(height, factor, width, factor)
    corner = (factor - 1) / 2 * pixel_size
    return _View(blocks.mean(axis=(1, 3), dtype=float), factor * pixel_size, (corner, corner))


def _first(pixels: np.ndarray) -> np.ndarray:
    """An image, or the first frame of a stack."""
    return pixels[0] if pixels.ndim == 3 else pixels


def _panels(rows: int, columns: int, beside: float = 0.0) -> tuple[Figure, np.ndarray]:
    """Square panels, each with room beside it for a colour bar [in]."""
    size = (columns * (_PANEL_IN + beside), rows * _PANEL_IN + 0.5)
    return plt.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")


def _show(axes: Axes, view: _View, title: str, *, faint: bool = False) -> None:
    """A view in grey with a scale bar, hatched where nothing was measured; `faint` under colours."""
    pixels = view.pixels if np.isfinite(view.pixels).any() else np.zeros(view.pixels.shape)
    show_image(axes, pixels, view.pixel_size, title, 9)
    for drawn in (*axes.lines, *axes.texts):  # the scale bar
        drawn.set_zorder(6)
    if faint:
        low, high = axes.images[0].get_clim()
        axes.images[0].set_clim(low, high + 0.7 * (high - low))
    height, width = pixels.shape
    if not np.isfinite(view.pixels).all():
        corner, size = (-0.5, -0.5), (width, height)
        axes.add_patch(Rectangle(corner, *size, facecolor="0.75", edgecolor="0.45", hatch="////", zorder=-1))
    axes.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))


def _outline(axes: Axes, view: _View, part: _View) -> None:
    """Frame in one view what another one shows, unless that is all of it."""
    size = np.array(part.pixels.shape[::-1]) * part.pixel_size / view.pixel_size
    if np.any(size < np.array(view.pixels.shape[::-1]) - 1):
        corner = view.px(np.array(part.corner) - part.pixel_size / 2)
        axes.add_patch(Rectangle(tuple(corner), *size, fill=False, edgecolor="#F0E442", linewidth=1.2, zorder=5))


def _area(view: _View, spacing: float, part: float) -> float:
    """Area of a marker that is a part of the spacing wide [pt^2], in a panel that shows a view."""
    width = 72 * 0.9 * _PANEL_IN / max(view.pixels.shape)  # of a pixel [pt]
    return float(np.clip(part * spacing / view.pixel_size * width, 0.3, 14.0)) ** 2


def _mark_columns(axes: Axes, view: _View, subject: _Subject) -> list[Line2D]:
    """Mark the columns in a view; what the marks mean."""
    columns = subject.columns
    here = view.holds(subject.positions)
    places = view.px(subject.positions)
    told = kinds(columns).to_numpy(str)
    unsure = (columns.confidence < _UNSURE).to_numpy() if "confidence" in columns else np.zeros(len(columns), bool)
    area, legend = _area(view, subject.spacing, 0.22), []
    line = min(0.8, area**0.5 / 4)  # thin where columns are small: a large image is not to be hidden by them
    names = sorted(set(told), key=lambda name: (name == "", name))
    for number, name in enumerate(names):
        colour = KIND_COLOURS[number % len(KIND_COLOURS)] if name or len(names) == 1 else "#D0D0D0"
        called = name or ("column" if len(names) == 1 else "no sublattice")
        legend.append(
            Line2D([], [], marker="o", linestyle="", color=colour, label=f"{called} ({(told == name).sum()})")
        )
        for hollow in (False, True):
            rows = here & (told == name) & (unsure == hollow)
            face = "none" if hollow else colour
            axes.scatter(
                places[rows, 0], places[rows, 1], area, facecolors=face, edgecolors=colour, linewidths=line, zorder=3
            )
    if unsure.any():
        label = f"confidence below {_UNSURE} ({unsure.sum()})"
        legend.append(Line2D([], [], marker="o", linestyle="", color="black", mfc="none", label=label))
    for origin, marker in _OWN.items():
        rows = (columns.origin == origin).to_numpy() if "origin" in columns else np.zeros(len(columns), bool)
        if rows.any():
            look: dict[str, Any] = {"facecolors": "none", "edgecolors": "#D55E00", "linewidths": 1.3}
            x, y = places[rows & here].T
            axes.scatter(x, y, 4 * area + 20, marker=marker, zorder=4, **look)
            label = f"{origin} by you ({rows.sum()})"
            legend.append(Line2D([], [], marker=marker, linestyle="", color="#D55E00", mfc="none", label=label))
    return legend


def _show_spectrum(axes: Axes, pixels: np.ndarray, pixel_size: float, title: str, *, bare: bool = False) -> None:
    """Power spectrum of the middle of an image, in decades; `bare` without axes, its scale written into it."""
    y, x = ((n - m) // 2 for n, m in zip(pixels.shape, np.minimum(pixels.shape, _SPECTRUM_PX)))
    part = pixels[y : y + _SPECTRUM_PX, x : x + _SPECTRUM_PX].astype(float)
    known = np.isfinite(part)
    part = np.where(known, part - part[known].mean() if known.any() else 0, 0)
    window = np.outer(*(np.hanning(n) for n in part.shape))
    power = np.abs(np.fft.fftshift(np.fft.fft2(part * window))) ** 2
    steps = [1 / (n * pixel_size) for n in part.shape]  # along y and x [1/A]
    fastest = min(_FASTEST, 0.5 / pixel_size)
    middle = [n // 2 for n in part.shape]
    reach = [max(1, min(int(fastest / step), n)) for step, n in zip(steps, middle)]
    shown = power[tuple(slice(m - r, m + r + 1) for m, r in zip(middle, reach))]
    decades = np.log10(shown + 1e-12 * shown.max() + 1e-300)
    (top, right), (step_y, step_x) = reach, steps
    edges = ((-right - 0.5) * step_x, (right + 0.5) * step_x, (top + 0.5) * step_y, (-top - 0.5) * step_y)
    low, high = np.percentile(decades, [20, 99.95])
    axes.imshow(decades, cmap="gray", vmin=low, vmax=max(high, low + 1e-9), extent=edges, interpolation="antialiased")
    axes.set_title(title, fontsize=9, pad=3)
    if bare:
        axes.set(xticks=[], yticks=[])
        axes.text(0.04, 0.04, f"± {edges[1]:.2g} /Å", transform=axes.transAxes, color="white", fontsize=7)
        for spine in axes.spines.values():
            spine.set(visible=True, color="white")
    else:
        axes.set(xlabel="frequency (1/Å)", ylabel="frequency (1/Å)")


def _round(length: float) -> float:
    """A round length near a given one."""
    decade = 10 ** np.floor(np.log10(max(length, 1e-3)))
    return float(decade * max(v for v in (1, 2, 5) if v * decade <= max(length, decade)))


def _say(subject: _Subject, sentence: str, destination: str) -> None:
    """The image and its power spectrum, and why there is nothing to draw into it."""
    figure, ((panel, spectrum),) = _panels(1, 2)
    _show(panel, subject.whole(), "")
    _show_spectrum(spectrum, subject.pixels, subject.pixel_size, "power spectrum")
    figure.suptitle(f"{subject.title}\n{sentence}")
    write_figure(figure, destination)
