from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from detection_method import maps_of
from stembench.config import Config, Dataset, Evaluation, Imaging
from stembench.crystals.material import Material
from stembench.datasets.factory import Factory
from stembench.datasets.sample import Sample
from stembench.datasets.store import columns_by_sample, read_table, write_shard
from stembench.evaluation.matching import Truth, score_columns
from stembench.evaluation.metrics import detection_metrics, detection_sums
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


@pytest.mark.parametrize("pixel_sizes", [(0.03, 0.06), (0.2, 0.3)])
def test_images_beyond_the_trained_pixel_sizes_are_seen_as_users_images_are(
    pixel_sizes, repository, projection_of, tmp_path
):
    weights = repository / "workflow_scripts/stembench/weights/column_finder"
    job = SimpleNamespace(params=SimpleNamespace(network=weights, prior="right"), input=SimpleNamespace(structures=[]))
    materials = [Material.of(name, "001", projection_of(name, "001")) for name in ("SrTiO3", "Pt")]
    recipe = Dataset(pixel_size_A=pixel_sizes, conditions=("200keV_24mrad",))
    factory = Factory(recipe, Config().arrangements, Imaging(), materials, 96)
    write_shard(tmp_path, [factory.sample("test", position) for position in (3, 4, 8, 9)], {})  # 30 and 100 counts
    maps, settings, evaluation = maps_of(job, [tmp_path]), PeakSettings(0.2, 0.0, 0.05, relative=False), Evaluation()
    samples, columns = read_table([tmp_path], "samples"), columns_by_sample([tmp_path])
    assert not np.isclose(maps.pixel_sizes, samples.pixel_size_A).any()
    sums = []
    for surface, size, sample in zip(maps.surfaces, maps.pixel_sizes, samples.itertuples()):
        found, _ = find_columns(surface, size, settings)
        extent = (96 * sample.pixel_size_A,) * 2
        sums.append(
            detection_sums(score_columns(found, Truth.of(columns[sample.sample], evaluation), extent, evaluation))
        )
    metrics = detection_metrics(pd.DataFrame(sums).sum().to_frame().T).iloc[0]
    assert metrics.f1 >= 0.99
    assert metrics.rmse_pm < 8
