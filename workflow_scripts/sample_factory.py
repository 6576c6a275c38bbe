"""The factory that draws samples, from a rule's inputs and parameters."""

from typing import TYPE_CHECKING

from pydantic import TypeAdapter
from stembench.config import Arrangement, Dataset, Imaging, Multislice
from stembench.crystals.material import Material
from stembench.datasets.factory import Factory
from stembench.datasets.forward import MultisliceModel
from stembench.imaging.multislice import Tile
from stembench.products import read_json

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def factory_of(job: "snakemake", sampling: dict) -> Factory:
    """Return the factory of a job with inputs `projections`, `tiles` and `calibration`; `sampling` is the plan's."""
    recipe, imaging = Dataset(**sampling["recipe"]), Imaging(**sampling["imaging"])
    materials = list(map(Material.read, job.input.projections, sampling["single_layers"]))
    arrangements = TypeAdapter(dict[str, Arrangement]).validate_python(sampling["arrangements"])
    forward = None
    if scans := sampling["multislice"]:
        tiles = dict(zip(map(tuple, sampling["tiles"]), map(Tile.read, job.input.tiles)))
        device = job.resources.get("multislice_device", "cpu")  # none in trainings, whose workers share no GPU
        settings, phonons = Multislice(**scans["settings"], device=device), scans["phonons"]
        forward = MultisliceModel(recipe.mode, imaging, settings, phonons, tiles, recipe.detector_mrad)
    known = [read_json(path) for path in job.input.calibration]
    return Factory(recipe, arrangements, imaging, materials, sampling["image_px"], known[0] if known else None, forward)
