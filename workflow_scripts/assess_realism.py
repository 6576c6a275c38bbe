"""How near calibrated, published and TEMImageNet noise come to the noise of real images."""

import pandas as pd
from job import running, say
from stembench.lab.store import open_lab_image
from stembench.noise.realism import assess, can_be_assessed
from stembench.reporting.realism_figure import plot_realism
from stembench.reporting.tables import write_table

if __name__ == "__main__":
    with running(snakemake):
        params = snakemake.params
        stored = {name: open_lab_image(folder) for name, folder in zip(params.images, snakemake.input.images)}
        tables, versions = [], {}
        for instrument, names in params.instruments.items():
            images = {name: stored[name] for name in names if can_be_assessed(stored[name])}
            if len(images) < len(names):
                left_out = ", ".join(name for name in names if name not in images)
                say(f"{instrument}: half of {left_out} is too small to calibrate on, so it is not assessed")
            if images:
                table, shown = assess(images, params.dark_field_fraction, params.bright_field_fraction)
                table.insert(0, "instrument", instrument)
                tables.append(table)
                versions |= {(instrument, name): each for name, each in shown.items()}
        table = pd.concat(tables) if tables else pd.DataFrame(columns=["instrument", "image", "noise", "statistic"])
        write_table(table, snakemake.output.table)
        pixel_sizes = {name: image.attrs["pixel_size_A"] for name, image in stored.items()}
        plot_realism(table, versions, pixel_sizes, snakemake.output.figure)
