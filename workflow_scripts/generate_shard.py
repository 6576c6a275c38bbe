"""One shard of a dataset."""

from job import running, say
from pydantic import TypeAdapter
from stembench.config import Arrangement, Dataset, Imaging
from stembench.crystals.material import Material
from stembench.datasets.factory import Factory
from stembench.datasets.store import write_shard
from stembench.noise.calibration import parameters_of
from stembench.products import read_json, whole

if __name__ == "__main__":
    with running(snakemake):
        recipe, imaging = Dataset(**snakemake.params.recipe), Imaging(**snakemake.params.imaging)
        materials = list(map(Material.read, snakemake.input.projections, snakemake.params.single_layers))
        arrangements = TypeAdapter(dict[str, Arrangement]).validate_python(snakemake.params.arrangements)
        calibration = snakemake.input.get("calibration")
        noise = parameters_of(read_json(calibration)) if calibration else None
        factory = Factory(recipe, arrangements, imaging, materials, snakemake.params.image_px, noise)
        first, last = snakemake.params.samples
        split = snakemake.wildcards.split
        with whole(snakemake.output.folder) as partial:
            partial.mkdir()
            write_shard(partial, (factory.sample(split, i) for i in range(first, last)), snakemake.params.recipe)
        say(f"{snakemake.wildcards.dataset}/{split}: {last - first} images")
