"""Structures: CIF and zone axis to the projected crystal, and what is made of it.

Requires structures/{material}.cif
Makes    results/structures/{material}/{zone}/projection.json and structure.png
         results/figures/arrangements.{png,pdf}
"""


rule project_structure:
    input:
        cif="structures/{material}.cif",
    output:
        projection="results/structures/{material}/{zone}/projection.json",
    log:
        "results/logs/project_structure/{material}_{zone}.log",
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
        projection="results/structures/{material}/{zone}/projection.json",
    output:
        figure=report(
            "results/structures/{material}/{zone}/structure.png",
            category="Structures",
            caption="../report/structure.rst",
            labels={"material": "{material}", "zone axis": "{zone}"},
        ),
    log:
        "results/logs/plot_structure/{material}_{zone}.log",
    conda:
        "../envs/structures.yaml"
    params:
        code=code("plot_structure"),
        condition=section(CONFIG.imaging.conditions[SHOWN_CONDITION]),
        strengths=STRENGTHS,
    message:
        "Draw {wildcards.material} along [{wildcards.zone}]"
    script:
        "../workflow_scripts/plot_structure.py"


rule plot_arrangements:
    input:
        projections=projections(shown_materials("all")),
    output:
        reported_figure("arrangements", "Structures"),
    log:
        "results/logs/plot_arrangements.log",
    conda:
        "../envs/structures.yaml"
    params:
        code=code("plot_arrangements"),
        arrangements={name: section(recipe) for name, recipe in CONFIG.arrangements.items()},
        single_layers=single_layers(shown_materials("all")),
        imaging=imaging_under([SHOWN_CONDITION]),
        condition=SHOWN_CONDITION,
    message:
        "Draw finite and imperfect objects"
    script:
        "../workflow_scripts/plot_arrangements.py"
