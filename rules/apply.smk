"""Apply: columns in the user's own images, each file in the folder `lab.folder` (images/).

Requires results/lab/{image}/, a network that localises and one that denoises: in weights/, or results/models/
Makes    results/applied/{image}/ (found.parquet and denoised.npy; columns.csv, summary.json and summary.html; figures;
         columns.hspy, columns.xyz, denoised.tif), results/applied/report.html
"""


rule find_columns:
    input:
        image="results/lab/{image}",
        network=lambda _: network_files("localise"),
    output:
        columns="results/applied/{image}/found.parquet",
    log:
        "results/logs/find_columns/{image}.log",
    conda:
        "../envs/training.yaml"
    threads: 8
    params:
        code=lambda _: applied_code("find_columns", "localise"),
        network=lambda _: applied_network("localise"),
        refine=CONFIG.apply.refine,
    message:
        "Find the columns of {wildcards.image}"
    script:
        "../workflow_scripts/find_columns.py"


rule denoise_image:
    input:
        image="results/lab/{image}",
        network=lambda _: network_files("denoise"),
    output:
        image="results/applied/{image}/denoised.npy",
    log:
        "results/logs/denoise_image/{image}.log",
    conda:
        "../envs/training.yaml"
    threads: 8
    params:
        code=lambda _: applied_code("denoise_image", "denoise"),
        network=lambda _: applied_network("denoise"),
    message:
        "Denoise {wildcards.image}"
    script:
        "../workflow_scripts/denoise_image.py"


rule analyse_columns:
    input:
        image="results/lab/{image}",
        found="results/applied/{image}/found.parquet",
        corrections=corrections_of,
        projection=named_structure,
    output:
        columns="results/applied/{image}/columns.csv",
        summary="results/applied/{image}/summary.json",
        page=report(
            "results/applied/{image}/summary.html",
            category="Your images",
            subcategory="{image}",
            caption="../report/applied_summary.rst",
            labels={"what": "summary"},
        ),
    log:
        "results/logs/analyse_columns/{image}.log",
    conda:
        "../envs/training.yaml"
    params:
        code=code("analyse_columns"),
        refined=CONFIG.apply.refine,
        networks=lambda _: {
            "network": applied_network("localise"),
            "denoiser": applied_network("denoise"),
        },
    message:
        "Analyse the columns of {wildcards.image}"
    script:
        "../workflow_scripts/analyse_columns.py"


rule draw_columns:
    input:
        image="results/lab/{image}",
        columns="results/applied/{image}/columns.csv",
        summary="results/applied/{image}/summary.json",
        denoised="results/applied/{image}/denoised.npy",
    output:
        **applied_figures(),
    log:
        "results/logs/draw_columns/{image}.log",
    conda:
        "../envs/reporting.yaml"
    params:
        code=code("draw_columns"),
    message:
        "Draw the columns of {wildcards.image}"
    script:
        "../workflow_scripts/draw_columns.py"


rule export_columns:
    input:
        image="results/lab/{image}",
        columns="results/applied/{image}/columns.csv",
        denoised="results/applied/{image}/denoised.npy",
    output:
        hyperspy="results/applied/{image}/columns.hspy",
        xyz="results/applied/{image}/columns.xyz",
        tiff="results/applied/{image}/denoised.tif",
    log:
        "results/logs/export_columns/{image}.log",
    conda:
        "../envs/atomap.yaml"
    params:
        code=code("export_columns"),
    message:
        "Export the columns of {wildcards.image}"
    script:
        "../workflow_scripts/export_columns.py"


# What `apply` makes, without its report; it runs nothing, and so has no log.
rule applied:
    input:
        applied_products,


use rule report as apply with:
    input:
        applied_products,
        captions=CAPTIONS,
    output:
        page="results/applied/report.html",
        run="results/applied/run.rst",
    log:
        "results/logs/apply.log",
    params:
        target="applied",
        first_page="applied",
    message:
        "Write the report on the user's images"
