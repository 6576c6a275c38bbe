"""Find the columns in every frame of an image with a trained network."""

import pandas as pd
from job import running, say
from stembench.application.columns import find_columns
from stembench.application.tiling import progress_bar
from stembench.crystals.projection import Projection
from stembench.lab.store import frames_of, open_lab_image
from stembench.products import read_json, whole

if __name__ == "__main__":
    with running(snakemake):
        image, params, name = open_lab_image(snakemake.input.image), snakemake.params, snakemake.wildcards.image
        told = {"mode": image.attrs["mode"], "refine": params.refine}
        for path in snakemake.input.structure:
            told["structure"] = Projection.from_dict(read_json(path))
        network = read_json(snakemake.input.networks)["localise"]["folder"]
        tables = []
        for number, frame in enumerate(frames_of(image)):
            with progress_bar(name) as progress:
                found = find_columns(frame, image.attrs["pixel_size_A"], network, **told, progress=progress)
            tables.append(found.assign(frame=number))
        columns = pd.concat(tables, ignore_index=True)
        say(f"{name}: {len(columns)} columns")
        with whole(snakemake.output.columns) as partial:
            columns.to_parquet(partial, index=False)
