"""The finite and imperfect objects that datasets can show."""

from job import running
from pydantic import TypeAdapter
from stembench.config import Arrangement, Imaging
from stembench.datasets.factory import Material
from stembench.reporting.arrangements_figure import plot_arrangements

if __name__ == "__main__":
    with running(snakemake):
        layers = snakemake.params.single_layers
        materials = [Material.read(path, layers) for path in snakemake.input.projections]
        arrangements = TypeAdapter(dict[str, Arrangement]).validate_python(snakemake.params.arrangements)
        imaging = Imaging(**snakemake.params.imaging)
        plot_arrangements(arrangements, imaging, snakemake.params.condition, materials, snakemake.output)
