"""Datasets: simulated or imported images with labels, in shards, and pages that describe them.

Requires results/structures/, results/calibration/ (for calibrated noise), results/{scale}/tiles/ (for multislice images)
Makes    results/{scale}/datasets/{dataset}/{split}/{shard}/ (data.zarr, samples.parquet, columns.parquet,
         checksums.sha256)
         results/{scale}/datasets/{dataset}/index.parquet and columns.parquet, README.md (card) and browser.html
         results/{scale}/datasets/{dataset}/temimagenet/{split}/ (on request: TEMImageNet's folders)
         results/validation/general/ (images of one size, on which networks of every scale are ranked)
"""


rule generate_shard:
    input:
        projections=lambda wildcards: PLAN.datasets.projections(wildcards.dataset, wildcards.split),
        tiles=lambda wildcards: PLAN.datasets.tile_paths(wildcards.dataset, wildcards.split),
        calibration=lambda wildcards: PLAN.datasets.calibration(wildcards.dataset),
    output:
        folder=directory(LAYOUT.shard),
    log:
        LAYOUT.log("generate_shard", "{dataset}_{split}_{shard}"),
    benchmark:
        LAYOUT.benchmark("generate_shard", "{dataset}_{split}_{shard}")
    wildcard_constraints:
        dataset=any_of(PLAN.datasets.simulated),
    priority: 20  # trainings wait for it
    conda:
        "../envs/structures.yaml"
    resources:
        multislice_device=CONFIG.multislice.device,
    params:
        code=code("generate_shard"),
        sampling=lambda wildcards: PLAN.datasets.sampling(wildcards.dataset, wildcards.split),
        samples=asked(lambda w: PLAN.datasets.samples(w.dataset, w.split, int(w.shard))),
    message:
        "Simulate {wildcards.dataset}/{wildcards.split}, images {params.samples}"
    script:
        "../workflow_scripts/generate_shard.py"


use rule generate_shard as generate_common_validation with:
    input:
        projections=asked(lambda _: PLAN.crystals.projections(PLAN.datasets.common_views)),
        tiles=[],
        calibration=[],
    output:
        folder=directory(LAYOUT.common_validation),
    log:
        LAYOUT.log("generate_common_validation"),
    benchmark:
        LAYOUT.benchmark("generate_common_validation")
    params:
        sampling=asked(lambda _: PLAN.datasets.common_sampling),
        samples=PLAN.datasets.common_samples,
    message:
        "Simulate the validation images on which networks are ranked"


rule import_temimagenet:
    input:
        folder=lambda wildcards: CONFIG.datasets[wildcards.dataset].folder,
    output:
        folder=directory(LAYOUT.shard),
    log:
        LAYOUT.log("import_temimagenet", "{dataset}_{split}_{shard}"),
    benchmark:
        LAYOUT.benchmark("import_temimagenet", "{dataset}_{split}_{shard}")
    wildcard_constraints:
        dataset=any_of(PLAN.datasets.imported),
    conda:
        "../envs/structures.yaml"
    params:
        code=code("import_temimagenet"),
        recipe=lambda wildcards: CONFIG.datasets[wildcards.dataset].model_dump(mode="json"),
        samples=asked(lambda w: PLAN.datasets.samples(w.dataset, w.split, int(w.shard))),
    message:
        "Import {wildcards.dataset}/{wildcards.split}, images {params.samples}"
    script:
        "../workflow_scripts/import_temimagenet.py"


rule describe_dataset:
    input:
        shards=asked(lambda wildcards: PLAN.datasets.all_shards(wildcards.dataset)),
        cifs=lambda wildcards: PLAN.datasets.cifs(wildcards.dataset),
        lab=lambda wildcards: PLAN.datasets.lab_images(wildcards.dataset),
        template=str(SHIPPED / "workflow_scripts/stembench/reporting/dataset_browser.html"),
    output:
        index=LAYOUT.dataset_index,
        columns=LAYOUT.dataset_columns,
        card=report(
            LAYOUT.dataset_card,
            category="Datasets",
            labels={"dataset": "{dataset}", "what": "card"},
        ),
        browser=LAYOUT.dataset_browser,
    log:
        LAYOUT.log("describe_dataset", "{dataset}"),
    benchmark:
        LAYOUT.benchmark("describe_dataset", "{dataset}")
    conda:
        "../envs/reporting.yaml"
    params:
        code=code("describe_dataset"),
        splits=lambda wildcards: PLAN.datasets.splits_of_shards(wildcards.dataset),
        licence=lambda wildcards: PLAN.datasets.licence(wildcards.dataset),
        remarks=lambda wildcards: PLAN.datasets.remarks(wildcards.dataset),
    message:
        "Index and describe {wildcards.dataset}"
    script:
        "../workflow_scripts/describe_dataset.py"


rule export_temimagenet:
    input:
        shards=asked(lambda wildcards: PLAN.datasets.shards(wildcards.dataset, wildcards.split)),
    output:
        folder=directory(LAYOUT.temimagenet),
    log:
        LAYOUT.log("export_temimagenet", "{dataset}_{split}"),
    benchmark:
        LAYOUT.benchmark("export_temimagenet", "{dataset}_{split}")
    conda:
        "../envs/structures.yaml"
    params:
        code=code("export_temimagenet"),
    message:
        "Write {wildcards.dataset}/{wildcards.split} in TEMImageNet's layout"
    script:
        "../workflow_scripts/export_temimagenet.py"
