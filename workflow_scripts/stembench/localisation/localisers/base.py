"""The parts of a localiser."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from stembench.localisation.peaks import PeakSettings


@dataclass(frozen=True)
class Localiser:
    """A way to read columns from a network's map.

    Attributes
    ----------
    read : callable
        Takes a map (y, x) of bright columns, its pixel size [A], and by keyword what `takes` names. Returns positions x
        and y [A], shape (columns, 2).
    takes : tuple of str
        Which of the keywords of a call `read` takes as well.
    architectures : tuple of str, optional
        Networks of the registry whose maps it reads; without it those of all.
    """

    read: Callable[..., np.ndarray]
    takes: tuple[Literal["settings", "architecture", "spacing"], ...] = ()
    architectures: tuple[str, ...] | None = None

    def reads(self, architecture: str) -> bool:
        """Return whether it reads the maps of a network of the registry."""
        return self.architectures is None or architecture in self.architectures

    def __call__(
        self,
        surface: np.ndarray,
        pixel_size: float,
        *,
        settings: PeakSettings,
        architecture: str = "",
        spacing: float = np.nan,
    ) -> np.ndarray:
        """Return the columns of a network's map.

        Parameters
        ----------
        surface : ndarray, shape (y, x)
            Bright columns.
        pixel_size : float
            [A].
        settings : PeakSettings
            As tuned for maxima.
        architecture : str
            Network of the registry that made the map.
        spacing : float
            Mean nearest-neighbour distance of the columns that the network gives beside the map [px]; nan if it gives
            none.

        Returns
        -------
        ndarray, shape (columns, 2)
            x and y [A].
        """
        known: dict[str, Any] = {"settings": settings, "architecture": architecture, "spacing": spacing}
        return self.read(surface, pixel_size, **{name: known[name] for name in self.takes})
