"""Tune a classical filter for each dose, by PSNR against the labels of a task on validation images."""

import numpy as np
from job import running
from stembench.baselines.filters import FILTERS
from stembench.datasets.labels import TASK_LABELS, upsampled
from stembench.datasets.store import open_shards, read_table
from stembench.evaluation.tuning import best_by_level, dose_levels
from stembench.products import write_json

if __name__ == "__main__":
    with running(snakemake):
        shards, method, task = snakemake.input.validation, snakemake.wildcards.method, snakemake.wildcards.task
        chosen, wanted = FILTERS.load(method), TASK_LABELS[task]
        resized = upsampled if wanted.endswith("2x") else np.asarray
        stored = open_shards(shards, ["image", wanted])
        scores = []
        for i in range(stored.sizes["sample"]):
            image, target = stored.image.values[i], stored[wanted].values[i]
            candidates = chosen.candidates(image, float(stored.pixel_size_A[i]))
            errors = {settings: np.mean((resized(output) - target) ** 2) for settings, output in candidates}
            scores.append({settings: -10 * np.log10(max(error, 1e-12)) for settings, error in errors.items()})
        levels = best_by_level(dose_levels(read_table(shards, "samples")), scores)
        write_json(snakemake.output.settings, {"method": method, "levels": levels})
