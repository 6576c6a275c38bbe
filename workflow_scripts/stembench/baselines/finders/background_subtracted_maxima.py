"""Local maxima of the smoothed image, from which a wider Gaussian of it was subtracted."""

from stembench.baselines.finders.base import Finder
from stembench.baselines.finders.smoothed_maxima import settings_grid
from stembench.localisation.peaks import find_columns

FINDER = Finder(find=find_columns, settings=settings_grid((0.6, 0.8, 1.2, 2.0)), localiser="maxima")
