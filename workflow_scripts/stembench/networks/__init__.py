"""One file per published network; the folder is the registry.

A network is a subclass of `base.Network` built from a width factor; its file calls it `NETWORK`. Files that begin with
an underscore hold what several networks share.
"""

from typing import TYPE_CHECKING

from stembench.registry import Registry

if TYPE_CHECKING:
    from stembench.networks.base import Network

#: Every network.
NETWORKS: "Registry[type[Network]]" = Registry("stembench.networks", "NETWORK", "network")
