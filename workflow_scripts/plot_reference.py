"""The reference columns of a lab image, to be checked by eye."""

import numpy as np
from job import running
from stembench.config import LabTestset
from stembench.lab.degradation import reference_columns
from stembench.lab.store import open_lab_image, read_marked
from stembench.reporting.lab_figures import plot_reference

if __name__ == "__main__":
    with running(snakemake):
        image = open_lab_image(snakemake.input.image)
        values, pixel_size = np.asarray(image, float), image.attrs["pixel_size_A"]
        settings = LabTestset(**snakemake.params.settings)
        marked = read_marked(snakemake.input.image)
        columns = reference_columns(values, pixel_size, image.attrs["mode"], settings, marked)
        plot_reference(values, pixel_size, columns, snakemake.output.figure, outlined=marked is not None)
