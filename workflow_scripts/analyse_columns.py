"""Analyse the columns of an image, after the user's corrections: lattice, species, displacements and strain."""

import pandas as pd
import xarray as xr
from job import running, say
from stembench.application.corrections import corrected, read_corrections
from stembench.application.lattice import analyse
from stembench.application.refinement import refinement
from stembench.crystals.projection import Projection
from stembench.errors import InputError
from stembench.imaging.detectors import DARK_FIELD
from stembench.lab.store import frames_of, open_lab_image
from stembench.products import read_json, read_parquet, whole, write_json
from stembench.reporting.applied_summary import applied_summary

#: First columns of `columns.csv`; those of the analysis follow.
FIRST = ["frame", "x_px", "y_px", "x_A", "y_A", "sublattice", "species", "intensity", "confidence", "uncertainty_pm"]


def with_corrections(found: pd.DataFrame, image: xr.DataArray, path: str) -> pd.DataFrame:
    """Return the columns that a network found with the user's corrections; own columns get the image's intensity."""
    from stembench.application.measuring import COLUMN_SIGMA_A, gaussian_means  # with torch

    frames, pixel_size = frames_of(image), image.attrs["pixel_size_A"]
    shape = tuple(image.attrs[f"file_{edge}_px"] for edge in ("height", "width"))
    pixel_sizes = tuple(image.attrs[f"file_pixel_size_{axis}_A"] for axis in "xy")
    corrections = read_corrections(path, path, shape=shape, pixel_sizes=pixel_sizes, frames=len(frames))
    say(f"{path}: {len(corrections)} corrections")
    columns = corrected(found, corrections)
    for number, frame in enumerate(frames):
        own = (columns.origin != "network") & (columns.frame == number)
        places = columns.loc[own, ["x_A", "y_A"]].to_numpy(float) / pixel_size
        columns.loc[own, "intensity"] = gaussian_means(frame, places, COLUMN_SIGMA_A / pixel_size)
    return columns


if __name__ == "__main__":
    with running(snakemake):
        params, name = snakemake.params, snakemake.wildcards.image
        image, found = open_lab_image(snakemake.input.image), read_parquet(snakemake.input.found)
        columns, refusal = found.assign(origin="network"), None
        for path in snakemake.input.corrections:
            try:
                columns = with_corrections(found, image, path)
            except InputError as error:
                refusal = str(error)
                say(refusal)
        crystal, assumed = None, []
        for path in snakemake.input.projection:
            stored = read_json(path)
            crystal = Projection.from_dict(stored)
            assumed = [f"structure {stored['material']}: {remark}" for remark in stored["remarks"]]
        extent = tuple(n * image.attrs["pixel_size_A"] for n in image.shape[-2:])
        # Dark columns are the heavier the darker.
        bright = 1 if image.attrs["mode"] in DARK_FIELD else -1
        chosen, tables, summaries = read_json(snakemake.input.networks), [], []
        networks = {use: chosen[use]["folder"] for use in ("localise", "denoise")}
        for number in range(len(frames_of(image))):
            of_frame = columns[columns.frame == number]
            table, summary = analyse(of_frame.assign(intensity=bright * of_frame.intensity), extent, crystal)
            tables.append(table.assign(intensity=of_frame.intensity))
            for sublattice in summary["sublattices"]:
                sublattice["intensity"] = sublattice["intensity"] and bright * sublattice["intensity"]
            if params.refined:
                at = ["network_x_A", "network_y_A"]
                before = of_frame.loc[of_frame.origin == "network", at].set_axis(["x_A", "y_A"], axis=1)
                summary["refinement"] = refinement(before, table[table.origin == "network"], summary, extent)
            summary["remarks"] += assumed
            if "only_with_structure" in of_frame:
                number = int(of_frame.only_with_structure.eq(True).sum())  # the user's own columns have NaN
                summary["columns_only_with_structure"] = number
                summary["remarks"].append(
                    f"{number} of {len(of_frame)} columns were found only because the network was told the structure "
                    "(only_with_structure in columns.csv): look at these, the image itself may not show them"
                )
            if refusal:
                summary["remarks"].append(f"the corrections were not used: {refusal}")
            summaries.append(summary | {"network": networks["localise"], "denoiser": networks["denoise"]})
        analysed = pd.concat(tables, ignore_index=True)
        analysed["x_px"] = analysed.x_A / image.attrs["file_pixel_size_x_A"]
        analysed["y_px"] = analysed.y_A / image.attrs["file_pixel_size_y_A"]
        with whole(snakemake.output.columns) as partial:
            analysed[[*FIRST, *analysed.columns.difference(FIRST, sort=False)]].to_csv(partial, index=False)
        told = {"image": image.attrs} | summaries[0] | {"frames": summaries[1:], "corrections_refused": refusal}
        write_json(snakemake.output.summary, told)
        with whole(snakemake.output.page) as partial:
            partial.write_text(applied_summary(name, image.attrs, summaries[0], analysed), encoding="utf-8")
