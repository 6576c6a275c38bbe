"""Calibrate: noise parameters of instruments from their raw images.

Requires results/lab/{image}/
Makes    results/calibration/{instrument}.json and .png
"""


rule calibrate_noise:
    input:
        images=lambda wildcards: [
            f"results/lab/{image}"
            for image in CONFIG.calibration.instruments[wildcards.instrument]
        ],
    output:
        parameters="results/calibration/{instrument}.json",
        figure=report(
            "results/calibration/{instrument}.png",
            category="Calibration",
            caption="../report/calibration.rst",
            labels={"instrument": "{instrument}"},
        ),
    log:
        "results/logs/calibrate_noise/{instrument}.log",
    conda:
        "../envs/lab.yaml"
    params:
        code=code("calibrate_noise"),
        images=lambda wildcards: list(CONFIG.calibration.instruments[wildcards.instrument]),
    message:
        "Calibrate the noise of {wildcards.instrument}"
    script:
        "../workflow_scripts/calibrate_noise.py"
