"""Project a crystal structure along a zone axis."""

from job import running
from stembench.crystals.cif import read_crystal
from stembench.crystals.projection import project_structure
from stembench.crystals.zones import parse_zone
from stembench.products import write_json

if __name__ == "__main__":
    with running(snakemake):
        zone = parse_zone(snakemake.wildcards.zone)
        projection = project_structure(read_crystal(snakemake.input.cif), zone)
        identity = {"material": snakemake.wildcards.material, "zone": snakemake.wildcards.zone, "uvw": zone}
        write_json(snakemake.output.projection, identity | projection.to_dict())
