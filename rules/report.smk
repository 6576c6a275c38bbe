"""Report: tables, figures, and the page that shows them.

Requires the products of earlier stages that tables and figures name as inputs
Makes    results/{scale}/tables/{table}.{csv,md,tex}, results/{scale}/figures/{figure}.{png,pdf},
         results/{scale}/report.html
"""

from stembench.planning.timing import print_estimate
from stembench.reporting.figures import FIGURES
from stembench.reporting.tables import TABLES

before_jobs(lambda dag: print_estimate(PLAN, dag, workflow.cores))

# The table or figure of a job.
planned_table = lambda wildcards: PLAN.report.table(wildcards.table)
planned_figure = lambda wildcards: PLAN.report.figure(wildcards.figure)
# An output that the report shows, under the category that its file in the registry names.
reported = lambda path, planned: report(
    path,
    category=lambda wildcards: planned(wildcards).product.category,
    caption="../report/product.rst",
    labels=lambda wildcards: {"name": next(iter(wildcards)).replace("_", " ")},
)


rule make_table:
    input:
        unpack(lambda wildcards: PLAN.report.inputs(planned_table(wildcards))),
    output:
        reported(LAYOUT.table("{table}")[0], planned_table),
        *LAYOUT.table("{table}")[1:],
    log:
        LAYOUT.log("make_table", "{table}"),
    benchmark:
        LAYOUT.benchmark("make_table", "{table}")
    conda:
        lambda wildcards: environment(planned_table(wildcards).product.environment)
    params:
        code=lambda wildcards: code("make_table", TABLES.module(planned_table(wildcards).module)),
        module=lambda wildcards: planned_table(wildcards).module,
        parameters=lambda wildcards: PLAN.report.parameters(planned_table(wildcards)),
    message:
        "Tabulate {wildcards.table}"
    script:
        "../workflow_scripts/make_table.py"


rule plot_figure:
    input:
        unpack(lambda wildcards: PLAN.report.inputs(planned_figure(wildcards))),
    output:
        reported(LAYOUT.figure("{figure}")[0], planned_figure),
        *LAYOUT.figure("{figure}")[1:],
    log:
        LAYOUT.log("plot_figure", "{figure}"),
    benchmark:
        LAYOUT.benchmark("plot_figure", "{figure}")
    conda:
        lambda wildcards: environment(planned_figure(wildcards).product.environment)
    params:
        code=lambda wildcards: code("plot_figure", FIGURES.module(planned_figure(wildcards).module)),
        module=lambda wildcards: planned_figure(wildcards).module,
        parameters=lambda wildcards: PLAN.report.parameters(planned_figure(wildcards)),
    message:
        "Draw {wildcards.figure}"
    script:
        "../workflow_scripts/plot_figure.py"


# The targets `products`, `tables`, `figures` and `studies` run nothing, and so have no log.
rule products:
    input:
        PLAN.report.products,


rule tables:
    input:
        PLAN.report.table_paths,


rule figures:
    input:
        PLAN.report.figure_paths,


rule studies:
    input:
        PLAN.report.study_paths,


# Snakemake makes its report from the records of finished jobs: a second Snakemake reads them and writes it.
# (`--report-after-run` would write one after each call, whatever the target, to one path for all scales.)
rule report:
    input:
        PLAN.report.products,
        captions=PLAN.report.caption_files,
        introduction=str(SHIPPED / "report/workflow.rst"),
        records=PLAN.report.records,
        costs=PLAN.report.cost_table,
        images=[],
    output:
        page=LAYOUT.report,
        run=LAYOUT.run,
    log:
        LAYOUT.log("report"),
    benchmark:
        LAYOUT.benchmark("report")
    conda:
        "../envs/reporting.yaml"
    params:
        code=code("report"),
        target="products",
        scale=CONFIG.scale,
        left_out=PLAN.report.left_out,
        snakefile=str(SHIPPED / "Snakefile"),
    message:
        "Write the report"
    script:
        "../workflow_scripts/report.py"


# Told of its inputs and never run: `print_estimate` ends the call before any job starts.
rule estimate:
    input:
        PLAN.report.products,
        LAYOUT.report,
