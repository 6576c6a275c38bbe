"""Draw a projected crystal: its image and its columns."""

from job import running
from stembench.config import Condition
from stembench.crystals.material import Material
from stembench.crystals.projection import Scatterers
from stembench.imaging.conditions import probe_of
from stembench.imaging.linear import strength_of
from stembench.reporting.structure_figure import plot_structure

if __name__ == "__main__":
    with running(snakemake):
        params, material = snakemake.params, Material.read(snakemake.input.projection)
        title = f"{material.material} [{material.zone}]"
        scatterers = Scatterers.of(material.projection, lambda element: strength_of(element, *params.strengths))
        probe = probe_of(Condition(**params.condition))
        plot_structure(material.projection, scatterers, title, probe, snakemake.output.figure)
