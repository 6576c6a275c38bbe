"""Structures: CIF and zone axis to the projected crystal.

Requires structures/{material}.cif
Makes    results/structures/{material}/{zone}/projection.json
"""


rule project_structure:
    input:
        cif="structures/{material}.cif",
    output:
        projection="results/structures/{material}/{zone}/projection.json",
    log:
        "results/logs/project_structure/{material}_{zone}.log",
    conda:
        "../envs/structures.yaml"
    params:
        code=code("project_structure"),
    message:
        "Project {wildcards.material} along [{wildcards.zone}]"
    script:
        "../workflow_scripts/project_structure.py"
