"""Columns of a microscopist's own image, each with a confidence and an error bar."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.spatial import KDTree

from stembench.application.characterisation import Characterisation, settings_for
from stembench.application.measuring import COLUMN_SIGMA_A, fitted, gaussian_means, look, read_columns
from stembench.application.tiling import Progress
from stembench.errors import InputError
from stembench.imaging.detectors import Mode
from stembench.trained_network import TrainedNetwork

if TYPE_CHECKING:
    from stembench.crystals.projection import Projection

_SAME_A = 0.5  # within which a column found with the structure and one found without are the same


def find_columns(
    image: np.ndarray,
    pixel_size_A: float,
    network: str | Path,
    *,
    mode: Mode = "HAADF",
    refine: bool = True,
    structure: "Projection | None" = None,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Columns of an image of any size and pixel size.

    Parameters
    ----------
    image : ndarray, shape (y, x)
        Raw intensities; NaN where nothing was measured.
    pixel_size_A : float
        [A].
    network : str or Path
        Folder with the `weights.safetensors`, `model.json` and `characterisation.json` of a network that localises.
    mode : Mode
        The image's; in ABF and BF columns are dark.
    refine : bool
        Whether the image's own profile is fitted to the recorded pixels of each column; where that fails, what the
        network found stays.
    structure : Projection, optional
        The crystal along its zone axis, for a network that is told structures; other networks ignore it.
    progress : callable, optional
        Told after each tile that the network has seen how many are done, and of how many.

    Returns
    -------
    DataFrame
        A row a column where something was measured, none where none is found: position `x_A`, `y_A`; `intensity`, the
        mean of the image about it, weighted with a Gaussian of 0.3 A, background included, on the image's scale;
        `confidence`, the probability that it is a column; and `uncertainty_pm`, half of the 68.27 % interval of each
        of its coordinates, if it is one. With `refine` also `network_x_A` and `network_y_A`, where the network put it.
        Where the network was told the structure also `only_with_structure`: whether it finds no column within 0.5 A
        when it is told none. Doubt these: confidence is measured without a structure.

    Raises
    ------
    InputError
        If the network was trained for another task or is not characterised, or no pixel was measured.
    CannotLoadError
        If it could not be trained.
    """
    folder = Path(network)
    trained = TrainedNetwork(folder)
    if (task := trained.record["task"]) != "localise":
        raise InputError(f"{folder}: a network for {task} finds no columns; name one for localise")
    known = Characterisation.read(folder / "characterisation.json")
    seen = look(image, pixel_size_A, trained, mode=mode, structure=structure, progress=progress)
    settings = settings_for(seen.noise, known.levels)
    columns, more = read_columns(seen, settings), []
    if structure and trained.told_of(structure, pixel_size_A):
        untold = read_columns(look(image, pixel_size_A, trained, mode=mode), settings)
        columns, more = columns.assign(only_with_structure=_far_from(columns, untold)), ["only_with_structure"]
    if refine:
        network_place = {f"network_{axis}": columns[axis] for axis in ("x_A", "y_A")}
        columns = fitted(seen, columns).assign(**network_place)
    columns = known.with_bars(columns)
    positions = columns[["x_A", "y_A"]].to_numpy() / pixel_size_A
    intensity = gaussian_means(image, positions, COLUMN_SIGMA_A / pixel_size_A)
    told = ["x_A", "y_A", "intensity", "confidence", "uncertainty_pm", *(network_place if refine else ()), *more]
    return columns.assign(intensity=intensity)[told]


def _far_from(columns: pd.DataFrame, others: pd.DataFrame) -> np.ndarray:
    """Which columns have none of the others near."""
    if not len(others):
        return np.ones(len(columns), bool)
    return KDTree(others[["x_A", "y_A"]]).query(columns[["x_A", "y_A"]])[0] > _SAME_A
