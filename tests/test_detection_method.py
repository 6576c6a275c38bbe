from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from detection_method import maps_of
from stembench.datasets.sample import Sample
from stembench.datasets.store import write_shard
from stembench.localisation.peaks import PeakSettings, find_columns

CLASSICAL = SimpleNamespace(params=SimpleNamespace(network=None))
PLACES = np.array([(2.0, 1.5), (4.0, 3.5)])


@pytest.fixture
def shard(tmp_path):
    """The same columns seen by four detectors."""
    y, x = np.mgrid[:50, :60] * 0.1
    bright = sum(np.exp(-((x - a) ** 2 + (y - b) ** 2) / (2 * 0.4**2)) for a, b in PLACES)
    seen = {"HAADF": bright, "ADF": 0.5 * bright, "ABF": 1 - bright, "BF": 0.9 - 0.5 * bright}
    columns = pd.DataFrame({"x_A": PLACES[:, 0], "y_A": PLACES[:, 1]})
    samples = [
        Sample({"image": image.astype(np.float32)}, columns, {"sample": number, "mode": mode, "pixel_size_A": 0.1})
        for number, (mode, image) in enumerate(seen.items())
    ]
    write_shard(tmp_path, samples, {})
    return tmp_path


def test_classical_finders_find_dark_columns_where_they_find_bright_ones(shard):
    maps, settings = maps_of(CLASSICAL, [shard]), PeakSettings(0.2, 0.0, 0.4, relative=True)
    assert len(maps.surfaces) == 4
    for surface in maps.surfaces:
        found, _ = find_columns(surface, 0.1, settings)
        assert found[np.argsort(found[:, 0])] == pytest.approx(PLACES, abs=0.01)


def test_bright_columns_are_left_as_they_are(shard):
    haadf, adf, *_ = maps_of(CLASSICAL, [shard]).surfaces
    assert haadf.max() == pytest.approx(1, abs=1e-3)
    assert adf.max() == pytest.approx(0.5, abs=1e-3)
