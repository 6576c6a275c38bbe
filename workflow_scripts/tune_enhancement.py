"""A classical filter's settings for each dose, by PSNR on validation images."""

import numpy as np
from job import running
from stembench.baselines.filters import tuning_candidates
from stembench.datasets.store import open_shards, read_table
from stembench.evaluation.tuning import best_by_level, dose_levels
from stembench.products import write_json

if __name__ == "__main__":
    with running(snakemake):
        shards, method = snakemake.input.validation, snakemake.wildcards.method
        stored = open_shards(shards, ["image", "noBackgroundnoNoise"])
        scores = []
        for i in range(stored.sizes["sample"]):
            image, target = stored.image.values[i], stored.noBackgroundnoNoise.values[i]
            candidates = tuning_candidates(method, image, float(stored.pixel_size_A[i]))
            scores.append({s: -10 * np.log10(np.mean((output - target) ** 2)) for s, output in candidates})
        levels = best_by_level(dose_levels(read_table(shards, "samples")), scores)
        write_json(snakemake.output.settings, {"method": method, "levels": levels})
