"""Noise parameters, gain, dose and row jitter of an instrument."""

from job import running
from stembench.lab.store import open_lab_image
from stembench.noise.calibration import calibrate
from stembench.products import write_json

if __name__ == "__main__":
    with running(snakemake):
        images = {name: open_lab_image(f) for name, f in zip(snakemake.params.images, snakemake.input.images)}
        named = {"instrument": snakemake.wildcards.instrument, "images": list(images)}
        write_json(snakemake.output.parameters, named | calibrate(images))
