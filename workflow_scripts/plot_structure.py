"""A projected crystal: its image and its columns."""

from job import running
from stembench.config import Condition
from stembench.datasets.factory import Material
from stembench.reporting.structure_figure import plot_structure

if __name__ == "__main__":
    with running(snakemake):
        material = Material.read(snakemake.input.projection, ())
        title = f"{material.material} [{material.zone}]"
        probe = Condition(**snakemake.params.condition).probe
        plot_structure(material.projection, title, probe, snakemake.params.gamma, snakemake.output.figure)
