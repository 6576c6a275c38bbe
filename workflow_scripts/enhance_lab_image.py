"""Enhance a block of a lab image by one method, as it was recorded and at a low dose."""

import numpy as np
import pandas as pd
from enhancement_method import enhanced
from job import running
from stembench.evaluation.examples import Examples
from stembench.lab.degradation import lab_examples
from stembench.lab.store import open_lab_image

if __name__ == "__main__":
    with running(snakemake):
        image, dose = open_lab_image(snakemake.input.image), snakemake.params.counts_per_px
        shown, pixel_size = lab_examples(np.asarray(image, float), snakemake.input.testset, dose)
        doses = [snakemake.params.recorded_counts_per_px, dose]
        samples = pd.DataFrame({"pixel_size_A": pixel_size, "counts_per_px": doses})
        outputs = enhanced(snakemake, shown, samples).astype("float32")
        titles = np.array(["as recorded", f"{dose:g} e/px"])
        examples = Examples(titles, samples.pixel_size_A.to_numpy(), shown, outputs, np.empty((0, 0, 0)))
        examples.write(snakemake.output.examples)
