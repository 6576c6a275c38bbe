"""Detection and precision against the distance from a particle's rim."""

from job import running
from stembench.reporting.edges_figure import edge_profile, plot_edges

if __name__ == "__main__":
    with running(snakemake):
        params = snakemake.params
        plot_edges(edge_profile(params.methods, params.bootstrap), snakemake.output)
