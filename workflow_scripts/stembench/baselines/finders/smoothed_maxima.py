"""Local maxima of the smoothed image."""

from collections.abc import Sequence
from itertools import product

from stembench.baselines.finders.base import Finder
from stembench.localisation.peaks import PeakSettings, find_columns

_SIGMAS_A = (0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8)
_THRESHOLDS = (0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6)


def settings_grid(background_sigmas_A: Sequence[float]) -> tuple[PeakSettings, ...]:
    """Return the settings that are tried: every smoothing with every background [A] and relative threshold."""
    grid = product(_SIGMAS_A, background_sigmas_A, _THRESHOLDS)
    return tuple(PeakSettings(*values, relative=True) for values in grid)


FINDER = Finder(find=find_columns, settings=settings_grid((0.0,)), localiser="maxima")
