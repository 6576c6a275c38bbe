"""One file per localiser, which reads columns from a network's map; the folder is the registry.

A file ends in `LOCALISER = Localiser(...)` and has the name by which the configuration calls it. The workflow imports
it to plan: import heavy packages inside functions.
"""

from typing import TYPE_CHECKING

from stembench.registry import Registry

if TYPE_CHECKING:
    from stembench.localisation.localisers.base import Localiser

#: Every localiser.
LOCALISERS: "Registry[Localiser]" = Registry("stembench.localisation.localisers", "LOCALISER", "localiser")
