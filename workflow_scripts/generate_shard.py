"""One shard of a dataset."""

from job import running, say
from stembench.config import Dataset, Imaging
from stembench.crystals.projection import Projection
from stembench.datasets.factory import Factory, Material
from stembench.datasets.store import write_shard
from stembench.noise.calibration import parameters_of
from stembench.products import read_json, whole

if __name__ == "__main__":
    with running(snakemake):
        recipe, imaging = Dataset(**snakemake.params.recipe), Imaging(**snakemake.params.imaging)
        stored = [read_json(path) for path in snakemake.input.projections]
        materials = [Material.of(s["material"], s["zone"], Projection.from_dict(s), imaging.gamma) for s in stored]
        calibration = snakemake.input.get("calibration")
        noise = parameters_of(read_json(calibration)) if calibration else None
        factory = Factory(recipe, imaging, materials, snakemake.params.image_px, noise)
        first, last = snakemake.params.samples
        split = snakemake.wildcards.split
        with whole(snakemake.output.folder) as partial:
            partial.mkdir()
            write_shard(partial, (factory.sample(split, i) for i in range(first, last)), snakemake.params.recipe)
        say(f"{snakemake.wildcards.dataset}/{split}: {last - first} images")
