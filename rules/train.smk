"""Train: every network for every task and dataset it is asked for, from each seed.

Requires results/datasets/{dataset}/{train,validation,test}/
Makes    results/models/{network}/{task}/{dataset}/seed{seed}/
         (weights.safetensors, model.json, history.csv; checkpoints/ while it runs; then curves.png, validation.npz
         and validation.{png,pdf}; of networks that localise characterisation.json, and reliability.parquet,
         coverage.csv and reliability.{png,pdf} on the test split)
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


rule characterise_network:
    input:
        validation=lambda wildcards: shards(wildcards.dataset, "validation"),
        weights="results/models/{network}/localise/{dataset}/seed{seed}/weights.safetensors",
        record="results/models/{network}/localise/{dataset}/seed{seed}/model.json",
    output:
        characterisation="results/models/{network}/localise/{dataset}/seed{seed}/characterisation.json",
    log:
        "results/logs/characterise_network/{network}_{dataset}_seed{seed}.log",
    conda:
        network_environment
    params:
        code=lambda wildcards: code("characterise_network", wildcards.network),
        evaluation=EVALUATION,
    message:
        "Characterise {wildcards.network}, trained on {wildcards.dataset}, on validation images"
    script:
        "../workflow_scripts/characterise_network.py"


rule measure_reliability:
    input:
        test=lambda wildcards: shards(wildcards.dataset, "test"),
        weights="results/models/{network}/localise/{dataset}/seed{seed}/weights.safetensors",
        record="results/models/{network}/localise/{dataset}/seed{seed}/model.json",
        characterisation="results/models/{network}/localise/{dataset}/seed{seed}/characterisation.json",
    output:
        columns="results/models/{network}/localise/{dataset}/seed{seed}/reliability.parquet",
        coverage="results/models/{network}/localise/{dataset}/seed{seed}/coverage.csv",
    log:
        "results/logs/measure_reliability/{network}_{dataset}_seed{seed}.log",
    conda:
        network_environment
    params:
        code=lambda wildcards: code("measure_reliability", wildcards.network),
        evaluation=EVALUATION,
    message:
        "Hold confidence and error bars of {wildcards.network} against the truth of test images"
    script:
        "../workflow_scripts/measure_reliability.py"


rule plot_reliability:
    input:
        columns="results/models/{network}/localise/{dataset}/seed{seed}/reliability.parquet",
    output:
        report(
            "results/models/{network}/localise/{dataset}/seed{seed}/reliability.png",
            category="Training",
            caption="../report/reliability.rst",
            labels={
                "network": "{network}",
                "task": "localise",
                "seed": "{seed}",
                "what": "confidence and error bars",
            },
        ),
        "results/models/{network}/localise/{dataset}/seed{seed}/reliability.pdf",
    log:
        "results/logs/plot_reliability/{network}_{dataset}_seed{seed}.log",
    conda:
        "../envs/reporting.yaml"
    params:
        code=code("plot_reliability"),
        border_A=CONFIG.evaluation.border_A,
    message:
        "Draw confidence and error bars of {wildcards.network} against the truth"
    script:
        "../workflow_scripts/plot_reliability.py"
