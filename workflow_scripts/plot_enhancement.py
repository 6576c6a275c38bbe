"""Images after each filter and network, beside the truth."""

from job import running
from stembench.evaluation.examples import Examples
from stembench.reporting.examples_figure import plot_enhancement
from stembench.reporting.style import method_labels

if __name__ == "__main__":
    with running(snakemake):
        labels = method_labels(snakemake.params.methods)
        plot_enhancement(dict(zip(labels, map(Examples.read, snakemake.input.examples))), snakemake.output)
