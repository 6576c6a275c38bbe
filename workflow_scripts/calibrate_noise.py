"""Noise parameters of an instrument, and a figure that shows data and fit."""

import numpy as np
from job import running
from stembench.lab.store import open_lab_image
from stembench.noise.calibration import calibrate, parameters_of
from stembench.products import write_json
from stembench.reporting.calibration_figure import plot_calibration

if __name__ == "__main__":
    with running(snakemake):
        images = {name: open_lab_image(f) for name, f in zip(snakemake.params.images, snakemake.input.images)}
        calibration = calibrate([np.asarray(image) for image in images.values()])
        write_json(
            snakemake.output.parameters,
            {"instrument": snakemake.wildcards.instrument, "images": list(images)} | calibration,
        )
        plot_calibration(images, parameters_of(calibration), snakemake.output.figure)
