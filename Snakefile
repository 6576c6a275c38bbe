import logging
import os

from snakemake.utils import min_version

min_version("9.14")
# On a full disk Snakemake cannot write its log; the terminal shows the error.
logging.raiseExceptions = False
# With its default limit of 100 jobs per second, Snakemake looks for new jobs once a second for every job that has ended,
# which slows long runs. On one machine the cores limit the jobs.
if (scheduling := workflow.scheduling_settings) and workflow.local_exec:
    scheduling.max_jobs_per_timespan = None


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


onstart:
    try:
        check_writable(*filter(os.path.isdir, ["results", *Path("results").glob("*")]))
        shipped = [SHIPPED / name for name in ("report", "workflow_scripts")]
        if dated := date_now("structures", CONFIG.lab.folder, *shipped, "results"):
            logger.warning(
                f"{len(dated)} files, {dated[0]} the first, were dated in the future and now bear the present date; "
                "set the clocks of the machines that write here"
            )
    except InputError as error:
        raise WorkflowError(str(error)) from None


onsuccess:
    print(finish(PLAN, workflow.dag.jobs, STARTED), file=sys.stderr)
    check_applied(workflow.dag)


onerror:
    print(finish(PLAN, workflow.dag.jobs, STARTED), file=sys.stderr)


rule all:
    default_target: True
    input:
        PLAN.report.products,  # so that a lost product is made again although the report exists
        LAYOUT.report,
