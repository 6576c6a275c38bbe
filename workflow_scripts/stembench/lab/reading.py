"""Lab images in the form in which every later stage reads them."""

import csv
import io
from pathlib import Path

import numpy as np
import xarray as xr
from scipy import ndimage

from stembench.config import LabImage
from stembench.errors import InputError
from stembench.imaging.detectors import DARK_FIELD
from stembench.lab.formats import NOT_BELIEVED, Recording, read_recording
from stembench.lab.limits import check_edges
from stembench.lab.scale_bar import scale_bars

#: Coarsest pixels that show columns [A]: half as wide as a column in the image.
COARSEST_A = 0.5

_SQUARE = 1e-4  # relative difference of the edges of a pixel up to which it is a square
_SAME = 1e-3  # likewise of two statements of a pixel's size
_CONTRAST_PX = 1024  # edge of the central part that tells the contrast
_COLUMN_A, _BACKGROUND_A = 0.4, 4.0  # narrower than a column, and wider than their distance
_CLEAR_SKEWNESS = 0.1
_TINY = float(np.finfo(float).tiny)


def lab_image(
    path: str | Path, name: str, entry: LabImage, origin: dict, *, sidecar: str | Path | None = None
) -> xr.DataArray:
    """Read an experimental image in the form in which every later stage reads it.

    Parameters
    ----------
    path : str or Path
        The image file; the others as for `image_of`.

    Raises
    ------
    InputError
        If the file cannot be read, and as `image_of` does.
    """
    return image_of(read_recording(path, entry.mode or "", entry.signal or ""), name, entry, origin, sidecar=sidecar)


def image_of(
    recording: Recording, name: str, entry: LabImage, origin: dict, *, sidecar: str | Path | None = None
) -> xr.DataArray:
    """Return an experimental image in the form in which every later stage reads it.

    Parameters
    ----------
    recording : Recording
        Content of the image file.
    name : str
        Its key in the config.
    entry : LabImage
        Its entry there.
    origin : dict
        Where it came from: file, distribution, SHA-256, licence.
    sidecar : str or Path, optional
        The table that says what the file does not, for an image without an entry in the config.

    Returns
    -------
    xarray.DataArray, dims (y, x), or (frame, y, x) of a stack whose frames are kept
        Raw intensities on square pixels, the first of them where it is in the file; NaN where nothing was measured.
        Attributes: `pixel_size_A`, and `pixel_size_source`, which is "file", "config" or the name of `sidecar`;
        `file_pixel_size_x_A`, `file_pixel_size_y_A`, the edges of the file's pixels, of which there are
        `file_height_px` times `file_width_px`; `signal`, the title of the image where the file holds several; `mode`,
        `energy_keV` if it is known, `material`, `zone`, `specimen`, `remarks` (sentences on what was assumed or
        changed), and the origin.

    Raises
    ------
    InputError
        If the pixel size is known neither from the file nor from the entry, the image is too small, too large or
        coarse, or shows nothing.
    """
    remarks = list(recording.remarks)
    check_edges(origin["file"], recording.values.shape[-2:])
    size_x, size_y, source = _pixel_sizes(recording, name, entry, origin["file"], sidecar, remarks)
    frames = recording.values if recording.values.ndim == 3 else recording.values[None]
    frames = _without_what_is_drawn(frames, origin["file"], remarks)
    if len(frames) > 1 and entry.frames == "average":
        from stembench.lab.frames import averaged

        count, (mean, shifts) = len(frames), averaged(frames)
        frames = mean[None]
        remarks.append(
            f"{count} frames were aligned and averaged; they had drifted by up to "
            f"{np.ptp(shifts, axis=0).max():.1f} px; what fewer than half of them show was left out"
        )
    pixel_size = min(size_x, size_y)
    if pixel_size > COARSEST_A:
        by = "the entry" if entry.pixel_size_A else "the file"
        raise InputError(
            f"{origin['file']}: {by} gives pixels of {pixel_size:.4g} A, which are too coarse to show columns (at most "
            f"{COARSEST_A} A); correct the pixel size [A], or remove the image"
        )
    if abs(size_x - size_y) > _SQUARE * pixel_size:
        frames = np.stack([_on_square_pixels(frame, size_x, size_y) for frame in frames])
        remarks.append(f"pixels of {size_x:.4g} x {size_y:.4g} A were resampled to squares of {pixel_size:.4g} A")
    attributes = {
        "pixel_size_A": pixel_size,
        "pixel_size_source": source,
        "file_pixel_size_x_A": size_x,
        "file_pixel_size_y_A": size_y,
        "file_height_px": recording.values.shape[-2],
        "file_width_px": recording.values.shape[-1],
        "file_dtype": str(recording.values.dtype),
        "signal": recording.signal,
        "mode": entry.mode or recording.mode or _told_mode(frames[0], pixel_size, remarks),
        "specimen": entry.specimen,
        "material": entry.material or "",
        "zone": entry.zone or "",
        "remarks": remarks,
        **origin,
    }
    energy = entry.energy_keV or recording.energy_keV
    attributes |= {"energy_keV": energy} if energy else {}
    kept = len(frames) > 1
    return xr.DataArray(
        frames if kept else frames[0],
        dims=("frame", "y", "x") if kept else ("y", "x"),
        name="image",
        attrs=attributes,
    )


def _pixel_sizes(
    recording: Recording, name: str, entry: LabImage, file: str, sidecar: str | Path | None, remarks: list[str]
) -> tuple[float, float, str]:
    """Edges of a pixel along x and y [A], as the entry says, or else the file; and which of the two."""
    found = (recording.pixel_size_x_A, recording.pixel_size_y_A)
    size_x, size_y = found[0] or found[1], found[1] or found[0]
    if entry.pixel_size_A:
        given = (entry.pixel_size_A, entry.pixel_size_y_A or entry.pixel_size_A)
        if size_x and size_y and max(abs(size_x / given[0] - 1), abs(size_y / given[1] - 1)) > _SAME:
            place = sidecar or f"lab.images.{name}"
            remarks.append(
                f"pixels are {_edges(*given)} A by {place}, which was taken, and {_edges(size_x, size_y)} A by the file"
            )
        return *given, Path(sidecar).name if sidecar else "config"
    if size_x and size_y:
        return size_x, size_y, "file"
    told = (remark.removeprefix(NOT_BELIEVED) for remark in remarks if remark.startswith(NOT_BELIEVED))
    doubt = next((f" (it gives{size})" for size in told), "")
    if sidecar is None:
        raise InputError(
            f"{file}: the file holds no pixel size{doubt}; write it in angstrom into config/config.yaml, as "
            f"lab.images.{name}.pixel_size_A"
        )
    line = io.StringIO()
    csv.writer(line).writerow([file, 0.1])
    raise InputError(
        f"{file}: the file holds no pixel size{doubt}; write it into {sidecar}, below the line image,pixel_size_A, "
        f"with your pixel size in angstrom instead of 0.1: {line.getvalue().strip()}"
    )


def _edges(x: float, y: float) -> str:
    return f"{x:.4g}" if abs(x - y) <= _SAME * x else f"{x:.4g} x {y:.4g}"


def _without_what_is_drawn(frames: np.ndarray, file: str, remarks: list[str]) -> np.ndarray:
    """Frames as float32, or as bytes where they are; NaN where nothing was measured."""
    if frames.dtype != np.uint8:
        with np.errstate(over="ignore"):
            frames = frames.astype(np.float32)
        unknown = ~np.isfinite(frames)
        if unknown.any():
            frames[unknown] = np.nan
            if not any("left out" in remark for remark in remarks):
                remarks.append(f"{np.mean(unknown):.1%} of the pixels hold no number and were left out")
    shows = np.array([bool(np.isfinite(frame).any()) and np.nanmin(frame) < np.nanmax(frame) for frame in frames])
    if not shows.any():
        raise InputError(f"{file}: all pixels have the same value; check that this is the right file")
    if not shows.all():
        frames = frames[shows]
        remarks.append(
            f"{np.sum(~shows)} of {len(shows)} frames show nothing and were left out; the others are numbered from 0"
        )
    drawn = scale_bars(frames[len(frames) // 2])
    if drawn.any():
        frames = np.where(drawn, np.float32(np.nan), frames)
        y, x = (f"{places.min()} to {places.max()}" for places in np.nonzero(drawn))
        remarks.append(f"a scale bar at x = {x}, y = {y} px was left out")
    return frames


def _on_square_pixels(image: np.ndarray, size_x: float, size_y: float) -> np.ndarray:
    """An image on squares of the smaller edge of its pixels, by cubic splines; pixel 0 keeps its place."""
    steps = min(size_x, size_y) / np.array([size_y, size_x])
    shape = tuple(int((n - 1) / step + 1e-6) + 1 for n, step in zip(image.shape, steps))
    known = np.isfinite(image)
    filled = image if known.all() else np.where(known, image, image[known].mean())
    resampled = ndimage.affine_transform(filled.astype(np.float32), steps, output_shape=shape, mode="nearest")
    if not known.all():
        unknown = (~known).astype(np.float32)
        resampled[ndimage.affine_transform(unknown, steps, output_shape=shape, order=1, mode="nearest") > 0] = np.nan
    return resampled


def _told_mode(image: np.ndarray, pixel_size: float, remarks: list[str]) -> str:
    """HAADF where columns are bright and BF where they are dark, by the image's skewness."""
    centre = tuple(slice(max((n - _CONTRAST_PX) // 2, 0), (n + _CONTRAST_PX) // 2) for n in image.shape)
    part = image[centre].astype(np.float32)
    known = np.isfinite(part)
    part = np.where(known, part, part[known].mean() if known.any() else 0)
    columns = ndimage.gaussian_filter(part, _COLUMN_A / pixel_size)
    contrasts = (columns - ndimage.gaussian_filter(part, _BACKGROUND_A / pixel_size))[known].astype(float)
    skewness = float(np.mean((contrasts - contrasts.mean()) ** 3) / max(contrasts.std() ** 3, _TINY))
    mode = "HAADF" if skewness > -_CLEAR_SKEWNESS else "BF"
    contrast = "bright" if mode in DARK_FIELD else "dark"
    doubt = "" if abs(skewness) > _CLEAR_SKEWNESS else ", which is not clear"
    remarks.append(f"no mode is given: taken for {mode}, as columns are {contrast} in the image{doubt}")
    return mode
