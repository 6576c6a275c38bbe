"""Images of a test set for methods that are run elsewhere, and the images that these make of them."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import tifffile

from stembench.errors import InputError, in_short
from stembench.evaluation.external import file_of

#: What is told of each image: nothing of what it shows.
TOLD = ("mode", "pixel_size_A", "counts_per_px")
METADATA = "metadata.csv"


def export_images(images: np.ndarray, samples: pd.DataFrame, folder: Path) -> None:
    """Write the images of a test set, without truth: TIFF in float32, and `metadata.csv` with a line for each.

    Parameters
    ----------
    images : ndarray, shape (samples, y, x)
        Grey levels in [0, 1].
    samples : DataFrame
        Their parameters, of which `TOLD` are written where they are known.
    folder : Path
        It is there.
    """
    names = [f"{position:05d}.tif" for position in range(len(images))]
    for name, image in zip(names, images):
        tifffile.imwrite(folder / name, image.astype(np.float32))
    told = samples[[key for key in TOLD if key in samples]].reset_index(drop=True)
    told.insert(0, "image", names)
    told.to_csv(folder / METADATA, index=False)


def read_enhanced(files: Mapping[str, str], position: int, shape: tuple[int, int]) -> np.ndarray:
    """An image that an external method denoised, of any gain and offset, shape `shape`.

    Raises
    ------
    InputError
        If there is no file for the image, it cannot be read, has another shape or holds what is no number.
    """
    path = file_of(files, f"{position:05d}.tif")
    try:
        image = np.squeeze(tifffile.imread(path)).astype(float)
    except Exception as error:  # of damaged files
        raise InputError(f"{path}: is no TIFF image ({in_short(error)}); write it again") from None
    if image.shape != shape:
        raise InputError(
            f"{path}: has the shape {' x '.join(map(str, image.shape))}, and the image {' x '.join(map(str, shape))}; "
            "write an image of the same pixels"
        )
    if not np.isfinite(image).all():
        raise InputError(f"{path}: holds pixels that are no numbers; write numbers")
    return image
