"""Plot confidence and error bars of a network against the truth of test images."""

from job import running
from stembench.application.reliability import coverage, reliability
from stembench.products import read_parquet
from stembench.reporting.reliability_figure import plot_reliability

if __name__ == "__main__":
    with running(snakemake):
        judged = read_parquet(snakemake.input.columns)
        name, dataset, seed = (snakemake.wildcards[key] for key in ("network", "dataset", "seed"))
        title = f"{name}, {dataset}, seed {seed}"
        plot_reliability(reliability(judged), coverage(judged), title, snakemake.output)
