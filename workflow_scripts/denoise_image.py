"""Denoise every frame of an image with a trained network."""

import numpy as np
from job import running
from stembench.application.denoising import denoise
from stembench.application.tiling import progress_bar
from stembench.lab.store import frames_of, open_lab_image
from stembench.products import read_json, whole

if __name__ == "__main__":
    with running(snakemake):
        image, name = open_lab_image(snakemake.input.image), snakemake.wildcards.image
        network, denoised = read_json(snakemake.input.networks)["denoise"]["folder"], []
        for frame in frames_of(image):
            with progress_bar(name) as progress:
                told = {"mode": image.attrs["mode"], "progress": progress}
                denoised.append(denoise(frame, image.attrs["pixel_size_A"], network, **told))
        with whole(snakemake.output.image) as partial, partial.open("wb") as file:
            np.save(file, np.stack(denoised).reshape(image.shape))
