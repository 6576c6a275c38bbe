"""Lab images: fetched from the package index or taken from the user's folder, checked, and brought into one form.

Requires images/ (`lab.folder`, where a user or a network-less machine puts files)
Makes    results/lab/distributions/{distribution}.archive
         results/lab/{image}/ (image.zarr, card.json, and columns.csv where somebody marked columns)
"""


rule fetch_lab_images:
    output:
        archive="results/lab/distributions/{distribution}.archive",
    log:
        "results/logs/fetch_lab_images/{distribution}.log",
    localrule: True  # the nodes of a cluster seldom reach the network
    conda:
        "../envs/lab.yaml"
    params:
        code=code("fetch_lab_images"),
        distribution=lambda wildcards: section(CONFIG.lab.distributions[wildcards.distribution]),
        offered=CONFIG.lab.folder,
    message:
        "Fetch lab images: {wildcards.distribution}"
    script:
        "../workflow_scripts/fetch_lab_images.py"


rule import_lab_image:
    input:
        lab_image_sources,
    output:
        folder=directory("results/lab/{image}"),
    log:
        "results/logs/import_lab_image/{image}.log",
    conda:
        "../envs/lab.yaml"
    params:
        code=code("import_lab_image"),
        entry=lambda wildcards: section(LAB_IMAGES[wildcards.image]),
        distribution=lab_image_distribution,
        sidecar=lab_image_sidecar,
    message:
        "Import lab image {wildcards.image}"
    script:
        "../workflow_scripts/import_lab_image.py"
