"""Structures: CIF and zone axis to the projected crystal.

Requires structures/{material}.cif
Makes    results/structures/{material}/{zone}/projection.json and structure.png
"""


rule project_structure:
    input:
        cif=lambda wildcards: LAYOUT.cif(wildcards.material),
    output:
        projection=LAYOUT.projection,
    log:
        LAYOUT.log("project_structure", "{material}_{zone}"),
    benchmark:
        LAYOUT.benchmark("project_structure", "{material}_{zone}")
    priority: 20  # trainings wait for it
    conda:
        "../envs/structures.yaml"
    params:
        code=code("project_structure"),
    message:
        "Project {wildcards.material} along [{wildcards.zone}]"
    script:
        "../workflow_scripts/project_structure.py"


rule plot_structure:
    input:
        projection=LAYOUT.projection,
    output:
        figure=report(
            LAYOUT.structure_figure,
            category="Structures",
            caption="../report/structure.rst",
            labels={"material": "{material}", "zone axis": "{zone}"},
        ),
    log:
        LAYOUT.log("plot_structure", "{material}_{zone}"),
    benchmark:
        LAYOUT.benchmark("plot_structure", "{material}_{zone}")
    conda:
        "../envs/structures.yaml"
    params:
        **PLAN.datasets.shown_condition,
        code=code("plot_structure"),
    message:
        "Draw {wildcards.material} along [{wildcards.zone}]"
    script:
        "../workflow_scripts/plot_structure.py"
