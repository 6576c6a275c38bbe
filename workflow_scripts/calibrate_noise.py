"""Fit noise parameters, gain, dose and row jitter of an instrument, and its probe where a dataset draws it."""

from job import running
from stembench.config import Condition
from stembench.lab.store import open_lab_image
from stembench.noise.calibration import calibrate, calibrated_part
from stembench.noise.fitted_probes import fit_probes
from stembench.products import write_json

if __name__ == "__main__":
    with running(snakemake):
        params = snakemake.params
        stored = {name: open_lab_image(folder) for name, folder in zip(params.images, snakemake.input.images)}
        images = {name: calibrated_part(image) for name, image in stored.items()}
        product = {"instrument": snakemake.wildcards.instrument} | calibrate(images, mode=params.mode)
        if params.conditions:
            conditions = {name: Condition(**known) for name, known in params.conditions.items()}
            used = {name: images[name] for name in product["images"]}
            product["probes"] = fit_probes(used, conditions, product["row_jitter"], params.mode)
        write_json(snakemake.output.parameters, product)
