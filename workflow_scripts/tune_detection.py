"""Tune a detection method for each dose, by F1 on validation images."""

from detection_method import finder_of, maps_of
from job import running
from stembench.baselines.finders import FINDERS
from stembench.config import Evaluation
from stembench.datasets.store import columns_by_sample, read_table
from stembench.errors import CannotLoadError
from stembench.evaluation.tuning import MAP_SETTINGS, tune_peaks
from stembench.products import write_json

if __name__ == "__main__":
    with running(snakemake):
        shards, method = snakemake.input.validation, snakemake.wildcards.method
        grid = MAP_SETTINGS if snakemake.params.network else FINDERS.load(method).settings
        evaluation, find = Evaluation(**snakemake.params.evaluation), finder_of(snakemake)
        samples, columns = read_table(shards, "samples"), columns_by_sample(shards)
        try:
            maps = maps_of(snakemake, shards)
            samples = samples.assign(pixel_size_A=maps.pixel_sizes)
            levels = tune_peaks(maps.surfaces, samples, columns, grid, evaluation, find)
        except CannotLoadError:
            levels = {}
        write_json(snakemake.output.settings, {"method": method, "levels": levels})
