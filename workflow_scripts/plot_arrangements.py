"""The finite and imperfect objects that datasets can show."""

from job import running
from pydantic import TypeAdapter
from stembench.config import Arrangement, Imaging
from stembench.crystals.material import Material
from stembench.reporting.arrangements_figure import plot_arrangements

if __name__ == "__main__":
    with running(snakemake):
        materials = list(map(Material.read, snakemake.input.projections, snakemake.params.single_layers))
        arrangements = TypeAdapter(dict[str, Arrangement]).validate_python(snakemake.params.arrangements)
        imaging = Imaging(**snakemake.params.imaging)
        plot_arrangements(arrangements, imaging, snakemake.params.condition, materials, snakemake.output)
