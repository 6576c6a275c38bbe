import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
from evaluate_detection import evaluate
from stembench.config import LabTestset
from stembench.datasets.store import write_shard
from stembench.evaluation.matching import hull_of
from stembench.lab.degradation import lab_samples, reference_columns

PIXEL_SIZE = 0.1
SHAPE = (128, 256)  # four blocks across, two down
PLACES = np.array([(2.0 + 2.4 * i, 2.0 + 2.4 * j) for i in range(10) for j in range(5)])


def found_where(tmp_path, marked):
    """Where the maxima of an image count that are found beside its marked columns, in the whole image [A]."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]] * PIXEL_SIZE
    image = sum(np.exp(-((x - a) ** 2 + (y - b) ** 2) / (2 * 0.4**2)) for a, b in PLACES)
    columns = reference_columns(image, PIXEL_SIZE, "HAADF", LabTestset(image="mine"), marked)
    hull = hull_of(marked)
    (tmp_path / "set").mkdir()
    samples = lab_samples(image, PIXEL_SIZE, columns, 64, (1e4,), 1, "mine", "HAADF", hull)
    write_shard(tmp_path / "set", samples, {"hull": hull.tolist()})
    settings = {"sigma_A": 0.2, "background_sigma_A": 0.0, "threshold": 0.3, "relative": True}
    (tmp_path / "tuned.json").write_text(json.dumps({"levels": {"10000": {"settings": settings}}}))
    job = SimpleNamespace(
        params=SimpleNamespace(evaluation={"border_A": 0.3}, network=None, localisers=[None]),
        input=SimpleNamespace(settings=tmp_path / "tuned.json"),
        wildcards=SimpleNamespace(method="smoothed_maxima"),
    )
    evaluate(job, [tmp_path / "set"], [tmp_path / "columns.parquet"], [tmp_path / "images.parquet"], exact=False)
    images = pd.read_parquet(tmp_path / "images.parquet")
    outcomes = pd.read_parquet(tmp_path / "columns.parquet").merge(images[["sample", "block_x_A", "block_y_A"]])
    at = outcomes[["x_A", "y_A"]].to_numpy() + outcomes[["block_x_A", "block_y_A"]].to_numpy()
    return {outcome: at[outcomes.outcome == outcome] for outcome in ("tp", "fp", "fn")}


def test_what_is_found_beside_the_marked_part_of_an_image_counts_in_no_block(tmp_path):
    inner = (PLACES[:, 0] > 4) & (PLACES[:, 0] < 20)  # across three of the four blocks
    left_out = np.all(np.isclose(PLACES, [9.2, 6.8]), axis=1)  # one in the middle that was not marked
    found = found_where(tmp_path, PLACES[inner & ~left_out])
    assert len(found["tp"]) > 10
    assert found["tp"][:, 0].min() > 4 + 0.3
    assert found["tp"][:, 0].max() < 20 - 0.3
    assert np.allclose(found["fp"], [[9.2, 6.8]], atol=0.1)
    assert not len(found["fn"])
