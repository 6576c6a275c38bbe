"""Columns and denoised images in the files of other programs.

Every image is a DataArray of `lab.store.open_lab_image`, with dims (y, x), or (frame, y, x) for a stack, and its
`pixel_size_A` [A]. Columns have `x_A`, `y_A` [A], counted from the centre of the first pixel, y pointing down, and of a
stack `frame`; what else is known of them goes along.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from stembench.application.kinds import KIND_COLOURS, kinds, words
from stembench.products import whole

_THICK_A = 1.0  # of the cell along the beam, of which an image tells nothing: programs refuse a cell of no volume


def write_hspy(image: xr.DataArray, columns: pd.DataFrame, name: str, destination: str | Path) -> None:
    """Write a HyperSpy signal with calibrated axes [nm] and the columns as markers, which appear in its plot.

    Each species has a set of markers such as `columns_Sr`; where no species is known each sublattice has one, such as
    `columns_A`. Columns outside the lattice are called `columns`. `kwargs["offsets"]` of a set, divided by the scale of
    the axes, gives the positions x, y [px] for `atomap.api.Sublattice`.

    Parameters
    ----------
    image : xarray.DataArray, dims (y, x) or (frame, y, x)
        Raw intensities.
    columns : DataFrame
        Columns of the image, with what `analyse` adds.
    name : str
        Name of the image.
    destination : str or Path
        File to write, `.hspy`.
    """
    from hyperspy.signals import Signal2D
    from hyperspy.utils.markers import Points

    signal = Signal2D(image.values, metadata={"General": {"title": name}})
    for axis, label in zip(signal.axes_manager.signal_axes, "xy"):
        axis.name, axis.units, axis.scale = label, "nm", image.pixel_size_A / 10
    for number, (label, rows) in enumerate(columns.groupby(kinds(columns))):
        places = [part[["x_A", "y_A"]].to_numpy(float) / 10 for part in _frames(image, rows)]
        offsets = np.empty(len(places), object)
        offsets[:] = places
        colour = KIND_COLOURS[number % len(KIND_COLOURS)]
        title = ["columns", *re.findall(r"\w+", label)]  # what HDF5 and Python take for a name
        markers = Points(offsets if "frame" in image.dims else places[0], sizes=4, color=colour, name="_".join(title))
        signal.add_marker(markers, plot_marker=False, permanent=True)
    with whole(destination) as partial:
        signal.save(partial, overwrite=True)


def write_xyz(image: xr.DataArray, columns: pd.DataFrame, name: str, destination: str | Path) -> None:
    """Write extended xyz: one atom per column at z = 0, one configuration per frame.

    The cell is the field of view. The element is the heaviest of the column, X where none is known. Atoms have the
    known ones of these properties: `confidence`, `uncertainty_pm`, `intensity`, `displacement_pm` (x and y),
    `sublattice`, `species` in full, and `origin`. `-` stands for an empty text.

    Parameters
    ----------
    image : xarray.DataArray, dims (y, x) or (frame, y, x)
        The image; its pixel size gives the cell.
    columns : DataFrame
        Columns of the image, with what `analyse` adds.
    name : str
        Name of the image.
    destination : str or Path
        File to write, `.xyz`.
    """
    from ase import Atoms
    from ase.io import write

    height, width = (n * image.pixel_size_A for n in image.shape[-2:])
    numbers = [key for key in ("confidence", "uncertainty_pm", "intensity") if key in columns]
    texts = {"sublattice": "sublattice", "species": "column_species", "origin": "origin"}
    displacement = ["displacement_x_pm", "displacement_y_pm"]
    frames = []
    for part in _frames(image, columns):
        species = words(part, "species")
        places = np.column_stack([part[["x_A", "y_A"]].to_numpy(float), np.zeros(len(part))])
        atoms = Atoms([_heaviest(kind) for kind in species], places, cell=[width, height, _THICK_A], pbc=False)
        atoms.info = {"image": name, "axes": "x right, y down, from the centre of the first pixel"}
        for key in numbers:
            atoms.new_array(key, part[key].to_numpy(float))
        if set(displacement) <= set(columns):
            atoms.new_array("displacement_pm", part[displacement].to_numpy(float))
        for key, called in texts.items():
            if key in columns:
                told = words(part, key).str.replace(" ", "").replace("", "-")
                atoms.new_array(called, told.to_numpy(str))
        frames.append(atoms)
    with whole(destination) as partial:
        write(partial, frames, format="extxyz")


def write_tiff(image: xr.DataArray, denoised: np.ndarray, destination: str | Path) -> None:
    """A denoised image on the scale of its input, with its pixel size [nm] as ImageJ and DigitalMicrograph read it.

    Where the input's file holds integers of up to 32 bit, so does this one, rounded and clipped to their range, and 0
    where nothing was measured (NaN); else float32. A stack is written as pages.

    Parameters
    ----------
    image : xarray.DataArray, dims (y, x) or (frame, y, x)
        The input; its attribute `file_dtype` names the type of the numbers in its file, else it is the image's own.
    denoised : ndarray, shape of the image
        On its scale of intensities.
    destination : str or Path
        File to write, `.tif`.
    """
    from rsciio.tiff import file_writer

    dtype = np.dtype(image.attrs.get("file_dtype", image.dtype))
    if dtype.kind in "iu" and dtype.itemsize <= 4:
        limits = np.iinfo(dtype)
        values = np.nan_to_num(np.rint(np.asarray(denoised, float)), nan=0).clip(limits.min, limits.max).astype(dtype)
    else:
        values = np.asarray(denoised, np.float32)
    axes = [
        {"name": label, "size": size, "scale": image.pixel_size_A / 10, "offset": 0.0, "units": "nm", "navigate": False}
        for label, size in zip("yx", values.shape[-2:])
    ]
    if "frame" in image.dims:
        frame = {"name": "frame", "size": len(values), "scale": 1.0, "offset": 0.0, "units": "", "navigate": True}
        axes = [frame, *axes]
    with whole(destination) as partial:
        file_writer(str(partial), {"data": values, "axes": axes, "metadata": {}})


def _frames(image: xr.DataArray, columns: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """The columns of each frame."""
    if "frame" not in image.dims:
        yield columns
    else:
        yield from (columns[columns.frame == frame] for frame in range(image.sizes["frame"]))


def _heaviest(species: str) -> str:
    from ase.data import atomic_numbers

    found = [element for element in re.findall(r"[A-Z][a-z]?", species) if element in atomic_numbers]
    return max(found, key=lambda element: atomic_numbers[element], default="X")
