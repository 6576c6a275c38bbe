"""Calibrate: noise parameters of instruments from their raw images.

Requires results/lab/{image}/
Makes    results/calibration/{instrument}.json and .png
         results/{scale}/realism/ (how far synthetic noise is from real noise, and crops of both)
"""


rule calibrate_noise:
    input:
        images=lambda wildcards: PLAN.lab.of_instrument(wildcards.instrument),
    output:
        parameters=LAYOUT.calibration,
    log:
        LAYOUT.log("calibrate_noise", "{instrument}"),
    benchmark:
        LAYOUT.benchmark("calibrate_noise", "{instrument}")
    priority: 20  # a dataset waits for it
    conda:
        "../envs/lab.yaml"
    params:
        code=code("calibrate_noise"),
        images=lambda wildcards: list(PLAN.lab.instruments[wildcards.instrument]),
        mode=lambda wildcards: PLAN.lab.mode(wildcards.instrument),
        conditions=lambda wildcards: PLAN.lab.probe_conditions(wildcards.instrument),
    message:
        "Calibrate the noise of {wildcards.instrument}"
    script:
        "../workflow_scripts/calibrate_noise.py"


rule plot_calibration:
    input:
        images=lambda wildcards: PLAN.lab.of_instrument(wildcards.instrument),
        parameters=LAYOUT.calibration,
    output:
        figure=report(
            LAYOUT.calibration_figure,
            category="Calibration",
            caption="../report/calibration.rst",
            labels={"instrument": "{instrument}"},
        ),
    log:
        LAYOUT.log("plot_calibration", "{instrument}"),
    benchmark:
        LAYOUT.benchmark("plot_calibration", "{instrument}")
    conda:
        "../envs/lab.yaml"
    params:
        code=code("plot_calibration"),
        images=lambda wildcards: list(PLAN.lab.instruments[wildcards.instrument]),
    message:
        "Plot the calibration of {wildcards.instrument}"
    script:
        "../workflow_scripts/plot_calibration.py"


rule assess_realism:
    input:
        images=PLAN.lab.calibrating_paths,
        shards=PLAN.datasets.calibrated_shards,
    output:
        distances=LAYOUT.realism_distances,
        crops=LAYOUT.realism_crops,
    log:
        LAYOUT.log("assess_realism"),
    benchmark:
        LAYOUT.benchmark("assess_realism")
    conda:
        "../envs/training.yaml"
    params:
        **PLAN.lab.realism,
        datasets=PLAN.datasets.calibrated,
        code=code("assess_realism"),
    message:
        "Assess how real synthetic noise is"
    script:
        "../workflow_scripts/assess_realism.py"
