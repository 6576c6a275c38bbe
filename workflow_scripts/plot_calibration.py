"""Plot measured against fitted noise of an instrument."""

from job import running
from stembench.lab.store import open_lab_image
from stembench.noise.calibration import calibrated_part
from stembench.products import read_json
from stembench.reporting.calibration_figure import plot_calibration

if __name__ == "__main__":
    with running(snakemake):
        calibration = read_json(snakemake.input.parameters)
        folders = dict(zip(snakemake.params.images, snakemake.input.images))
        images = {name: calibrated_part(open_lab_image(folders[name])) for name in calibration["images"]}
        plot_calibration(images, calibration, snakemake.output.figure)
