"""A detection method on a test set, by each localiser: what became of every column, and the metrics of every image."""

import numpy as np
import pandas as pd
from detection_method import Maps, finder_of, maps_of
from job import running
from stembench.baselines.detectors import DETECTORS
from stembench.config import Evaluation
from stembench.datasets.store import columns_by_sample, read_table
from stembench.errors import CannotLoadError
from stembench.evaluation.matching import Truth, score_columns
from stembench.evaluation.metrics import detection_metrics, detection_sums
from stembench.evaluation.tuning import dose_levels, read_tuning
from stembench.localisation.peaks import PeakSettings
from stembench.localisation.registry import localise
from stembench.products import whole


def columns_in(
    maps: Maps, position: int, sample: pd.Series, settings: PeakSettings, method: str, localiser: str | None
) -> np.ndarray:
    """Positions x and y [A] of what is found in one of the maps; a classical method has no localiser beside itself."""
    surface, pixel_size = maps.surfaces[position], sample.pixel_size_A
    if localiser:
        known = {"settings": settings, "architecture": maps.architecture, "spacing": maps.spacings[position]}
        return localise(localiser, surface, pixel_size, **known)
    if method in DETECTORS:
        return DETECTORS[method](surface, pixel_size, settings)
    return finder_of(snakemake)(surface, sample, settings)[0]


if __name__ == "__main__":
    with running(snakemake):
        evaluation, method = Evaluation(**snakemake.params.evaluation), snakemake.wildcards.method
        shards = snakemake.input.test
        samples, columns = read_table(shards, "samples"), columns_by_sample(shards)
        truths = [Truth.of(columns[number], evaluation) for number in samples["sample"]]
        try:
            maps = maps_of(snakemake, shards)
        except CannotLoadError as error:
            maps = Maps(None, None, "", str(error))  # nothing is found, and nothing missed
        for localiser, *paths in zip(snakemake.params.localisers, snakemake.output.columns, snakemake.output.images):
            outcomes, sums = [], []
            for position, (level, (_, sample)) in enumerate(zip(dose_levels(samples), samples.iterrows())):
                found, extent = np.empty((0, 2)), (0.0, 0.0)
                if maps.surfaces is not None:
                    settings = read_tuning(snakemake.input.settings, PeakSettings, level)
                    found = columns_in(maps, position, sample, settings, method, localiser)
                    extent = tuple(n * sample.pixel_size_A for n in maps.surfaces[position].shape)
                scored = score_columns(found, truths[position], extent, evaluation)
                outcomes.append(scored.assign(sample=sample["sample"]))
                sums.append(detection_sums(scored[scored.resolved & ~scored.hidden], evaluation.match_radius_A))
            images = pd.concat([samples, detection_metrics(pd.DataFrame(sums))], axis=1).assign(note=maps.note)
            for path, table in zip(paths, (pd.concat(outcomes), images)):
                with whole(path) as partial:
                    table.to_parquet(partial, index=False)
