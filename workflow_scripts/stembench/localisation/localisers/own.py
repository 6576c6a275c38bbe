"""The localiser of a network's authors, where there is one."""

import numpy as np

from stembench.localisation.localisers.base import Localiser
from stembench.networks.localisers import OWN_LOCALISERS


def own(surface: np.ndarray, pixel_size: float, architecture: str, spacing: float) -> np.ndarray:
    """Return the columns [A] as the authors of a network of the registry read them from its map."""
    return OWN_LOCALISERS.load(architecture)(surface, pixel_size, spacing)


LOCALISER = Localiser(own, takes=("architecture", "spacing"), architectures=OWN_LOCALISERS.names)
