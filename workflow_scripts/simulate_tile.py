"""Simulate a multislice tile: one in-plane period of a crystal under one imaging condition, all thicknesses."""

from job import running, say
from stembench.config import Multislice
from stembench.crystals.cif import read_crystal
from stembench.crystals.material import Material
from stembench.crystals.names import cif_and_phase
from stembench.crystals.supercell import supercell_along
from stembench.crystals.zones import parse_zone
from stembench.imaging.limits import cell_width
from stembench.imaging.multislice import simulate_tile
from stembench.imaging.probe import Probe
from stembench.products import provenance, whole, write_checksums

if __name__ == "__main__":
    with running(snakemake):
        names, tile = snakemake.wildcards, snakemake.params.tile
        material = Material.read(snakemake.input.projection, tile["single_layer"])
        settings, probe = Multislice(**tile["multislice"]), Probe(**tile["probe"])
        period = material.projection.period
        periods = {max(1, int(t / period + 1e-6)) for t in settings.thicknesses_A if t <= tile["thickest_A"]}
        thicknesses = [period * n for n in sorted({1} if material.single_layer else periods or {1})]
        width = cell_width(probe, thicknesses[-1], settings.cell_A)
        crystal = read_crystal(snakemake.input.cif, cif_and_phase(names.material)[1])
        cell = supercell_along(names.material, crystal, parse_zone(names.zone), width)
        edges = " x ".join(f"{edge:.2f}" for edge in cell.edges)
        say(f"{names.material} [{names.zone}]: cell of {edges} A, strained by {100 * cell.strain:.3f} % in the image")
        if cell.climb:
            say(f"columns shifted along the beam by {100 * cell.climb:.1f} % of their distance from each other")
        simulated = simulate_tile(
            material.projection,
            probe,
            tile["detectors"],
            thicknesses,
            cell_width=width,
            sampling=settings.sampling_A,
            slice_thickness=settings.slice_A,
            phonons=tile["phonons"],
            seed=settings.seed,
            segmented=tile["segmented"],
            threads=snakemake.threads,
            device=snakemake.resources.multislice_device,
        )
        dataset = simulated.to_dataset().assign_attrs(provenance=provenance())
        with whole(snakemake.output.folder) as partial:
            dataset.to_zarr(partial / "tile.zarr", zarr_format=3, consolidated=False)
            write_checksums(partial)
