"""What tests of found columns share: a network that is characterised."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import ndimage
from stembench.application import measuring
from stembench.application.characterisation import Characterisation, characterise, judge
from stembench.config import Evaluation
from stembench.datasets.store import write_shard
from stembench.networks.registry import build, save
from stembench.trained_network import TrainedNetwork

RECORD = {"architecture": "fcn", "width": 0.1, "task": "localise", "options": {}, "pixel_size_A": (0.08, 0.16)}


def smoothed(network, image, **_) -> np.ndarray:
    """What stands for a network's map: the image without its noise and its background."""
    lost, wide = (ndimage.gaussian_filter(image, sigma) for sigma in (2.5, 10))
    return np.maximum(lost - wide, 0).astype(np.float32)


@pytest.fixture
def stand_in(monkeypatch):
    """Maps are made by `smoothed` instead of networks."""
    monkeypatch.setattr(measuring, "map_of", smoothed)


@pytest.fixture(scope="session")
def shards(small_factory, tmp_path_factory) -> dict[str, list[Path]]:
    """Validation and test images of the same recipe, 192 each."""
    folders = {split: tmp_path_factory.mktemp(split) for split in ("validation", "test")}
    for split, folder in folders.items():
        write_shard(folder, (small_factory.sample(split, number) for number in range(192)), {})
    return {split: [folder] for split, folder in folders.items()}


@pytest.fixture(scope="session")
def network_folder(shards, tmp_path_factory) -> Path:
    """An untrained network with the characterisation of the stand-in for its maps."""
    folder = tmp_path_factory.mktemp("network")
    save(folder, build("fcn", 0.1, 0), RECORD)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measuring, "map_of", smoothed)
        known = characterise(TrainedNetwork(folder), shards["validation"], Evaluation())
    known.write(folder / "characterisation.json", {"network": "stand-in"})
    return folder


@pytest.fixture(scope="session")
def judged(network_folder, shards) -> pd.DataFrame:
    """Columns that the stand-in finds in the test images, with their errors and error bars."""
    known = Characterisation.read(network_folder / "characterisation.json")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measuring, "map_of", smoothed)
        return judge(TrainedNetwork(network_folder), known, shards["test"], Evaluation())


@pytest.fixture
def network(network_folder, stand_in) -> TrainedNetwork:
    return TrainedNetwork(network_folder)


@pytest.fixture
def known(network_folder) -> Characterisation:
    return Characterisation.read(network_folder / "characterisation.json")
