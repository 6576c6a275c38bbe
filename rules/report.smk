"""Report: tables, figures, and the page that shows them.

Requires results/evaluation/, results/enhancement/ and every figure of the earlier stages
Makes    results/tables/{name}.{csv,md,tex}, results/figures/{name}.{png,pdf}, results/report.html
"""


rule tabulate_detection:
    input:
        evaluated(DETECTION_ROWS),
        numbers=PUBLISHED_NUMBERS,
    output:
        detection=reported_table("detection"),
        detection_comparison=reported_table("detection_comparison"),
        precision_vs_dose=reported_table("precision_vs_dose"),
    log:
        "results/logs/tabulate_detection.log",
    conda:
        "../envs/reporting.yaml"
    params:
        code=code("tabulate_detection"),
        methods=DETECTION_ROWS,
        evaluation=TABULATION,
        published=CONFIG.evaluation.published,
        bootstrap=SCALE.bootstrap,
    message:
        "Tabulate detection"
    script:
        "../workflow_scripts/tabulate_detection.py"


rule tabulate_generalisation:
    input:
        evaluated(GENERALISATION_ROWS),
    output:
        reported_table("generalisation"),
    log:
        "results/logs/tabulate_generalisation.log",
    conda:
        "../envs/reporting.yaml"
    params:
        code=code("tabulate_generalisation"),
        methods=GENERALISATION_ROWS,
        evaluation=TABULATION,
        bootstrap=SCALE.bootstrap,
    message:
        "Tabulate generalisation"
    script:
        "../workflow_scripts/tabulate_generalisation.py"


rule plot_generalisation:
    input:
        table="results/tables/generalisation.csv",
    output:
        reported_figure("generalisation", "Figures"),
    log:
        "results/logs/plot_generalisation.log",
    conda:
        "../envs/reporting.yaml"
    params:
        code=code("plot_generalisation"),
    message:
        "Plot F1 on every test set of generalisation"
    script:
        "../workflow_scripts/plot_generalisation.py"


rule tabulate_study:
    input:
        lambda wildcards: study_inputs(wildcards.study),
        numbers=PUBLISHED_NUMBERS,
    output:
        table=reported_table("{study}", "study"),
        comparison=reported_table("{study}_comparison", "study"),
    log:
        "results/logs/tabulate_study/{study}.log",
    conda:
        "../envs/reporting.yaml"
    params:
        code=code("tabulate_study"),
        methods=lambda wildcards: study_rows(wildcards.study),
        scored=lambda wildcards: CONFIG.studies[wildcards.study].scored,
        evaluation=TABULATION,
        published=CONFIG.evaluation.published,
        bootstrap=SCALE.bootstrap,
    message:
        "Tabulate the study {wildcards.study}"
    script:
        "../workflow_scripts/tabulate_study.py"


rule tabulate_cost:
    input:
        [f"{row['folder']}/{file}" for row in COST_ROWS for file in ("model.json", "history.csv")],
        measured=sorted({row["cost"] for row in COST_ROWS}),
    output:
        reported_table("cost"),
    log:
        "results/logs/tabulate_cost.log",
    conda:
        "../envs/reporting.yaml"
    params:
        code=code("tabulate_cost"),
        trainings=COST_ROWS,
    message:
        "Tabulate what networks cost"
    script:
        "../workflow_scripts/tabulate_cost.py"


rule tabulate_loss:
    input:
        [f"{row['folder']}/{file}" for row in COST_ROWS for file in ("model.json", "history.csv")],
        numbers=PUBLISHED_NUMBERS,
    output:
        reported_table("loss"),
    log:
        "results/logs/tabulate_loss.log",
    conda:
        "../envs/reporting.yaml"
    params:
        code=code("tabulate_loss"),
        trainings=COST_ROWS,
        published=CONFIG.evaluation.published,
    message:
        "Tabulate the losses that trainings end with"
    script:
        "../workflow_scripts/tabulate_loss.py"


rule tabulate_enhancement:
    input:
        enhanced(ENHANCEMENT_ROWS),
        numbers=PUBLISHED_NUMBERS,
    output:
        enhancement=reported_table("enhancement"),
        comparison=reported_table("enhancement_comparison"),
    log:
        "results/logs/tabulate_enhancement.log",
    conda:
        "../envs/reporting.yaml"
    params:
        code=code("tabulate_enhancement"),
        methods=ENHANCEMENT_ROWS,
        published=CONFIG.evaluation.published,
        bootstrap=SCALE.bootstrap,
    message:
        "Tabulate enhancement"
    script:
        "../workflow_scripts/tabulate_enhancement.py"


rule tabulate_lattice_precision:
    input:
        [
            f"{row['folder']}/{part}.parquet"
            for row in LATTICE_ROWS
            for part in ("spacings", "responses")
        ],
        numbers=PUBLISHED_NUMBERS,
    output:
        reported_table("lattice_precision"),
    log:
        "results/logs/tabulate_lattice_precision.log",
    conda:
        "../envs/reporting.yaml"
    params:
        code=code("tabulate_lattice_precision"),
        methods=LATTICE_ROWS,
        published=CONFIG.evaluation.published,
        bootstrap=SCALE.bootstrap,
    message:
        "Tabulate lattice precision"
    script:
        "../workflow_scripts/tabulate_lattice_precision.py"


rule tabulate_localisation_after_denoising:
    input:
        [
            f"{row['folder']}/{part}.parquet"
            for row in DENOISED_ROWS
            for part in ("spacings", "responses")
        ],
        images=sorted({row["images"] for row in DENOISED_ROWS}),
        numbers=PUBLISHED_NUMBERS,
    output:
        reported_table("localisation_after_denoising"),
    log:
        "results/logs/tabulate_localisation_after_denoising.log",
    conda:
        "../envs/reporting.yaml"
    params:
        code=code("tabulate_localisation_after_denoising"),
        methods=DENOISED_ROWS,
        published=CONFIG.evaluation.published,
        bootstrap=SCALE.bootstrap,
    message:
        "Tabulate localisation after denoising"
    script:
        "../workflow_scripts/tabulate_localisation_after_denoising.py"


rule tabulate_precision_after_denoising:
    input:
        [row["images"] for row in DENOISED_PRECISION_ROWS],
    output:
        reported_table("precision_after_denoising"),
    log:
        "results/logs/tabulate_precision_after_denoising.log",
    conda:
        "../envs/reporting.yaml"
    params:
        code=code("tabulate_precision_after_denoising"),
        methods=DENOISED_PRECISION_ROWS,
        bootstrap=SCALE.bootstrap,
    message:
        "Tabulate precision after denoising"
    script:
        "../workflow_scripts/tabulate_precision_after_denoising.py"


rule plot_precision_vs_dose:
    input:
        table="results/tables/precision_vs_dose.csv",
    output:
        reported_figure("precision_vs_dose", "Figures"),
    log:
        "results/logs/plot_precision_vs_dose.log",
    conda:
        "../envs/reporting.yaml"
    params:
        code=code("plot_precision_vs_dose"),
    message:
        "Plot precision against dose"
    script:
        "../workflow_scripts/plot_precision_vs_dose.py"


rule plot_found:
    input:
        lambda wildcards: evaluated(shown_methods(wildcards)),
        test=lambda wildcards: test_shards(wildcards.testset),
    output:
        reported_figure("found_{testset}", "Figures"),
    log:
        "results/logs/plot_found/{testset}.log",
    wildcard_constraints:
        testset=any_of(SHOWN),
    conda:
        "../envs/reporting.yaml"
    params:
        code=code("plot_found"),
        methods=shown_methods,
        counts_per_px=None,
    message:
        "Draw what the methods found in {wildcards.testset}"
    script:
        "../workflow_scripts/plot_found.py"


use rule plot_found as plot_lab_overlay with:
    output:
        reported_figure("overlay_{testset}", "Lab images"),
    log:
        "results/logs/plot_lab_overlay/{testset}.log",
    wildcard_constraints:
        testset=any_of(LAB_TESTSETS),
    params:
        counts_per_px=overlay_dose,


rule plot_edges:
    input:
        lambda wildcards: evaluated(shown_methods(wildcards)),
    output:
        reported_figure("edges_{testset}", "Figures"),
    log:
        "results/logs/plot_edges/{testset}.log",
    wildcard_constraints:
        testset=any_of(PARTICLES),
    conda:
        "../envs/reporting.yaml"
    params:
        code=code("plot_edges"),
        methods=shown_methods,
        bootstrap=SCALE.bootstrap,
    message:
        "Plot detection at the edges of {wildcards.testset}"
    script:
        "../workflow_scripts/plot_edges.py"


rule plot_lattice_spacings:
    input:
        spacings=lambda wildcards: [
            f"{row['folder']}/spacings.parquet" for row in lattice_rows(wildcards)
        ],
    output:
        reported_figure("lattice_spacings_{testset}", "Lab images"),
    log:
        "results/logs/plot_lattice_spacings/{testset}.log",
    wildcard_constraints:
        testset=any_of(SINGLE_CRYSTALS),
    conda:
        "../envs/reporting.yaml"
    params:
        code=code("plot_lattice_spacings"),
        methods=lattice_rows,
    message:
        "Draw the spacings of columns in {wildcards.testset}"
    script:
        "../workflow_scripts/plot_lattice_spacings.py"


rule plot_enhancement:
    input:
        examples=lambda wildcards: [
            f"{row['folder']}/examples.npz" for row in enhancement_rows(wildcards)
        ],
    output:
        reported_figure("enhanced_{testset}", "Figures"),
    log:
        "results/logs/plot_enhancement/{testset}.log",
    wildcard_constraints:
        testset=any_of(CONFIG.evaluation.testsets),
    conda:
        "../envs/reporting.yaml"
    params:
        code=code("plot_enhancement"),
        methods=enhancement_rows,
    message:
        "Draw images of {wildcards.testset} after enhancement"
    script:
        "../workflow_scripts/plot_enhancement.py"


rule plot_lab_enhanced:
    input:
        examples=lambda wildcards: [
            f"{row['folder']}/examples.npz" for row in enhancement_rows(wildcards)
        ],
        filters=tuned_filters,
    output:
        reported_figure("lab_enhanced_{testset}", "Lab images"),
    log:
        "results/logs/plot_lab_enhanced/{testset}.log",
    wildcard_constraints:
        testset=any_of(LAB_TESTSETS),
    conda:
        "../envs/reporting.yaml"
    params:
        code=code("plot_lab_enhanced"),
        methods=enhancement_rows,
        counts_per_px=overlay_dose,
    message:
        "Draw the lab image {wildcards.testset} after enhancement"
    script:
        "../workflow_scripts/plot_lab_enhanced.py"


# The targets `products`, `tables`, `figures` and `studies` run nothing, and so have no log.
rule products:
    input:
        REPORTED,


rule tables:
    input:
        [path for path in REPORTED if path.startswith("results/tables/")],


rule figures:
    input:
        [path for path in REPORTED if path.endswith((".png", ".pdf"))],


rule studies:
    input:
        STUDY_TABLES,


# Snakemake writes its report from the records of finished jobs, so a second Snakemake that only reads them makes it.
rule report:
    input:
        REPORTED,
        captions=CAPTIONS,
        records=[f"{row['folder']}/model.json" for row in COST_ROWS],
        costs="results/tables/cost.csv" if COST_ROWS else [],
    output:
        page="results/report.html",
        run="results/run.rst",
    log:
        "results/logs/report.log",
    conda:
        "../envs/reporting.yaml"
    params:
        code=code("report"),
        config=config,
        target="products",
        first_page="workflow",
        scale=CONFIG.scale,
        snakefile=str(SHIPPED / "Snakefile"),
    message:
        "Write the report"
    script:
        "../workflow_scripts/report.py"


# A second Snakemake, which only looks, says what is to be done.
rule estimate:
    log:
        "results/logs/estimate.log",
    conda:
        "../envs/reporting.yaml"
    params:
        config=config,
        snakefile=str(SHIPPED / "Snakefile"),
        outputs=lambda _: [
            regex_from_filepattern(str(path)) for rule in workflow.rules for path in rule.output
        ],
        images={(name, split): split_images(name, split) for name in RECIPES for split in SPLITS},
        cores=lambda _: workflow.cores,
    message:
        "Estimate what is still to be done"
    script:
        "../workflow_scripts/estimate.py"
