"""Draw a figure of the registry."""

from job import running
from stembench.reporting.figures import FIGURES
from stembench.reporting.style import write_figure

if __name__ == "__main__":
    with running(snakemake):
        figure = FIGURES.load(snakemake.params.module)
        drawing = figure.draw(dict(snakemake.input.items()), snakemake.params.parameters)
        write_figure(drawing, snakemake.output, figure.dpi)
