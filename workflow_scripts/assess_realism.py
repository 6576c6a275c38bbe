"""Compare calibrated, published and TEMImageNet noise, and images of datasets, with real images."""

import numpy as np
from job import running, say
from stembench.datasets.store import open_shards
from stembench.lab.store import open_lab_image
from stembench.noise.realism import assess_instruments, can_be_assessed
from stembench.products import whole

if __name__ == "__main__":
    with running(snakemake):
        params = snakemake.params
        stored = {name: open_lab_image(folder) for name, folder in zip(params.images, snakemake.input.images)}
        instruments = {
            instrument: {name: stored[name] for name in names} for instrument, names in params.instruments.items()
        }
        for instrument, images in instruments.items():
            if small := ", ".join(name for name, image in images.items() if not can_be_assessed(image)):
                say(f"{instrument}: half of {small} is too small to calibrate on, so it is not assessed")
        shards = iter(snakemake.input.shards)
        datasets = {
            instrument: {name: open_shards([next(shards)], ["image"])["image"] for name in names}
            for instrument, names in params.datasets.items()
        }
        fractions = params.dark_field_fraction, params.bright_field_fraction
        table, crops = assess_instruments(instruments, *fractions, datasets)
        with whole(snakemake.output.distances) as path:
            table.to_parquet(path, index=False)
        with whole(snakemake.output.crops) as path:
            np.savez(path, **crops)
