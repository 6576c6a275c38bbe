"""TEMImageNet's twelve labels, made from a sample's images and columns (doi 10.1038/s41598-021-84499-w)."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy import fft
from scipy.special import erf

from stembench.datasets.sample import Sample
from stembench.errors import InputError

#: Radius of a small circle as a fraction of a column's.
SMALL = 0.7


def label(sample: Sample, name: str) -> np.ndarray:
    """A label by its published name, stored or made when it is asked for.

    Parameters
    ----------
    sample : Sample
        Its truth.
    name : str
        One of `LABELS`.

    Returns
    -------
    ndarray
        Images are of float32 in [0, 1] with the image's shape, those named `...2x` twice as high and wide: pixel k of
        them lies at k / 2 - 1 / 4. `position` holds row and column [px] of each column that is asked for, counted from
        1 as in the published files, `positionRadius` its radius [px] as well, `radius` and `smallradius` that alone.

    Raises
    ------
    InputError
        If it is made from an image that the sample does not hold, as samples of others may.
    """
    if name in sample.images:
        return sample.images[name]
    for source in MADE_FROM.get(name, () if name in _MADE else (name,)):
        if source not in sample.images:
            raise InputError(f"label {name} needs images {source}, which this dataset does not hold; ask for another")
    return _MADE[name](sample)


def gaussian_mask(positions: np.ndarray, shape: tuple[int, int], pixel_size: float, fwhm: float) -> np.ndarray:
    """Gaussian peaks of height 1 at the columns; a pixel holds the mean of a peak over its area.

    Parameters
    ----------
    positions : ndarray, shape (columns, 2)
        x and y [A].
    shape : tuple of int
        Height and width [px].
    pixel_size : float
        [A].
    fwhm : float
        Full width at half maximum of the peaks [A].

    Returns
    -------
    ndarray of float32, shape `shape`
        Overlapping peaks take their maximum.
    """
    image = np.zeros(shape, np.float32)
    rows, columns, shares, area = _integrated(positions, pixel_size, fwhm)
    _onto(image, np.maximum, rows, columns, (area * shares).astype(np.float32))
    return image


def circular_mask(positions: np.ndarray, shape: tuple[int, int], pixel_size: float, radius: float) -> np.ndarray:
    """Discs of value 1 and `radius` [A] at the columns; otherwise as `gaussian_mask`."""
    radius_px = radius / pixel_size
    return _stamped(positions / pixel_size, shape, radius_px, lambda r2: r2 <= radius_px**2)


def sharpened(
    positions: np.ndarray, strengths: np.ndarray, shape: tuple[int, int], pixel_size: float, fwhm: float
) -> np.ndarray:
    """Columns as narrow Gaussians that keep their intensities.

    They are integrated over pixels, so that a column's sum is proportional to its strength wherever it lies.

    Parameters
    ----------
    strengths : ndarray, shape (columns,)
        Intensity of each.
    positions, shape, pixel_size, fwhm
        As in `gaussian_mask`.

    Returns
    -------
    ndarray of float32, shape `shape`
        1 at its maximum; overlapping columns add.
    """
    image = np.zeros(shape)
    rows, columns, shares, _ = _integrated(positions, pixel_size, fwhm)
    _onto(image, np.add, rows, columns, strengths[:, None, None] * shares)
    return (image / max(image.max(), 1e-12)).astype(np.float32)


def _integrated(
    positions: np.ndarray, pixel_size: float, fwhm: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Gaussian peaks integrated over pixels.

    Returns the rows and columns around each peak, the share of it that each pixel of them holds, shape (peaks, rows,
    columns), and the integral of a peak of height 1 [px^2].
    """
    sigma = fwhm / np.sqrt(8 * np.log(2)) / pixel_size
    x, y = positions.T / pixel_size
    rows, columns, across, along = windows(x, y, 4 * sigma + 1)
    edges = np.array([-0.5, 0.5])[:, None, None]
    down, right = (np.diff(erf((steps + edges) / (np.sqrt(2) * sigma)), axis=0)[0] / 2 for steps in (along, across))
    return rows, columns, down[:, :, None] * right[:, None, :], 2 * np.pi * sigma**2


def ignored(sample: Sample) -> np.ndarray:
    """Where a sample does not say whether there is a column: around those that its image does not show.

    Returns
    -------
    ndarray of bool, shape (y, x)
        Pixels within `ignored_A` of a column that is not asked for, and nearer to it than to any that is; none where
        every column is labelled.
    """
    shape, pixel_size = _place(sample)
    reach = sample.columns.get("ignored_A", pd.Series(0.0)).max() / pixel_size
    if not reach > 0:
        return np.zeros(shape, bool)
    asked = sample.columns.asked.to_numpy(bool)
    near = [
        _stamped(sample.columns.loc[chosen, ["x_A", "y_A"]].to_numpy() / pixel_size, shape, reach, _closeness(reach))
        for chosen in (~asked, asked)
    ]
    return near[0] > near[1]


def _closeness(reach: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda r2: 1 - r2 / reach**2


def upsampled(image: np.ndarray) -> np.ndarray:
    """An image at half the pixel size: its cosine series, which holds every frequency up to Nyquist, at more points."""
    coefficients = fft.dctn(image, norm="forward")
    return np.clip(fft.idctn(coefficients, s=[2 * n for n in image.shape], norm="forward"), 0, 1)


def _stamped(centres: np.ndarray, shape: tuple[int, int], reach: float, profile: Callable) -> np.ndarray:
    """Maximum over the columns of `profile` (of squared distance, px^2) within `reach` px."""
    image = np.zeros(shape, np.float32)
    x, y = centres.T
    rows, columns, across, along = windows(x, y, reach)
    r2 = across[:, None, :] ** 2 + along[:, :, None] ** 2
    _onto(image, np.maximum, rows, columns, np.where(r2 <= reach**2, profile(r2), 0).astype(np.float32))
    return image


def windows(x: np.ndarray, y: np.ndarray, reach: float) -> tuple[np.ndarray, ...]:
    """Pixel rows and columns up to `reach` px around places, and how far these lie from them in x and y [px].

    Each has the shape (places, steps); rows and columns may lie beyond an image.
    """
    half = int(np.ceil(reach)) + 1
    steps = np.arange(-half, half + 1)
    rows, columns = (np.round(centre).astype(int)[:, None] + steps for centre in (y, x))
    return rows, columns, columns - x[:, None], rows - y[:, None]


def _onto(image: np.ndarray, combine: np.ufunc, rows: np.ndarray, columns: np.ndarray, values: np.ndarray) -> None:
    """Combine windows of values with an image, in place; what lies beyond it is cut."""
    rows, columns = np.broadcast_arrays(rows[:, :, None], columns[:, None, :])
    inside = (rows >= 0) & (rows < image.shape[0]) & (columns >= 0) & (columns < image.shape[1]) & (values != 0)
    combine.at(image.ravel(), rows[inside] * image.shape[1] + columns[inside], values[inside])


def _asked(sample: Sample) -> np.ndarray:
    return sample.columns.loc[sample.columns.asked, ["x_A", "y_A"]].to_numpy()


def _place(sample: Sample) -> tuple[tuple[int, int], float]:
    return sample.images["image"].shape, sample.parameters["pixel_size_A"]


def _circles(sample: Sample, part: float) -> np.ndarray:
    return circular_mask(_asked(sample), *_place(sample), part * sample.parameters["column_radius_A"])


def _superresolution(sample: Sample) -> np.ndarray:
    columns = sample.columns
    positions, strengths = columns[["x_A", "y_A"]].to_numpy(), columns.strength.to_numpy()
    return sharpened(positions, strengths, *_place(sample), sample.parameters["superresolution_fwhm_A"])


def _position(sample: Sample) -> np.ndarray:
    return _asked(sample)[:, ::-1] / sample.parameters["pixel_size_A"] + 1


def _radius(sample: Sample, part: float = 1.0) -> np.ndarray:
    return np.array([part * sample.parameters["column_radius_A"] / sample.parameters["pixel_size_A"]])


def _position_radius(sample: Sample) -> np.ndarray:
    positions = _position(sample)
    return np.column_stack([positions, np.broadcast_to(_radius(sample), len(positions))])


_MADE: dict[str, Callable[[Sample], np.ndarray]] = {
    "circularMask": lambda sample: _circles(sample, 1.0),
    "smallcircularMask": lambda sample: _circles(sample, SMALL),
    "gaussianMask": lambda sample: gaussian_mask(
        _asked(sample), *_place(sample), sample.parameters["gaussian_mask_fwhm_A"]
    ),
    "noNoiseNoBackgroundSuperresolution": _superresolution,
    "noNoiseUpinterpolation2x": lambda sample: upsampled(sample.images["noNoise"]),
    "noNoiseNoBackgroundUpinterpolation2x": lambda sample: upsampled(sample.images["noBackgroundnoNoise"]),
    "position": _position,
    "positionRadius": _position_radius,
    "radius": _radius,
    "smallradius": lambda sample: _radius(sample, SMALL),
}
#: Images of the sample that labels are made from, beside its columns.
MADE_FROM = {
    "noNoiseUpinterpolation2x": ("noNoise",),
    "noNoiseNoBackgroundUpinterpolation2x": ("noBackgroundnoNoise",),
}
#: Labels that are lists of numbers.
TEXT_LABELS = ("position", "positionRadius", "radius", "smallradius")
#: All labels.
LABELS = ("noNoise", "noBackgroundnoNoise", *_MADE)
#: The label that each task learns; those of `..._2x` are twice as high and wide as the image.
TASK_LABELS = {
    "segment": "circularMask",
    "localise": "gaussianMask",
    "denoise": "noNoise",
    "denoise_2x": "noNoiseUpinterpolation2x",
    "denoise_background": "noBackgroundnoNoise",
    "superresolve": "noNoiseNoBackgroundSuperresolution",
    "superresolve_2x": "noNoiseNoBackgroundUpinterpolation2x",
}
#: Tasks whose targets say nothing where a sample says nothing (`ignored`).
OF_COLUMNS = ("segment", "localise")
