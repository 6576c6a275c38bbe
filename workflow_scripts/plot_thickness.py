"""The linear model beside multislice, by thickness."""

from job import running, say
from stembench.config import Condition
from stembench.crystals.material import Material
from stembench.crystals.projection import Scatterers
from stembench.imaging.conditions import probe_of
from stembench.imaging.linear import strength_of
from stembench.imaging.multislice import Tile
from stembench.reporting.thickness_figure import Comparison, plot_thickness

if __name__ == "__main__":
    with running(snakemake):
        params, probe = snakemake.params, probe_of(Condition(**snakemake.params.condition))
        comparisons = []
        for path, folder in zip(snakemake.input.projections, snakemake.input.tiles):
            material = Material.read(path)
            scatterers = Scatterers.of(material.projection, lambda element: strength_of(element, *params.strengths))
            tile = Tile.read(folder)
            title = f"{material.material} [{material.zone}]"
            comparisons.append(Comparison(title, material.projection, scatterers, tile))
            for thickness, correlation in zip(tile.thicknesses, comparisons[-1].correlations(probe)):
                say(f"{title}, {thickness:.1f} A: correlation {correlation:.4f}")
        plot_thickness(comparisons, probe, snakemake.output)
