"""Simulate: multislice tiles, one in-plane period of a crystal each, and where they part from the linear model.

Requires results/structures/, structures/{material}.cif
Makes    results/tiles/{material}/{zone}/{condition}/tile.zarr
         results/figures/thickness.{png,pdf}
"""


rule simulate_tile:
    input:
        cif="structures/{material}.cif",
        projection="results/structures/{material}/{zone}/projection.json",
    output:
        folder=directory("results/tiles/{material}/{zone}/{condition}"),
    log:
        "results/logs/simulate_tile/{material}_{zone}_{condition}.log",
    benchmark:
        "results/benchmarks/simulate_tile/{material}_{zone}_{condition}.tsv"
    conda:
        "../envs/structures.yaml"
    params:
        code=code("simulate_tile"),
        probe=tile_probe,
        detectors=lambda wildcards: detectors_of(CONFIG.imaging.conditions[wildcards.condition]),
        multislice=TILE_SETTINGS,
        single_layer=lambda wildcards: wildcards.material in CONFIG.structures.single_layers,
        phonons=SCALE.phonons,
        thickest_A=SCALE.thickest_A,
    message:
        "Simulate {wildcards.material} along [{wildcards.zone}] at {wildcards.condition}"
    script:
        "../workflow_scripts/simulate_tile.py"


rule tiles:
    input:
        [
            f"results/tiles/{material}/{zone}/{condition}"
            for material, zones in MATERIALS.items()
            for zone in zones
            for condition in CONFIG.multislice.conditions
        ],


rule plot_thickness:
    input:
        projections=[f"results/structures/{path}/projection.json" for path in COMPARED],
        tiles=[f"results/tiles/{path}/{SHOWN_CONDITION}" for path in COMPARED],
    output:
        reported_figure("thickness", "Structures"),
    log:
        "results/logs/plot_thickness.log",
    conda:
        "../envs/structures.yaml"
    params:
        code=code("plot_thickness"),
        condition=section(CONFIG.imaging.conditions[SHOWN_CONDITION]),
        strengths=STRENGTHS,
    message:
        "Compare the linear model with multislice"
    script:
        "../workflow_scripts/plot_thickness.py"
