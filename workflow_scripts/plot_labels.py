"""An image and the label that each task learns of it."""

from job import running
from stembench.datasets.labels import TASK_LABELS
from stembench.reporting.labels_figure import plot_labels

if __name__ == "__main__":
    with running(snakemake):
        plot_labels(snakemake.input.test, TASK_LABELS, snakemake.output)
