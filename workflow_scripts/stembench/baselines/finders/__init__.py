"""One file per classical finder of columns; the folder is the registry.

A file ends in `FINDER = Finder(...)` and has the name by which the configuration calls it. The workflow imports it to
plan, in an environment of its own: import heavy packages, and those of the finder's environment, inside functions.
"""

from typing import TYPE_CHECKING

from stembench.registry import Registry

if TYPE_CHECKING:
    from stembench.baselines.finders.base import Finder

#: Every classical finder.
FINDERS: "Registry[Finder]" = Registry("stembench.baselines.finders", "FINDER", "finder")
