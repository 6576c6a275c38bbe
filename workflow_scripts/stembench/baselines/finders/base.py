"""The parts of a classical finder."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from stembench.localisation.peaks import PeakSettings


@dataclass(frozen=True, kw_only=True)
class Finder:
    """A classical finder, and what the workflow needs to know to run it.

    Attributes
    ----------
    find : callable
        Takes an image (y, x) of bright columns, its pixel size [A], settings, and the structure along the zone axis
        (`Projection`) where the finder needs it. Returns positions x and y [A], shape (columns, 2), and heights, shape
        (columns,): the values that the settings' threshold is compared with.
    settings : tuple of PeakSettings
        Settings that are tried on validation images at each dose. Those that differ only in the threshold share one
        call, at the lowest. Empty with `tuned_as`.
    tuned_as : str, optional
        Finder whose tuned settings are used instead.
    environment : str
        File in `envs/`, without its ending, that the finder runs in.
    kind : {"baseline", "oracle", "floor"}
        Kind in tables. An oracle is told what nobody knows of a real image, such as the structure that it shows. A
        floor is the lowest value that a metric can mean, and is left out of figures.
    localiser : str
        How the finder gets from maxima to positions, for the column `localiser` of tables.
    needs_structure : bool
        Whether it needs the structure, which is known of simulated images only.

    Raises
    ------
    ValueError
        If it has both settings of its own and those of another finder, or neither.
    """

    find: Callable[..., tuple[np.ndarray, np.ndarray]]
    settings: tuple[PeakSettings, ...] = ()
    tuned_as: str | None = None
    environment: str = "training"
    kind: Literal["baseline", "oracle", "floor"] = "baseline"
    localiser: str = ""
    needs_structure: bool = False

    def __post_init__(self) -> None:
        """Refuse what could not be tuned, or would be tuned in vain."""
        if bool(self.settings) == bool(self.tuned_as):
            raise ValueError(
                "a finder has settings that are tried, or says in tuned_as whose it uses; give one of them"
            )
