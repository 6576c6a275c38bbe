"""What methods that are run elsewhere predict for the images of a test set.

Files of images and of predictions have the number of the image in its test set as their name, from 00000.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from stembench.errors import InputError
from stembench.lab.positions import read_positions


def read_predicted(files: Mapping[str, str], position: int, pixel_size: float) -> np.ndarray:
    """Columns that an external method found in an image, x and y [A], shape (columns, 2).

    Parameters
    ----------
    files : mapping of str
        Paths of its predictions for the test set, by the file's name.
    position : int
        Of the image in the test set.
    pixel_size : float
        [A].

    Raises
    ------
    InputError
        If there is no file for the image, or it cannot be read.
    """
    path = file_of(files, f"{position:05d}.csv")
    return read_positions(path, pixel_size, path)


def file_of(files: Mapping[str, str], name: str) -> str:
    """The path of a prediction.

    Raises
    ------
    InputError
        If it is missing.
    """
    if name not in files:
        folder = Path(next(iter(files.values()))).parent
        raise InputError(f"{folder}/{name} is missing; predict every image of the test set, or remove the folder")
    return files[name]
