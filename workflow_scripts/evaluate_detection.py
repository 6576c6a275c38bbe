"""A detection method on a test set: what became of every column, and the metrics of every image."""

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

if __name__ == "__main__":
    with running(snakemake):
        evaluation = Evaluation(**snakemake.params.evaluation)
        shards = snakemake.input.test
        samples, truth = read_table(shards, "samples"), columns_by_sample(shards)
        detect, find = DETECTORS.get(snakemake.wildcards.method), finder_of(snakemake)
        try:
            maps, note = maps_of(snakemake, shards)
        except CannotLoadError as error:
            maps, note = [None] * len(samples), str(error)  # nothing is found, and nothing missed
        outcomes, rows = [], []
        for image, level, (_, sample) in zip(maps, dose_levels(samples), samples.iterrows()):
            found, extent = np.empty((0, 2)), (0.0, 0.0)
            if image is not None:
                settings = read_tuning(snakemake.input.settings, PeakSettings, level)
                found = detect(image, sample.pixel_size_A, settings) if detect else find(image, sample, settings)[0]
                extent = tuple(n * sample.pixel_size_A for n in image.shape)
            true = Truth.of(truth[sample["sample"]], evaluation, exact=snakemake.params.exact)
            scored = score_columns(found, true, extent, evaluation)
            outcomes.append(scored.assign(sample=sample["sample"]))
            sums = detection_sums(scored[scored.resolved & ~scored.hidden], sample.pixel_size_A)
            metrics = detection_metrics(pd.DataFrame([sums])).iloc[0].to_dict()
            rows.append(sample.to_dict() | metrics | {"note": note})
        tables = {snakemake.output.columns: pd.concat(outcomes), snakemake.output.images: pd.DataFrame(rows)}
        for path, table in tables.items():
            with whole(path) as partial:
                table.to_parquet(partial, index=False)
