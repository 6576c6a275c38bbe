"""Lab images: fetched from the package index or read from the user's folder, checked, and stored in one form.

Requires images/ (`lab.folder`: the user's images; on a machine without a network the packages as well)
Makes    results/lab/distributions/{distribution}.archive
         results/lab/{image}/ (image.zarr, card.json, and columns.csv if columns are marked)
"""


rule fetch_lab_images:
    output:
        archive=LAYOUT.archive,
    log:
        LAYOUT.log("fetch_lab_images", "{distribution}"),
    benchmark:
        LAYOUT.benchmark("fetch_lab_images", "{distribution}")
    localrule: True  # the nodes of a cluster seldom reach the network
    conda:
        "../envs/lab.yaml"
    params:
        code=code("fetch_lab_images"),
        distribution=lambda wildcards: PLAN.lab.distribution(wildcards.distribution),
        offered=CONFIG.lab.folder,
    message:
        "Fetch lab images: {wildcards.distribution}"
    script:
        "../workflow_scripts/fetch_lab_images.py"


rule import_lab_image:
    input:
        lambda wildcards: PLAN.lab.sources(wildcards.image),
    output:
        folder=directory(LAYOUT.lab_image),
    log:
        LAYOUT.log("import_lab_image", "{image}"),
    benchmark:
        LAYOUT.benchmark("import_lab_image", "{image}")
    conda:
        "../envs/lab.yaml"
    params:
        code=code("import_lab_image"),
        importing=lambda wildcards: PLAN.lab.importing(wildcards.image),
    message:
        "Import lab image {wildcards.image}"
    script:
        "../workflow_scripts/import_lab_image.py"
