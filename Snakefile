import logging
import os

from snakemake.utils import min_version

min_version("9.14")
# A full disk takes no log of Snakemake's, and the terminal tells of it.
logging.raiseExceptions = False


report: os.environ.get("STEMBENCH_REPORT", "report/workflow.rst")


configfile: "config/config.yaml"


include: "rules/common.smk"
include: "rules/structures.smk"
include: "rules/simulate.smk"
include: "rules/lab.smk"
include: "rules/calibrate.smk"
include: "rules/datasets.smk"
include: "rules/train.smk"
include: "rules/evaluate.smk"
include: "rules/report.smk"
include: "rules/apply.smk"


rule all:
    default_target: True
    input:
        PLAN.report.products,  # one that a killed job took with it is made again, though the report is there
        LAYOUT.report,
