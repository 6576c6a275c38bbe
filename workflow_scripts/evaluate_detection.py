"""A detection method on a test set: what became of every column, and the metrics of every image."""

import pandas as pd
from job import running
from stembench.baselines.detectors import DETECTORS, smoothed_maxima
from stembench.config import Evaluation
from stembench.datasets.store import columns_by_sample, open_shards, read_table
from stembench.evaluation.matching import Truth, score_columns
from stembench.evaluation.metrics import detection_metrics, detection_sums
from stembench.evaluation.priors import told
from stembench.evaluation.tuning import dose_levels, read_tuning
from stembench.localisation.peaks import PeakSettings
from stembench.products import whole

if __name__ == "__main__":
    with running(snakemake):
        evaluation = Evaluation(**snakemake.params.evaluation)
        shards = snakemake.input.test
        samples, truth = read_table(shards, "samples"), columns_by_sample(shards)
        images = open_shards(shards, ["image"]).image.values
        detect = DETECTORS.get(snakemake.wildcards.method, smoothed_maxima)
        if snakemake.params.network:
            from stembench.crystals.material import structures_of
            from stembench.networks.registry import TrainedNetwork

            structures = told(structures_of(snakemake.input.structures), snakemake.params.prior)
            images = TrainedNetwork(snakemake.params.network).maps_of(shards, structures)
        outcomes, rows = [], []
        for image, level, (_, sample) in zip(images, dose_levels(samples), samples.iterrows()):
            settings = read_tuning(snakemake.input.settings, PeakSettings, level)
            found = detect(image, sample.pixel_size_A, settings)
            extent = tuple(n * sample.pixel_size_A for n in image.shape)
            scored = score_columns(found, Truth.of(truth[sample["sample"]], evaluation), extent, evaluation)
            outcomes.append(scored.assign(sample=sample["sample"]))
            sums = detection_sums(scored[scored.resolved & ~scored.hidden], evaluation.match_radius_A)
            rows.append(sample.to_dict() | detection_metrics(pd.DataFrame([sums])).iloc[0].to_dict())
        tables = {snakemake.output.columns: pd.concat(outcomes), snakemake.output.images: pd.DataFrame(rows)}
        for path, table in tables.items():
            with whole(path) as partial:
                table.to_parquet(partial, index=False)
