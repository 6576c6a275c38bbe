"""How a network's authors read columns from its map; the folder is the registry.

A file is named after its network, and stands apart so that a change to it trains nothing anew. It holds
`localise(surface, pixel_size, spacing)`, which gives the positions x and y [A], shape (columns, 2), of the columns in
a map of shape (y, x); `spacing` is their mean nearest-neighbour distance [px] as the network tells it, else nan.
"""

from typing import TYPE_CHECKING

from stembench.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

#: The networks that have a localiser of their own.
OWN_LOCALISERS: "Registry[Callable[..., np.ndarray]]" = Registry(
    "stembench.networks.localisers", "localise", "network's own localiser"
)
