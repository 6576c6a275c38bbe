"""Datasets: simulated or imported images with labels, shard by shard, and what is shown and told of them.

Requires results/structures/, results/calibration/ (for calibrated noise), results/tiles/ (for multislice images)
Makes    results/datasets/{dataset}/{split}/{shard}/ (data.zarr, samples.parquet, columns.parquet, checksums.sha256)
         results/datasets/{dataset}/index.parquet and columns.parquet, README.md (card) and browser.html
         results/datasets/{dataset}/temimagenet/{split}/ (on request: TEMImageNet's folders)
         results/figures/gallery_{dataset}.png and parameters_{dataset}.png, forward_model.{png,pdf}, labels.{png,pdf}
"""


rule generate_shard:
    input:
        projections=lambda wildcards: projections(
            dataset_materials(wildcards.dataset, wildcards.split)
        ),
        tiles=lambda wildcards: tiles_of(dataset_tiles(wildcards.dataset, wildcards.split)),
        calibration=dataset_calibration,
    output:
        folder=directory("results/datasets/{dataset}/{split}/{shard}"),
    log:
        "results/logs/generate_shard/{dataset}_{split}_{shard}.log",
    wildcard_constraints:
        dataset=any_of(SIMULATED),
    priority: 20  # trainings wait for it
    conda:
        "../envs/structures.yaml"
    params:
        code=code("generate_shard"),
        sampling=lambda wildcards: sampling(wildcards.dataset, wildcards.split),
        samples=shard_samples,
    message:
        "Simulate {wildcards.dataset}/{wildcards.split}, images {params.samples}"
    script:
        "../workflow_scripts/generate_shard.py"


rule import_temimagenet:
    input:
        folder=lambda wildcards: CONFIG.datasets[wildcards.dataset].folder,
    output:
        folder=directory("results/datasets/{dataset}/{split}/{shard}"),
    log:
        "results/logs/import_temimagenet/{dataset}_{split}_{shard}.log",
    wildcard_constraints:
        dataset=any_of(IMPORTED),
    conda:
        "../envs/structures.yaml"
    params:
        code=code("import_temimagenet"),
        recipe=lambda wildcards: section(CONFIG.datasets[wildcards.dataset]),
        samples=shard_samples,
    message:
        "Import {wildcards.dataset}/{wildcards.split}, images {params.samples}"
    script:
        "../workflow_scripts/import_temimagenet.py"


rule index_dataset:
    input:
        shards=dataset_shards,
    output:
        index="results/datasets/{dataset}/index.parquet",
        columns="results/datasets/{dataset}/columns.parquet",
    log:
        "results/logs/index_dataset/{dataset}.log",
    conda:
        "../envs/structures.yaml"
    params:
        code=code("index_dataset"),
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


rule plot_forward_model:
    input:
        test=shards(ILLUSTRATED, "test"),
        structures=shown_structures(ILLUSTRATED),
    output:
        reported_figure("forward_model", "Datasets"),
    log:
        "results/logs/plot_forward_model.log",
    conda:
        "../envs/reporting.yaml"
    params:
        code=code("plot_forward_model"),
        conditions=imaging_under(RECIPES[ILLUSTRATED].conditions)["conditions"],
        dataset=ILLUSTRATED,
    message:
        "Draw how an image comes about"
    script:
        "../workflow_scripts/plot_forward_model.py"


rule plot_labels:
    input:
        test=shards(ILLUSTRATED, "test"),
    output:
        reported_figure("labels", "Datasets"),
    log:
        "results/logs/plot_labels.log",
    conda:
        "../envs/reporting.yaml"
    params:
        code=code("plot_labels"),
        dataset=ILLUSTRATED,
    message:
        "Draw the labels that tasks learn"
    script:
        "../workflow_scripts/plot_labels.py"


rule describe_dataset:
    input:
        shards=dataset_shards,
        index="results/datasets/{dataset}/index.parquet",
        columns="results/datasets/{dataset}/columns.parquet",
        cifs=dataset_cifs,
        lab=dataset_lab_images,
    output:
        card=report(
            "results/datasets/{dataset}/README.md",
            category="Datasets",
            labels={"dataset": "{dataset}", "what": "card"},
        ),
    log:
        "results/logs/describe_dataset/{dataset}.log",
    conda:
        "../envs/reporting.yaml"
    params:
        code=code("describe_dataset"),
        splits=lambda wildcards: [
            split for split in SPLITS for _ in shards(wildcards.dataset, split)
        ],
        licence=lambda wildcards: (
            "the owner's of the imported folder."
            if wildcards.dataset in IMPORTED
            else "for you who made it to choose; the licence of the workflow does not extend to it."
        ),
    message:
        "Write the card of {wildcards.dataset}"
    script:
        "../workflow_scripts/describe_dataset.py"


rule plot_parameters:
    input:
        index="results/datasets/{dataset}/index.parquet",
    output:
        figure=report(
            "results/figures/parameters_{dataset}.png",
            category="Datasets",
            caption="../report/parameters.rst",
            labels={"dataset": "{dataset}", "what": "parameters"},
        ),
    log:
        "results/logs/plot_parameters/{dataset}.log",
    conda:
        "../envs/reporting.yaml"
    params:
        code=code("plot_parameters"),
    message:
        "Draw the parameters of {wildcards.dataset}"
    script:
        "../workflow_scripts/plot_parameters.py"


rule browse_dataset:
    input:
        shards=dataset_shards,
        index="results/datasets/{dataset}/index.parquet",
        template=str(SHIPPED / "workflow_scripts/stembench/reporting/dataset_browser.html"),
    output:
        page="results/datasets/{dataset}/browser.html",
    log:
        "results/logs/browse_dataset/{dataset}.log",
    conda:
        "../envs/reporting.yaml"
    params:
        code=code("browse_dataset"),
    message:
        "Write the browser of {wildcards.dataset}"
    script:
        "../workflow_scripts/browse_dataset.py"


rule export_temimagenet:
    input:
        shards=lambda wildcards: shards(wildcards.dataset, wildcards.split),
    output:
        folder=directory("results/datasets/{dataset}/temimagenet/{split}"),
    log:
        "results/logs/export_temimagenet/{dataset}_{split}.log",
    conda:
        "../envs/structures.yaml"
    params:
        code=code("export_temimagenet"),
    message:
        "Write {wildcards.dataset}/{wildcards.split} in TEMImageNet's layout"
    script:
        "../workflow_scripts/export_temimagenet.py"
