"""One shard of a dataset."""

from job import running, say
from pydantic import TypeAdapter
from stembench.config import Arrangement, Dataset, Imaging, Multislice
from stembench.crystals.material import Material
from stembench.datasets.factory import Factory
from stembench.datasets.forward import MultisliceModel
from stembench.datasets.store import write_shard
from stembench.imaging.multislice import Tile
from stembench.products import read_json, whole

if __name__ == "__main__":
    with running(snakemake):
        recipe, imaging = Dataset(**snakemake.params.recipe), Imaging(**snakemake.params.imaging)
        materials = list(map(Material.read, snakemake.input.projections, snakemake.params.single_layers))
        arrangements = TypeAdapter(dict[str, Arrangement]).validate_python(snakemake.params.arrangements)
        calibration = snakemake.input.get("calibration")
        forward = None
        if recipe.forward_model == "multislice":
            tiles = dict(zip(map(tuple, snakemake.params.tiles), map(Tile.read, snakemake.input.tiles)))
            scans = snakemake.params.multislice
            forward = MultisliceModel(recipe.mode, imaging, Multislice(**scans["settings"]), scans["phonons"], tiles)
        factory = Factory(
            recipe,
            arrangements,
            imaging,
            materials,
            snakemake.params.image_px,
            read_json(calibration) if calibration else None,
            forward,
        )
        first, last = snakemake.params.samples
        split = snakemake.wildcards.split
        with whole(snakemake.output.folder) as partial:
            partial.mkdir()
            samples = (factory.sample(split, position) for position in range(first, last))
            write_shard(partial, samples, snakemake.params.recipe, recipe.stored_labels)
        say(f"{snakemake.wildcards.dataset}/{split}: {last - first} images")
