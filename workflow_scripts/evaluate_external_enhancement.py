"""Score images that a method made elsewhere of a simulated test set, and keep some as examples."""

from pathlib import Path

import numpy as np
from evaluate_enhancement import read, score
from job import running
from stembench.evaluation.external_images import read_enhanced

if __name__ == "__main__":
    with running(snakemake):
        stored, samples = read(snakemake)
        files = {Path(file).name: file for file in snakemake.input.predictions}
        images = enumerate(stored["image"])
        outputs = np.stack([read_enhanced(files, position, image.shape) for position, image in images])
        score(snakemake, stored, samples, outputs, outputs)
