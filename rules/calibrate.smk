"""Calibrate: noise parameters of instruments from their raw images.

Requires results/lab/{image}/
Makes    results/calibration/{instrument}.json and .png
         results/tables/realism.{csv,md,tex}, results/figures/realism.{png,pdf}
"""


rule calibrate_noise:
    input:
        images=calibration_images,
    output:
        parameters="results/calibration/{instrument}.json",
    log:
        "results/logs/calibrate_noise/{instrument}.log",
    priority: 20  # a dataset waits for it
    conda:
        "../envs/lab.yaml"
    params:
        code=code("calibrate_noise"),
        images=lambda wildcards: list(INSTRUMENTS[wildcards.instrument]),
        mode=calibrated_mode,
    message:
        "Calibrate the noise of {wildcards.instrument}"
    script:
        "../workflow_scripts/calibrate_noise.py"


rule plot_calibration:
    input:
        images=calibration_images,
        parameters="results/calibration/{instrument}.json",
    output:
        figure=report(
            "results/calibration/{instrument}.png",
            category="Calibration",
            caption="../report/calibration.rst",
            labels={"instrument": "{instrument}"},
        ),
    log:
        "results/logs/plot_calibration/{instrument}.log",
    conda:
        "../envs/lab.yaml"
    params:
        code=code("plot_calibration"),
        images=lambda wildcards: list(INSTRUMENTS[wildcards.instrument]),
    message:
        "Plot the calibration of {wildcards.instrument}"
    script:
        "../workflow_scripts/plot_calibration.py"


rule assess_realism:
    input:
        images=expand("results/lab/{image}", image=CALIBRATION_IMAGES),
    output:
        table=reported_table("realism"),
        figure=reported_figure("realism", "Figures"),
    log:
        "results/logs/assess_realism.log",
    conda:
        "../envs/reporting.yaml"
    params:
        code=code("assess_realism"),
        images=CALIBRATION_IMAGES,
        instruments={
            name: list(images) for name, images in CONFIG.calibration.instruments.items() if images
        },
        dark_field_fraction=CONFIG.imaging.peak_fraction,
        bright_field_fraction=CONFIG.imaging.bright_field_fraction,
    message:
        "Assess how real synthetic noise is"
    script:
        "../workflow_scripts/assess_realism.py"
