"""Tune a classical filter for each dose, by PSNR against the labels of a task on validation images.

Once as images are, and once with gain and offset free.
"""

import numpy as np
from job import running
from stembench.baselines.filters import FILTERS
from stembench.datasets.labels import TASK_LABELS, upsampled
from stembench.datasets.store import open_shards, read_table
from stembench.evaluation.scale import on_its_scale
from stembench.evaluation.tuning import FREE, best_by_level, dose_levels
from stembench.products import write_json

if __name__ == "__main__":
    with running(snakemake):
        shards, method, task = snakemake.input.validation, snakemake.wildcards.method, snakemake.wildcards.task
        chosen, wanted = FILTERS.load(method), TASK_LABELS[task]
        resized = upsampled if wanted.endswith("2x") else np.asarray
        stored = open_shards(shards, ["image", wanted])
        scores: list[dict] = []
        free_scores: list[dict] = []
        for i in range(len(stored["image"])):
            image, target = stored["image"][i], stored[wanted][i]
            errors, free_errors = {}, {}
            for settings, output in chosen.candidates(image, float(stored["pixel_size_A"][i])):
                enhanced = resized(output)
                errors[settings] = np.mean((enhanced - target) ** 2)
                free_errors[settings] = np.mean((on_its_scale(enhanced, target) - target) ** 2)
            for found, tried in ((scores, errors), (free_scores, free_errors)):
                found.append({settings: -10 * np.log10(max(error, 1e-12)) for settings, error in tried.items()})
        at = dose_levels(read_table(shards, "samples"))
        plain = best_by_level(at, scores, metric="psnr_db")
        free = best_by_level(at, free_scores, prefix=FREE, metric="psnr_free_db")
        levels = {level: plain[level] | free[level] for level in plain}
        write_json(snakemake.output.settings, {"method": method, "levels": levels})
