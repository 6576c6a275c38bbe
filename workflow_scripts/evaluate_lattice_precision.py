"""A detection method on an image of one crystal: the spacings of its columns, and what it finds of displacements."""

import numpy as np
from detection_method import maps_of, reader_of
from job import running
from stembench.datasets.store import columns_by_sample, read_hull, read_table
from stembench.errors import CannotLoadError
from stembench.evaluation.displacement_response import responses
from stembench.evaluation.lattice_precision import AXES, spacings
from stembench.evaluation.matching import is_scored
from stembench.evaluation.tuning import dose_levels, read_tuning
from stembench.localisation.peaks import PeakSettings
from stembench.products import whole

if __name__ == "__main__":
    with running(snakemake):
        shard, border = [snakemake.input.images], snakemake.params.border_A
        samples, displaced = read_table(shard, "samples"), columns_by_sample(shard)[0]
        sample, (level, _) = samples.iloc[0], dose_levels(samples)
        try:
            maps = maps_of(snakemake, shard)
            settings = read_tuning(snakemake.input.settings, PeakSettings, level)
            read = reader_of(snakemake, maps, snakemake.params.localiser)
            before, after = (read(position, sample, settings) for position in (0, 1))
            extent = tuple(n * sample.pixel_size_A for n in maps.surfaces[0].shape)
        except CannotLoadError:
            before, after, extent = np.empty((0, 2)), np.empty((0, 2)), (1.0, 1.0)  # nothing is found
        vectors = {axis: sample[[f"{axis}_x_A", f"{axis}_y_A"]].to_numpy(float) for axis in AXES}
        inside = is_scored(before, extent, border, read_hull(shard))
        tables = {
            snakemake.output.spacings: spacings(before[inside], np.array(list(vectors.values())), extent),
            snakemake.output.responses: responses(before, after, displaced, vectors),
        }
        for path, table in tables.items():
            with whole(path) as partial:
                table.to_parquet(partial, index=False)
