"""Fit noise parameters, gain, dose and row jitter of an instrument."""

from job import running
from stembench.lab.store import open_lab_image
from stembench.noise.calibration import calibrate, calibrated_part
from stembench.products import write_json

if __name__ == "__main__":
    with running(snakemake):
        params = snakemake.params
        stored = {name: open_lab_image(folder) for name, folder in zip(params.images, snakemake.input.images)}
        images = {name: calibrated_part(image) for name, image in stored.items()}
        named = {"instrument": snakemake.wildcards.instrument}
        write_json(snakemake.output.parameters, named | calibrate(images, mode=params.mode))
