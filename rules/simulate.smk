"""Simulate: multislice tiles, one in-plane period of a crystal each.

Requires results/structures/, structures/{material}.cif
Makes    results/{scale}/tiles/{material}/{zone}/{condition}/tile.zarr
"""

from importlib.util import find_spec

# A tile that is computed on a GPU takes all of it.
MULTISLICE_GPU = GPU and CONFIG.multislice.device != "cpu" and find_spec("cupy") is not None


rule simulate_tile:
    input:
        cif=lambda wildcards: LAYOUT.cif(wildcards.material),
        projection=LAYOUT.projection,
    output:
        folder=directory(LAYOUT.tile),
    log:
        LAYOUT.log("simulate_tile", "{material}_{zone}_{condition}"),
    benchmark:
        LAYOUT.benchmark("simulate_tile", "{material}_{zone}_{condition}")
    conda:
        "../envs/structures.yaml"
    resources:  # these do not change the tile
        gpu=int(MULTISLICE_GPU),
        multislice_device=CONFIG.multislice.device,
    params:
        code=code("simulate_tile"),
        tile=lambda wildcards: PLAN.datasets.tile(wildcards.material, wildcards.condition),
    message:
        "Simulate {wildcards.material} along [{wildcards.zone}] at {wildcards.condition}"
    script:
        "../workflow_scripts/simulate_tile.py"


rule tiles:
    input:
        PLAN.datasets.all_tiles(),
