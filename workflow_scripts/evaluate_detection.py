"""A detection method on a test set: what became of every column, and the metrics of every image."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from detection_method import finder_of, maps_of
from job import running
from stembench.baselines.detectors import DETECTORS
from stembench.config import Evaluation
from stembench.datasets.store import columns_by_sample, read_table
from stembench.errors import CannotLoadError
from stembench.evaluation.matching import Truth, score_columns
from stembench.evaluation.metrics import detection_metrics, detection_sums
from stembench.evaluation.tuning import dose_levels, read_tuning
from stembench.localisation.peaks import PeakSettings
from stembench.products import whole

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def evaluate(job: "snakemake", shards: Sequence[str], columns: str, images: str) -> None:
    """Score a job's method on the test set that lies in some shards, and write both tables."""
    evaluation = Evaluation(**job.params.evaluation)
    samples, truth = read_table(shards, "samples"), columns_by_sample(shards)
    detect, find = DETECTORS.get(job.wildcards.method), finder_of(job)
    try:
        maps, note = maps_of(job, shards)
    except CannotLoadError as error:
        maps, note = [None] * len(samples), str(error)  # nothing is found, and nothing missed
    outcomes, rows = [], []
    for image, level, (_, sample) in zip(maps, dose_levels(samples), samples.iterrows()):
        found, extent = np.empty((0, 2)), (0.0, 0.0)
        if image is not None:
            settings = read_tuning(job.input.settings, PeakSettings, level)
            found = detect(image, sample.pixel_size_A, settings) if detect else find(image, sample, settings)[0]
            extent = tuple(n * sample.pixel_size_A for n in image.shape)
        scored = score_columns(found, Truth.of(truth[sample["sample"]], evaluation), extent, evaluation)
        outcomes.append(scored.assign(sample=sample["sample"]))
        sums = detection_sums(scored[scored.resolved & ~scored.hidden], evaluation.match_radius_A)
        metrics = detection_metrics(pd.DataFrame([sums])).iloc[0].to_dict()
        rows.append(sample.to_dict() | metrics | {"note": note})
    tables = {columns: pd.concat(outcomes), images: pd.DataFrame(rows)}
    for path, table in tables.items():
        with whole(path) as partial:
            table.to_parquet(partial, index=False)


if __name__ == "__main__":
    with running(snakemake):
        evaluate(snakemake, snakemake.input.test, snakemake.output.columns, snakemake.output.images)
