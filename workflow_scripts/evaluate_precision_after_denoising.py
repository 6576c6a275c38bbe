"""Fit 2-D Gaussians to simulated images before and after each denoiser: sums over the columns of every image."""

import pandas as pd
from denoising import denoised_by_each
from job import running
from stembench.baselines.finders.gaussian_fit import gaussian_fit
from stembench.config import Evaluation
from stembench.datasets.store import columns_by_sample, open_shards, read_table
from stembench.evaluation.matching import Truth, score_columns
from stembench.evaluation.metrics import detection_sums
from stembench.evaluation.tuning import dose_levels, read_tuning
from stembench.imaging.detectors import bright_columns
from stembench.localisation.peaks import PeakSettings
from stembench.products import whole

if __name__ == "__main__":
    with running(snakemake):
        shards, evaluation = snakemake.input.test, Evaluation(**snakemake.params.evaluation)
        samples, columns = read_table(shards, "samples"), columns_by_sample(shards)
        alone = samples[samples.shot_noise_alone.eq(True)]
        shown = alone.groupby("counts_per_px").head(snakemake.params.images)
        images = open_shards(shards, ["image"])["image"][shown.index]
        settings = [read_tuning(snakemake.input.settings, PeakSettings, level) for level in dose_levels(shown)]
        truths = [Truth.of(columns[number], evaluation) for number in shown["sample"]]
        rows = []
        for named, denoised in denoised_by_each(snakemake, images, shown) if len(shown) else ():
            for image, truth, tuned, sample in zip(denoised, truths, settings, shown.itertuples()):
                found, _ = gaussian_fit(bright_columns(image, sample.mode), sample.pixel_size_A, tuned)
                extent = tuple(n * sample.pixel_size_A for n in image.shape)
                scored = score_columns(found, truth, extent, evaluation)
                known = {key: getattr(sample, key) for key in ("sample", "structure", "counts_per_px")}
                clear = scored[scored.resolved & ~scored.hidden]
                rows.append(known | named | detection_sums(clear))
        with whole(snakemake.output.images) as partial:
            pd.DataFrame(rows).to_parquet(partial, index=False)
