"""Noise parameters of an instrument."""

import numpy as np
from job import running
from stembench.lab.store import open_lab_image
from stembench.noise.calibration import calibrate
from stembench.products import write_json

if __name__ == "__main__":
    with running(snakemake):
        images = {name: open_lab_image(f) for name, f in zip(snakemake.params.images, snakemake.input.images)}
        calibration = calibrate({name: np.asarray(image) for name, image in images.items()})
        write_json(
            snakemake.output.parameters,
            {"instrument": snakemake.wildcards.instrument, "images": list(images)} | calibration,
        )
