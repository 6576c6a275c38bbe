"""Project a crystal structure along a zone axis."""

from job import running, say
from stembench.crystals.cif import read_crystal
from stembench.crystals.material import vacuum
from stembench.crystals.names import cif_and_phase
from stembench.crystals.projection import project_structure
from stembench.crystals.zones import parse_zone
from stembench.products import write_json

if __name__ == "__main__":
    with running(snakemake):
        names, zone = snakemake.wildcards, parse_zone(snakemake.wildcards.zone)
        crystal = read_crystal(snakemake.input.cif, cif_and_phase(names.material)[1])
        projection, remarks = project_structure(crystal, zone), list(crystal.remarks)
        if gap := vacuum(projection):
            remarks.append(f"{gap:.1f} A of vacuum along [{names.zone}]: one period is taken as a single layer")
        for remark in remarks:
            say(f"{snakemake.input.cif}: {remark}")
        about = {"material": names.material, "zone": names.zone, "uvw": zone, "remarks": remarks}
        write_json(snakemake.output.projection, about | projection.to_dict())
