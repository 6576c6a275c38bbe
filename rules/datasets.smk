"""Datasets: simulated images with labels, shard by shard, their index and a gallery.

Requires results/structures/, results/calibration/ (for calibrated noise)
Makes    results/datasets/{dataset}/{split}/{shard}/ (data.zarr, samples.parquet, columns.parquet)
         results/datasets/{dataset}/index.parquet and columns.parquet
         results/figures/gallery_{dataset}.png
"""


rule generate_shard:
    input:
        projections=lambda wildcards: projections(CONFIG.datasets[wildcards.dataset].materials),
        calibration=dataset_calibration,
    output:
        folder=directory("results/datasets/{dataset}/{split}/{shard}"),
    log:
        "results/logs/generate_shard/{dataset}_{split}_{shard}.log",
    conda:
        "../envs/structures.yaml"
    params:
        code=code("generate_shard"),
        recipe=lambda wildcards: section(CONFIG.datasets[wildcards.dataset]),
        arrangements=dataset_arrangements,
        single_layers=lambda wildcards: single_layers(
            shown_materials(CONFIG.datasets[wildcards.dataset].materials)
        ),
        imaging=lambda wildcards: imaging_under(CONFIG.datasets[wildcards.dataset].conditions),
        image_px=SCALE.image_px,
        samples=shard_samples,
    message:
        "Simulate {wildcards.dataset}/{wildcards.split}, images {params.samples}"
    script:
        "../workflow_scripts/generate_shard.py"


rule index_dataset:
    input:
        shards=lambda wildcards: [
            shard for split in SPLITS for shard in shards(wildcards.dataset, split)
        ],
    output:
        index="results/datasets/{dataset}/index.parquet",
        columns="results/datasets/{dataset}/columns.parquet",
    log:
        "results/logs/index_dataset/{dataset}.log",
    conda:
        "../envs/structures.yaml"
    params:
        code=code("index_dataset"),
        splits=lambda wildcards: [
            split for split in SPLITS for _ in shards(wildcards.dataset, split)
        ],
    message:
        "Index dataset {wildcards.dataset}"
    script:
        "../workflow_scripts/index_dataset.py"


rule plot_gallery:
    input:
        shards=lambda wildcards: shards(wildcards.dataset, "test"),
    output:
        figure=report(
            "results/figures/gallery_{dataset}.png",
            category="Datasets",
            caption="../report/gallery.rst",
            labels={"dataset": "{dataset}"},
        ),
    log:
        "results/logs/plot_gallery/{dataset}.log",
    conda:
        "../envs/reporting.yaml"
    params:
        code=code("plot_gallery"),
    message:
        "Draw the gallery of {wildcards.dataset}"
    script:
        "../workflow_scripts/plot_gallery.py"
