"""Train: every network for every task and dataset it is asked for, from each seed.

Requires results/datasets/{dataset}/{train,validation}/
Makes    results/models/{network}/{task}/{dataset}/seed{seed}/
         (weights.safetensors, model.json, history.csv; checkpoints/ while it runs; then curves.png, validation.npz
         and validation.{png,pdf})
"""


rule train_network:
    input:
        train=lambda wildcards: shards(wildcards.dataset, "train"),
        validation=lambda wildcards: shards(wildcards.dataset, "validation"),
        projections=lambda wildcards: shown_structures(wildcards.dataset),
        tiles=lambda wildcards: (
            tiles_of(dataset_tiles(wildcards.dataset, "train"))
            if drawn_on_the_fly(wildcards.dataset)
            else []
        ),
        calibration=lambda wildcards: (
            dataset_calibration(wildcards) if drawn_on_the_fly(wildcards.dataset) else []
        ),
    output:
        weights="results/models/{network}/{task}/{dataset}/seed{seed}/weights.safetensors",
        record="results/models/{network}/{task}/{dataset}/seed{seed}/model.json",
        history="results/models/{network}/{task}/{dataset}/seed{seed}/history.csv",
    log:
        "results/logs/train_network/{network}_{task}_{dataset}_seed{seed}.log",
    benchmark:
        "results/benchmarks/train_network/{network}_{task}_{dataset}_seed{seed}.tsv"
    priority: 10  # the longest jobs start first
    conda:
        network_environment
    threads: 8 if GPU else 1
    resources:
        gpu=CONFIG.training.devices if GPU else 0,
    params:
        code=training_code,
        made_as=made_as,
        recipe=lambda wildcards: section(CONFIG.recipe(wildcards.network)),
        length=training_length,
        machine=section(CONFIG.training),
        sampling=lambda wildcards: (
            sampling(wildcards.dataset, "train") if drawn_on_the_fly(wildcards.dataset) else None
        ),
        scale_name=CONFIG.scale,
    message:
        "Train {wildcards.network} to {wildcards.task} on {wildcards.dataset}, seed {wildcards.seed}"
    script:
        "../workflow_scripts/train_network.py"


rule plot_training:
    input:
        history="results/models/{network}/{task}/{dataset}/seed{seed}/history.csv",
    output:
        curves=report(
            "results/models/{network}/{task}/{dataset}/seed{seed}/curves.png",
            category="Training",
            caption="../report/training.rst",
            labels={
                "network": "{network}",
                "task": "{task}",
                "seed": "{seed}",
                "what": "loss",
            },
        ),
    log:
        "results/logs/plot_training/{network}_{task}_{dataset}_seed{seed}.log",
    conda:
        "../envs/reporting.yaml"
    params:
        code=code("plot_training"),
        recipe=lambda wildcards: section(CONFIG.recipe(wildcards.network)),
        length=training_length,
    message:
        "Plot the training of {wildcards.network} to {wildcards.task}, seed {wildcards.seed}"
    script:
        "../workflow_scripts/plot_training.py"


rule apply_to_validation:
    input:
        validation=lambda wildcards: shards(wildcards.dataset, "validation"),
        weights="results/models/{network}/{task}/{dataset}/seed{seed}/weights.safetensors",
        record="results/models/{network}/{task}/{dataset}/seed{seed}/model.json",
        projections=lambda wildcards: shown_structures(wildcards.dataset),
    output:
        examples="results/models/{network}/{task}/{dataset}/seed{seed}/validation.npz",
    log:
        "results/logs/apply_to_validation/{network}_{task}_{dataset}_seed{seed}.log",
    conda:
        network_environment
    params:
        code=lambda wildcards: code("apply_to_validation", wildcards.network),
    message:
        "Apply {wildcards.network}, trained to {wildcards.task}, to validation images"
    script:
        "../workflow_scripts/apply_to_validation.py"


rule plot_validation:
    input:
        examples="results/models/{network}/{task}/{dataset}/seed{seed}/validation.npz",
    output:
        report(
            "results/models/{network}/{task}/{dataset}/seed{seed}/validation.png",
            category="Training",
            caption="../report/validation.rst",
            labels={
                "network": "{network}",
                "task": "{task}",
                "seed": "{seed}",
                "what": "validation images",
            },
        ),
        "results/models/{network}/{task}/{dataset}/seed{seed}/validation.pdf",
    log:
        "results/logs/plot_validation/{network}_{task}_{dataset}_seed{seed}.log",
    conda:
        "../envs/reporting.yaml"
    params:
        code=code("plot_validation"),
    message:
        "Draw validation images after {wildcards.network}, {wildcards.task}"
    script:
        "../workflow_scripts/plot_validation.py"
