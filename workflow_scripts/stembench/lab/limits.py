"""Limits of the images that are read."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from stembench.errors import InputError

#: What an image, or all frames of a stack, may take in memory as the file stores them [bytes].
MAX_BYTES = 2**30
#: Largest pixel size that an image may have [A].
MAX_PIXEL_SIZE_A = 10.0
#: Shortest and longest edge of an image [px].
SHORTEST_PX, LONGEST_PX = 64, 8192


def is_large(path: Path) -> bool:
    """Return whether a file is larger than `MAX_BYTES`."""
    return path.stat().st_size > MAX_BYTES


def check_bytes(path: Path, shape: Sequence[int], dtype: np.dtype) -> None:
    """Refuse what would take more memory than `MAX_BYTES`, before it is read.

    Raises
    ------
    InputError
        With the file, its size and the remedy.
    """
    if math.prod(shape) * dtype.itemsize > MAX_BYTES:
        size = " x ".join(map(str, shape))
        raise InputError(f"{path}: {size} px of {dtype} take more than {MAX_BYTES >> 30} GiB; crop, bin or split it")


def check_edges(file: str, shape: Sequence[int]) -> None:
    """Refuse an image that is shorter or longer than networks are applied to.

    Parameters
    ----------
    file : str
        The file, for the message.
    shape : sequence of int
        Height and width [px].

    Raises
    ------
    InputError
        With the file, its size, the limits and the remedy.
    """
    if min(shape) < SHORTEST_PX or max(shape) > LONGEST_PX:
        remedy = "give a larger part of the image" if min(shape) < SHORTEST_PX else "crop or bin it"
        raise InputError(
            f"{file}: the image has {shape[0]} x {shape[1]} px, and between {SHORTEST_PX} and {LONGEST_PX} px a side "
            f"are needed; {remedy}"
        )
