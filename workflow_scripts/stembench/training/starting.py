"""A training that starts from trained weights."""

from pathlib import Path
from typing import Any

from stembench.networks.base import Network
from stembench.trained_network import TrainedNetwork


def take_weights(network: Network, folder: str | Path) -> dict[str, Any]:
    """Give a new network the weights of a trained one that was built alike.

    Parameters
    ----------
    network : Network
        The new network.
    folder : str or Path
        Folder of the trained one.

    Returns
    -------
    dict
        `starts_from` of the identity of its training: `folder`, `weights_sha256`, `dataset`.

    Raises
    ------
    CannotLoadError, InputError
        For the reasons of `TrainedNetwork`.
    """
    trained = TrainedNetwork(folder)
    network.load_state_dict(trained.network.state_dict())
    told = {key: trained.record.get(key) for key in ("weights_sha256", "dataset")}
    return {"folder": str(folder), **told}
