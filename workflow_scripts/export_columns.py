"""Export the columns of an image for other programs, and the denoised image on the image's own scale."""

import numpy as np
import pandas as pd
from job import running
from stembench.application.exports import write_hspy, write_tiff, write_xyz
from stembench.lab.store import open_lab_image

if __name__ == "__main__":
    with running(snakemake):
        image, name, to = open_lab_image(snakemake.input.image), snakemake.wildcards.image, snakemake.output
        columns = pd.read_csv(snakemake.input.columns, keep_default_na=False, na_values=[""])
        write_hspy(image, columns, name, to.hyperspy)
        write_xyz(image, columns, name, to.xyz)
        write_tiff(image, np.load(snakemake.input.denoised), to.tiff)
