"""Score a detection method on a test set, by each localiser: every column's outcome, every image's metrics."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from detection_method import Maps, maps_of, reader_of
from job import running
from stembench.config import Evaluation
from stembench.datasets.store import columns_by_sample, open_shards, read_hull, read_table
from stembench.errors import CannotLoadError
from stembench.evaluation.matching import Truth, is_judged, is_scored, published_scores, score_columns, seen_from
from stembench.evaluation.metrics import detection_metrics, detection_sums
from stembench.evaluation.tuning import dose_levels, read_tuning
from stembench.localisation.peaks import PeakSettings
from stembench.products import whole

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def evaluate(
    job: "snakemake", shards: Sequence[str], columns: Sequence[str], images: Sequence[str], *, exact: bool
) -> None:
    """Score the method of a job on the test set in some shards, and write both tables for each localiser.

    `exact`: whether the positions are true ones; those of a lab image were found in it.
    """
    evaluation = Evaluation(**job.params.evaluation)
    samples, columns_of = read_table(shards, "samples"), columns_by_sample(shards)
    hull, origins = read_hull(shards), samples.reindex(columns=["block_x_A", "block_y_A"], fill_value=0.0).to_numpy()
    truths = [
        Truth.of(columns_of[number], evaluation, exact=exact, hull=seen_from(hull, origin))
        for number, origin in zip(samples["sample"], origins)
    ]
    try:
        maps = maps_of(job, shards)
    except CannotLoadError as error:
        maps = Maps(None, None, None, "", str(error))  # nothing is found, and nothing missed
    shape = open_shards(shards, ["image"])["image"].shape[1:]
    levels, tuned = dose_levels(samples), job.input.settings
    settings = {}
    if tuned and maps.surfaces is not None:
        settings = {level: read_tuning(tuned, PeakSettings, level) for level in set(levels)}
    for localiser, *paths in zip(job.params.localisers, columns, images):
        outcomes, sums, published, read = [], [], [], reader_of(job, maps, localiser)
        for position, (level, (_, sample)) in enumerate(zip(levels, samples.iterrows())):
            found, extent = np.empty((0, 2)), (0.0, 0.0)
            if maps.surfaces is not None:
                found = read(position, sample, settings.get(level))
                extent = tuple(n * sample.pixel_size_A for n in shape)
            scored = score_columns(found, truths[position], extent, evaluation)
            outcomes.append(scored.assign(sample=sample["sample"]))
            sums.append(detection_sums(scored[scored.resolved & ~scored.hidden]))
            truth = truths[position]
            judged = found[is_scored(found, extent, 0.0, truth.hull) & is_judged(found, truth)]
            published.append(published_scores(judged, truth.positions, sample.pixel_size_A))
        scored_images = pd.concat([samples, detection_metrics(pd.DataFrame(sums)), pd.DataFrame(published)], axis=1)
        for path, table in zip(paths, (pd.concat(outcomes), scored_images.assign(note=maps.note))):
            with whole(path) as partial:
                table.to_parquet(partial, index=False)


if __name__ == "__main__":
    with running(snakemake):
        outputs = snakemake.output
        evaluate(snakemake, snakemake.input.test, outputs.columns, outputs.images, exact=snakemake.params.exact)
