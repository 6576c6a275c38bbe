"""Apply: columns in the user's own images, each file in the folder `lab.folder` (images/), or in example images.

No network is trained for this.

Requires results/lab/{image}/; a network that localises and one that denoises: those that ship, or of results/*/models/
Makes    results/applied/networks.json (which networks were chosen, and why)
         results/applied/refused.json (images that cannot be used, and why)
         results/applied/{image}/ (found.parquet and denoised.npy; columns.csv, summary.json and summary.html; figures;
         columns.hspy, columns.xyz, denoised.tif)
         results/applied/summary.csv (a row per image), results/applied/report.html
"""

from functools import cache

from stembench.lab.refusals import check_refusals
from stembench.networks import NETWORKS
from stembench.planning.choice import USES, choose
from stembench.planning.lab import APPLIED_FIGURES
from stembench.products import read_json

# The network for the user's images, as plain values, chosen once per run; and its library module.
chosen = cache(
    lambda purpose: vars(choose(CONFIG, purpose, SHIPPED / "workflow_scripts/stembench/weights"))
)
chosen_module = lambda purpose: NETWORKS.module(chosen(purpose)["architecture"])


# Which images were refused, as soon as all were read.
refused = lambda: read_json(checkpoints.collect_refusals.get().output.refused)["refused"]
# A product of each image that was not.
of_accepted = lambda product: asked(
    lambda _: [
        LAYOUT.applied.path(image=image, product=product) for image in PLAN.lab.accepted(refused())
    ]
)


# An image that cannot be used is refused, which is a product too: the others are finished. Therefore what there is to
# make is known only when all images were read.
checkpoint collect_refusals:
    input:
        images=asked(lambda _: PLAN.lab.imported),
    output:
        refused=LAYOUT.refused,
    log:
        LAYOUT.log("collect_refusals"),
    benchmark:
        LAYOUT.benchmark("collect_refusals")
    localrule: True
    conda:
        "../envs/reporting.yaml"
    params:
        code=code("collect_refusals"),
    message:
        "List the images that cannot be used"
    script:
        "../workflow_scripts/collect_refusals.py"


rule choose_networks:
    output:
        networks=LAYOUT.networks,
    log:
        LAYOUT.log("choose_networks"),
    benchmark:
        LAYOUT.benchmark("choose_networks")
    localrule: True
    conda:
        "../envs/reporting.yaml"
    params:
        code=code("choose_networks"),
        networks=asked(lambda _: {purpose: chosen(purpose) for purpose in USES}),
    message:
        "Choose the networks for your images"
    script:
        "../workflow_scripts/choose_networks.py"


rule find_columns:
    input:
        image=LAYOUT.lab_image,
        networks=LAYOUT.networks,
        structure=asked(
            lambda wildcards: PLAN.lab.told(wildcards.image, chosen("localise")["architecture"])
        ),
    output:
        columns=LAYOUT.found,
    log:
        LAYOUT.log("find_columns", "{image}"),
    benchmark:
        LAYOUT.benchmark("find_columns", "{image}")
    conda:
        "../envs/training.yaml"
    threads: 8
    params:
        code=asked(lambda _: code("find_columns", chosen_module("localise"))),
        refine=CONFIG.apply.refine,
    message:
        "Find the columns of {wildcards.image}"
    script:
        "../workflow_scripts/find_columns.py"


rule denoise_image:
    input:
        image=LAYOUT.lab_image,
        networks=LAYOUT.networks,
    output:
        image=LAYOUT.denoised,
    log:
        LAYOUT.log("denoise_image", "{image}"),
    benchmark:
        LAYOUT.benchmark("denoise_image", "{image}")
    conda:
        "../envs/training.yaml"
    threads: 8
    params:
        code=asked(lambda _: code("denoise_image", chosen_module("denoise"))),
    message:
        "Denoise {wildcards.image}"
    script:
        "../workflow_scripts/denoise_image.py"


rule analyse_columns:
    input:
        image=LAYOUT.lab_image,
        networks=LAYOUT.networks,
        found=LAYOUT.found,
        corrections=lambda wildcards: PLAN.lab.corrected(wildcards.image),
        projection=lambda wildcards: PLAN.lab.structure(wildcards.image),
    output:
        columns=LAYOUT.applied.where(product="columns.csv"),
        summary=LAYOUT.applied.where(product="summary.json"),
        page=report(
            LAYOUT.applied.where(product="summary.html"),
            category="Your images",
            subcategory="{image}",
            caption="../report/applied_summary.rst",
            labels={"what": "summary"},
        ),
    log:
        LAYOUT.log("analyse_columns", "{image}"),
    benchmark:
        LAYOUT.benchmark("analyse_columns", "{image}")
    conda:
        "../envs/training.yaml"
    params:
        code=code("analyse_columns"),
        refined=CONFIG.apply.refine,
    message:
        "Analyse the columns of {wildcards.image}"
    script:
        "../workflow_scripts/analyse_columns.py"


rule draw_columns:
    input:
        image=LAYOUT.lab_image,
        columns=LAYOUT.applied.where(product="columns.csv"),
        summary=LAYOUT.applied.where(product="summary.json"),
        denoised=LAYOUT.denoised,
    output:
        **{
            name: report(
                LAYOUT.applied.where(product=f"{name}.png"),
                category="Your images",
                subcategory="{image}",
                caption=f"../report/applied_{name}.rst",
                labels={"what": name},
            )
            for name in APPLIED_FIGURES
        },
    log:
        LAYOUT.log("draw_columns", "{image}"),
    benchmark:
        LAYOUT.benchmark("draw_columns", "{image}")
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
        image=LAYOUT.lab_image,
        columns=LAYOUT.applied.where(product="columns.csv"),
        denoised=LAYOUT.denoised,
    output:
        hyperspy=LAYOUT.applied.where(product="columns.hspy"),
        xyz=LAYOUT.applied.where(product="columns.xyz"),
        tiff=LAYOUT.applied.where(product="denoised.tif"),
    log:
        LAYOUT.log("export_columns", "{image}"),
    benchmark:
        LAYOUT.benchmark("export_columns", "{image}")
    conda:
        "../envs/atomap.yaml"
    params:
        code=code("export_columns"),
    message:
        "Export the columns of {wildcards.image}"
    script:
        "../workflow_scripts/export_columns.py"


rule summarise_images:
    input:
        refused=LAYOUT.refused,
        summaries=of_accepted("summary.json"),
        columns=of_accepted("columns.csv"),
    output:
        table=report(
            LAYOUT.applied_summary,
            category="Your images",
            subcategory="all",
            caption="../report/applied_table.rst",
            labels={"what": "table of all images"},
        ),
    log:
        LAYOUT.log("summarise_images"),
    benchmark:
        LAYOUT.benchmark("summarise_images")
    conda:
        "../envs/reporting.yaml"
    params:
        code=code("summarise_images"),
        images={image: PLAN.lab.images[image].file for image in PLAN.lab.applied},
    message:
        "Tabulate your images"
    script:
        "../workflow_scripts/summarise_images.py"


# Everything made of the user's images. Networks are chosen here too: Snakemake keeps an old product when an input
# function of its rule fails.
applied_products = asked(lambda _: [*map(chosen, USES)] and PLAN.lab.applied_products(refused()))


# The products of `apply` without its report; a target runs nothing, so it has no log.
rule applied:
    input:
        applied_products,


use rule report as apply with:
    input:
        applied_products,
        captions=PLAN.report.caption_files,
        introduction=str(SHIPPED / "report/applied.rst"),
        records=[],
        costs=[],
        images=[LAYOUT.applied_summary],
    output:
        page=LAYOUT.applied_report,
        run=LAYOUT.applied_run,
    log:
        LAYOUT.log("apply"),
    benchmark:
        LAYOUT.benchmark("apply")
    params:
        target="applied",
        left_out=[],
    message:
        "Write the report on the user's images"


# Every call of `apply` ends as failed while an image is refused, also where nothing is to be done.
applying = lambda dag: any(job.rule.name.endswith("apply") for job in dag.jobs)
check_applied = asked(lambda dag: applying(dag) and check_refusals(LAYOUT.applied_summary))
before_jobs(lambda dag: len(dag) or check_applied(dag))


# A first look: experimental images that are fetched, by the networks that `apply` would use. This target and the next
# one run nothing, and so have no log.
rule example:
    input:
        asked(lambda _: [*map(chosen, USES)] and PLAN.lab.example_products),
    message:
        "Found the columns of the example images"


# Networks with the noise of the user's microscope, which `apply` then prefers.
rule instrument:
    input:
        asked(lambda _: PLAN.trainings.instrument),
