"""How a network's authors read columns from its map; the folder is the registry.

A file is named after its network, and stands apart so that a change to it trains nothing anew. It holds
`localise(surface, pixel_size, spacing)`, which gives the positions x and y [A], shape (columns, 2), of the columns in
a map of shape (y, x); `spacing` is their mean nearest-neighbour distance [px] as the network tells it, else nan.
"""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

#: Networks that have a localiser of their own.
OWN_LOCALISERS = sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py"))


def own_localiser(architecture: str) -> Callable:
    """The `localise` of a network of the registry."""
    return import_module(f"stembench.networks.localisers.{architecture}").localise
