"""Draw an image and its columns."""

import numpy as np
import pandas as pd
from job import running
from stembench.lab.store import open_lab_image
from stembench.products import read_json
from stembench.reporting.applied_figures import (
    draw_denoised,
    plot_denoised,
    plot_displacements,
    plot_image_spacings,
    plot_overlay,
    plot_spectra,
    plot_strain,
)

if __name__ == "__main__":
    with running(snakemake):
        image, name, to = open_lab_image(snakemake.input.image), snakemake.wildcards.image, snakemake.output
        columns = pd.read_csv(snakemake.input.columns, keep_default_na=False, na_values=[""])
        denoised = np.load(snakemake.input.denoised, mmap_mode="r")
        plot_overlay(image, columns, name, to.overlay)
        plot_denoised(image, denoised, columns, name, to.comparison)
        draw_denoised(image, denoised, to.denoised)
        plot_spectra(image, denoised, columns, name, to.spectra)
        plot_displacements(image, columns, name, to.displacements)
        plot_strain(image, columns, name, to.strain)
        plot_image_spacings(image, columns, read_json(snakemake.input.summary), name, to.spacings)
