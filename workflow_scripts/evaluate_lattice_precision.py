"""Measure the lattice in images of one crystal by a detection method: spacings, response to displaced columns."""

import numpy as np
import pandas as pd
from detection_method import maps_of, reader_of
from job import running
from stembench.datasets.store import columns_by_sample, read_hull, read_table
from stembench.errors import CannotLoadError
from stembench.evaluation.displacement_response import responses
from stembench.evaluation.lattice_precision import AXES, DENOISER, spacings
from stembench.evaluation.matching import is_scored
from stembench.evaluation.tuning import dose_levels, read_tuning
from stembench.localisation.peaks import PeakSettings
from stembench.products import whole

if __name__ == "__main__":
    with running(snakemake):
        shard, border = [snakemake.input.images], snakemake.params.border_A
        samples, displaced, hull = read_table(shard, "samples"), columns_by_sample(shard)[0], read_hull(shard)
        try:
            maps = maps_of(snakemake, shard)
            settings = read_tuning(snakemake.input.settings, PeakSettings, dose_levels(samples)[0])
            read = reader_of(snakemake, maps, snakemake.params.localiser)
        except CannotLoadError:
            maps = None  # nothing is found
        measured = {"spacings": [], "responses": []}
        for first in range(0, len(samples), 2):  # an image, and the same with columns displaced
            sample = samples.iloc[first]
            before, after, extent = np.empty((0, 2)), np.empty((0, 2)), (1.0, 1.0)
            if maps:
                before, after = (read(position, sample, settings) for position in (first, first + 1))
                extent = tuple(n * sample.pixel_size_A for n in maps.surfaces[first].shape)
            vectors = {axis: sample[[f"{axis}_x_A", f"{axis}_y_A"]].to_numpy(float) for axis in AXES}
            inside = is_scored(before, extent, border, hull)
            shown = {name: sample[name] for name in DENOISER if name in sample}
            spaced = spacings(before[inside], np.array(list(vectors.values())), extent)
            measured["spacings"].append(spaced.assign(**shown))
            measured["responses"].append(responses(before, after, displaced, vectors).assign(**shown))
        for name, tables in measured.items():
            with whole(snakemake.output[name]) as partial:
                pd.concat(tables, ignore_index=True).to_parquet(partial, index=False)
