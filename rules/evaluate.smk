"""Evaluate: settings chosen on validation images, then every method on every test set.

Requires results/datasets/, results/models/, results/lab/
Makes    results/testsets/{testset}/ (a lab image's blocks at several doses, with reference columns)
         results/tuning/{detection,enhancement}/{dataset}/{method}.json
         results/evaluation/{testset}/{method}/ (columns.parquet, images.parquet), detection
         results/enhancement/{testset}/{method}/images.parquet
"""


rule build_lab_testset:
    input:
        image=lambda wildcards: f"results/lab/{LAB_TESTSETS[wildcards.testset].image}",
    output:
        folder=directory("results/testsets/{testset}"),
    log:
        "results/logs/build_lab_testset/{testset}.log",
    wildcard_constraints:
        testset=any_of(LAB_TESTSETS),
    conda:
        "../envs/training.yaml"
    params:
        code=code("build_lab_testset"),
        settings=lambda wildcards: section(LAB_TESTSETS[wildcards.testset]),
        counts_per_px=lab_testset_doses,
        draws=SCALE.lab_draws,
    message:
        "Build the lab test set {wildcards.testset}"
    script:
        "../workflow_scripts/build_lab_testset.py"


rule plot_reference:
    input:
        image=lambda wildcards: f"results/lab/{LAB_TESTSETS[wildcards.testset].image}",
    output:
        figure=report(
            "results/figures/reference_{testset}.png",
            category="Lab images",
            caption="../report/reference.rst",
            labels={"test set": "{testset}"},
        ),
    log:
        "results/logs/plot_reference/{testset}.log",
    wildcard_constraints:
        testset=any_of(LAB_TESTSETS),
    conda:
        "../envs/training.yaml"
    params:
        code=code("plot_reference"),
        settings=lambda wildcards: section(LAB_TESTSETS[wildcards.testset]),
    message:
        "Draw the reference columns of {wildcards.testset}"
    script:
        "../workflow_scripts/plot_reference.py"


rule tune_detection:
    input:
        validation=lambda wildcards: shards(wildcards.dataset, "validation"),
        weights=lambda wildcards: weights_of(KNOWN_NETWORKS, wildcards.method),
        structures=lambda wildcards: shown_structures(wildcards.dataset),
    output:
        settings="results/tuning/detection/{dataset}/{method}.json",
    log:
        "results/logs/tune_detection/{dataset}_{method}.log",
    priority: 5  # the 2-D Gaussian fits take longest
    conda:
        method_environment
    params:
        code=lambda wildcards: method_code("tune_detection", KNOWN_NETWORKS, wildcards.method),
        network=lambda wildcards: network_folder(KNOWN_NETWORKS, wildcards.method),
        prior=lambda wildcards: method_prior(wildcards.method),
        evaluation=EVALUATION,
    message:
        "Tune {wildcards.method} on {wildcards.dataset}"
    script:
        "../workflow_scripts/tune_detection.py"


rule evaluate_detection:
    input:
        test=lambda wildcards: test_shards(wildcards.testset),
        weights=lambda wildcards: weights_of(KNOWN_NETWORKS, wildcards.method),
        settings=detection_tuning,
        structures=lambda wildcards: shown_structures(wildcards.testset),
    output:
        columns="results/evaluation/{testset}/{method}/columns.parquet",
        images="results/evaluation/{testset}/{method}/images.parquet",
    log:
        "results/logs/evaluate_detection/{testset}_{method}.log",
    priority: 5  # the 2-D Gaussian fits take longest
    conda:
        method_environment
    params:
        code=lambda wildcards: method_code("evaluate_detection", KNOWN_NETWORKS, wildcards.method),
        network=lambda wildcards: network_folder(KNOWN_NETWORKS, wildcards.method),
        prior=lambda wildcards: method_prior(wildcards.method),
        evaluation=EVALUATION,
    message:
        "Find columns in {wildcards.testset} by {wildcards.method}"
    script:
        "../workflow_scripts/evaluate_detection.py"


rule evaluate_generalisation:
    input:
        test=[shard for testset in GENERALISATION for shard in shards(testset, "test")],
        weights=lambda wildcards: weights_of(KNOWN_NETWORKS, wildcards.method),
        settings=detection_tuning,
        structures=sorted({path for name in GENERALISATION for path in shown_structures(name)}),
    output:
        columns=[
            f"results/evaluation/{testset}/{{method}}/columns.parquet"
            for testset in GENERALISATION
        ],
        images=[
            f"results/evaluation/{testset}/{{method}}/images.parquet" for testset in GENERALISATION
        ],
    log:
        "results/logs/evaluate_generalisation/{method}.log",
    conda:
        method_environment
    params:
        code=lambda wildcards: method_code(
            "evaluate_generalisation", KNOWN_NETWORKS, wildcards.method
        ),
        shards=[shards(testset, "test") for testset in GENERALISATION],
        network=lambda wildcards: network_folder(KNOWN_NETWORKS, wildcards.method),
        prior=lambda wildcards: method_prior(wildcards.method),
        evaluation=EVALUATION,
    message:
        "Find columns beyond the training by {wildcards.method}"
    script:
        "../workflow_scripts/evaluate_generalisation.py"


rule tune_enhancement:
    input:
        validation=lambda wildcards: shards(wildcards.dataset, "validation"),
    output:
        settings="results/tuning/enhancement/{dataset}/{method}.json",
    log:
        "results/logs/tune_enhancement/{dataset}_{method}.log",
    conda:
        "../envs/training.yaml"
    params:
        code=code("tune_enhancement"),
    message:
        "Tune the {wildcards.method} filter on {wildcards.dataset}"
    script:
        "../workflow_scripts/tune_enhancement.py"


rule evaluate_enhancement:
    input:
        test=lambda wildcards: test_shards(wildcards.testset),
        weights=lambda wildcards: weights_of(ENHANCEMENT_NETWORKS, wildcards.method),
        settings=filter_settings,
    output:
        images="results/enhancement/{testset}/{method}/images.parquet",
    log:
        "results/logs/evaluate_enhancement/{testset}_{method}.log",
    conda:
        "../envs/training.yaml"
    params:
        code=lambda wildcards: method_code(
            "evaluate_enhancement", ENHANCEMENT_NETWORKS, wildcards.method
        ),
        network=lambda wildcards: network_folder(ENHANCEMENT_NETWORKS, wildcards.method),
    message:
        "Enhance {wildcards.testset} by {wildcards.method}"
    script:
        "../workflow_scripts/evaluate_enhancement.py"
