"""Part of a lab image, with the marked columns in it."""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from stembench.errors import InputError


def cropped(
    image: xr.DataArray, columns: np.ndarray | None, crop: Sequence[int] | None, name: str
) -> tuple[xr.DataArray, np.ndarray | None]:
    """Cut out part of an image.

    Parameters
    ----------
    image : DataArray, dims (y, x) or (frame, y, x)
        With the attribute `pixel_size_A`.
    columns : ndarray, shape (n, 2), optional
        x and y of marked columns [A].
    crop : sequence of int, optional
        Left and upper edge, width and height [px]; by default the whole image.
    name : str
        Of the image.

    Returns
    -------
    image : DataArray
        The part.
    columns : ndarray or None
        Those in it, seen from its first pixel.

    Raises
    ------
    InputError
        If the part reaches beyond the image.
    """
    if crop is None:
        return image, columns
    left, top, width, height = crop
    if left + width > image.sizes["x"] or top + height > image.sizes["y"]:
        raise InputError(
            f"lab.images.{name}.crop_px reaches beyond the image of {image.sizes['x']} x {image.sizes['y']} px; "
            "correct left and upper edge, width, height"
        )
    part, pixel_size = image[..., top : top + height, left : left + width], image.attrs["pixel_size_A"]
    if columns is None:
        return part, None
    columns = columns - np.multiply([left, top], pixel_size)
    ends = (np.array([width, height]) - 0.5) * pixel_size
    return part, columns[np.all((columns >= -pixel_size / 2) & (columns < ends), axis=1)]
