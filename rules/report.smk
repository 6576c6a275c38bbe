"""Report: tables, figures, and the page that shows them.

Requires results/evaluation/, results/enhancement/ and every figure of the earlier stages
Makes    results/tables/{name}.{csv,md,tex}, results/figures/{name}.{png,pdf}, results/report.html
"""


def tables(name):
    """A table in its three formats."""
    return multiext(f"results/tables/{name}", ".csv", ".md", ".tex")


def reported_table(name):
    """A table in its three formats, of which the CSV is shown in the report."""
    csv, *others = tables(name)
    shown = report(
        csv,
        category="Tables",
        caption=f"../report/{name}.rst",
        labels={"table": name},
    )
    return [shown, *others]


def reported_figure(name, category):
    """A figure as PNG, shown in the report, and as PDF."""
    shown = report(
        f"results/figures/{name}.png",
        category=category,
        caption=f"../report/{name.removesuffix('_{testset}')}.rst",
        labels={"figure": name.replace("_", " ")},
    )
    return [shown, f"results/figures/{name}.pdf"]


def method_rows(task, methods, networks, testsets, folder):
    """The beginning of each row of a table, and the folder that it is read from."""
    rows = []
    for testset in testsets:
        for method in methods:
            row = {
                "method": method,
                "kind": "floor" if method == "random_points" else "baseline",
                "task": task,
                "train_dataset": "",
                "scale": CONFIG.scale,
                "width": None,
                "seed": 0,
                "testset": testset,
                "folder": f"{folder}/{testset}/{method}",
            }
            if method in networks:
                row["method"] = networks[method]["network"]
                row["kind"] = "network"
                row["train_dataset"] = networks[method]["dataset"]
                row["width"] = SCALE.width
                row["seed"] = networks[method]["seed"]
            rows.append(row)
    return rows


DETECTION_ROWS = method_rows(
    "localise", DETECTORS, DETECTION_NETWORKS, TESTSETS, "results/evaluation"
)
ENHANCEMENT_ROWS = method_rows(
    "denoise_background",
    ENHANCERS,
    ENHANCEMENT_NETWORKS,
    CONFIG.evaluation.testsets,
    "results/enhancement",
)
DETECTION_TABLES = ["detection", "detection_comparison", "precision_vs_dose"]
ENHANCEMENT_TABLES = ["enhancement", "enhancement_comparison"]


def overlay_methods(wildcards):
    """Methods shown on a lab image: each network's first seed, and the baselines."""
    return [
        row
        for row in DETECTION_ROWS
        if row["testset"] == wildcards.testset
        and row["kind"] != "floor"
        and row["seed"] == 0
    ]


def overlay_dose(wildcards):
    """Dose at which a lab image is shown: the lowest but one."""
    dataset = CONFIG.datasets[LAB_TESTSETS[wildcards.testset].tuned_on]
    doses = sorted(dataset.noise.test_counts_per_px)
    return doses[:2][-1]


rule tabulate_detection:
    input:
        [
            f"{row['folder']}/{part}.parquet"
            for row in DETECTION_ROWS
            for part in ("columns", "images")
        ],
    output:
        detection=reported_table("detection"),
        comparison=reported_table("detection_comparison"),
        precision=reported_table("precision_vs_dose"),
    log:
        "results/logs/tabulate_detection.log",
    conda:
        "../envs/reporting.yaml"
    params:
        code=code("tabulate_detection"),
        methods=DETECTION_ROWS,
        evaluation=EVALUATION,
        bootstrap=SCALE.bootstrap,
    message:
        "Tabulate detection"
    script:
        "../workflow_scripts/tabulate_detection.py"


rule tabulate_enhancement:
    input:
        [f"{row['folder']}/images.parquet" for row in ENHANCEMENT_ROWS],
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
        bootstrap=SCALE.bootstrap,
    message:
        "Tabulate enhancement"
    script:
        "../workflow_scripts/tabulate_enhancement.py"


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


rule plot_lab_overlay:
    input:
        lambda wildcards: [
            f"{row['folder']}/columns.parquet" for row in overlay_methods(wildcards)
        ],
        testset="results/testsets/{testset}",
    output:
        reported_figure("overlay_{testset}", "Lab images"),
    log:
        "results/logs/plot_lab_overlay/{testset}.log",
    conda:
        "../envs/reporting.yaml"
    params:
        code=code("plot_lab_overlay"),
        methods=overlay_methods,
        counts_per_px=overlay_dose,
    message:
        "Draw what the methods found in {wildcards.testset}"
    script:
        "../workflow_scripts/plot_lab_overlay.py"


rule plot_enhancement:
    input:
        test=lambda wildcards: shards(wildcards.dataset, "test"),
        weights=lambda wildcards: weights_of(ENHANCEMENT_NETWORKS, wildcards.method),
        settings=lambda wildcards: [
            f"results/tuning/enhancement/{wildcards.dataset}/{name}.json"
            for name in CONFIG.evaluation.enhancement_baselines
        ],
    output:
        figure=report(
            "results/figures/enhancement_{dataset}_{method}.png",
            category="Figures",
            caption="../report/enhancement_images.rst",
            labels={"figure": "enhancement, {dataset}, {method}"},
        ),
    log:
        "results/logs/plot_enhancement/{dataset}_{method}.log",
    conda:
        "../envs/training.yaml"
    params:
        code=code("plot_enhancement"),
        network=lambda wildcards: network_folder(
            ENHANCEMENT_NETWORKS, wildcards.method
        ),
    message:
        "Draw images enhanced by {wildcards.method}"
    script:
        "../workflow_scripts/plot_enhancement.py"


REPORTED = [
    *(path for name in (*DETECTION_TABLES, *ENHANCEMENT_TABLES) for path in tables(name)),
    *multiext("results/figures/precision_vs_dose", ".png", ".pdf"),
    *(f"results/figures/overlay_{testset}.png" for testset in LAB_TESTSETS),
    *(f"results/figures/reference_{testset}.png" for testset in LAB_TESTSETS),
    *(f"results/figures/gallery_{dataset}.png" for dataset in CONFIG.datasets),
    *(f"results/datasets/{dataset}/index.parquet" for dataset in CONFIG.datasets),
    *(f"results/calibration/{name}.png" for name in CONFIG.calibration.instruments),
    *(f"results/lab/{image}" for image in CONFIG.lab.images),
    *projections("all"),
    *(
        f"{method['folder']}/curves.png"
        for networks in (DETECTION_NETWORKS, ENHANCEMENT_NETWORKS)
        for method in networks.values()
    ),
    *(
        f"results/figures/enhancement_{dataset}_{method}.png"
        for dataset in CONFIG.evaluation.testsets
        for method in ENHANCEMENT_NETWORKS
    ),
]


rule products:
    input:
        REPORTED,


# Snakemake writes its report from the records of finished jobs, so a second Snakemake that only reads them makes it.
rule report:
    input:
        REPORTED,
    output:
        "results/report.html",
    log:
        "results/logs/report.log",
    conda:
        "../envs/reporting.yaml"
    params:
        config=config,
        snakefile=workflow.main_snakefile,
    message:
        "Write the report"
    script:
        "../workflow_scripts/report.py"
