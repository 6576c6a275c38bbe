"""One file per classical filter; the folder is the registry.

A file ends in `FILTER = Filter(...)` and has the name by which the configuration calls it.
"""

from typing import TYPE_CHECKING

from stembench.registry import Registry

if TYPE_CHECKING:
    from stembench.baselines.filters.base import Filter

#: Every classical filter.
FILTERS: "Registry[Filter]" = Registry("stembench.baselines.filters", "FILTER", "filter")
