"""A detection method's settings for each dose, by F1 on validation images."""

from job import running
from stembench.baselines.detectors import settings_grid
from stembench.config import Evaluation
from stembench.datasets.store import columns_by_sample, open_shards, read_table
from stembench.evaluation.priors import told
from stembench.evaluation.tuning import MAP_SETTINGS, tune_peaks
from stembench.products import write_json

if __name__ == "__main__":
    with running(snakemake):
        shards = snakemake.input.validation
        images = open_shards(shards, ["image"]).image.values
        grid = settings_grid(snakemake.wildcards.method)
        if snakemake.params.network:
            from stembench.crystals.material import structures_of
            from stembench.networks.registry import TrainedNetwork

            structures = told(structures_of(snakemake.input.structures), snakemake.params.prior)
            images, grid = TrainedNetwork(snakemake.params.network).maps_of(shards, structures), MAP_SETTINGS
        evaluation = Evaluation(**snakemake.params.evaluation)
        levels = tune_peaks(images, read_table(shards, "samples"), columns_by_sample(shards), grid, evaluation)
        write_json(snakemake.output.settings, {"method": snakemake.wildcards.method, "levels": levels})
