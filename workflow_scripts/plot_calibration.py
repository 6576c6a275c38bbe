"""What calibration saw of an instrument's noise, and what it fitted."""

from job import running
from stembench.lab.store import open_lab_image
from stembench.products import read_json
from stembench.reporting.calibration_figure import plot_calibration

if __name__ == "__main__":
    with running(snakemake):
        images = {name: open_lab_image(f) for name, f in zip(snakemake.params.images, snakemake.input.images)}
        plot_calibration(images, read_json(snakemake.input.parameters), snakemake.output.figure)
