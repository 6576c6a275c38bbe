"""What a product depends on beside its input files; when one of these values changes, the product is remade.

A training is the costliest product, so `training_identity` is the one place that says what it depends on.
"""

from functools import cache
from pathlib import Path
from typing import Any

from stembench.config import Config
from stembench.config.networks import Task
from stembench.sources import source_digest

LIBRARY = Path(__file__).parents[2]

#: Modules that no product's content depends on.
IGNORES = (
    "stembench.config",  # settings reach a job as parameters, which count
    "stembench.errors",  # messages
    "stembench.planning",  # which products are made; how each is made reaches its job as parameters and inputs
    # How a product gets to the disk and back, not what it holds. A file that an older version wrote in another form
    # ends in a message when it is read, never in another number.
    "stembench.products",
    "job",  # the log
)

#: Modules that a training imports and that change nothing in it: it reads projected structures, not CIFs.
TRAINING_IGNORES = ("stembench.crystals.cif",)

#: Modules that count only in trainings that draw their samples on the fly.
DRAWING = ("sample_factory", "stembench.datasets.on_the_fly")

#: Module by which a training reads the weights that it starts from: their digest says what it reads.
_READS_WEIGHTS = ("stembench.trained_network",)


@cache
def code_digest(script: str, *loaded: str, ignored: tuple[str, ...] = (), library: Path = LIBRARY) -> str:
    """Return the digest of a script and of the library modules that its products depend on.

    Parameters
    ----------
    script : str
        Name of the script, without `.py`.
    *loaded : str
        Modules that the script loads by name, such as `stembench.networks.sfin`.
    ignored : tuple of str
        Further modules that change nothing in these products.
    library : Path
        Folder of the scripts and of the package `stembench`.

    Raises
    ------
    InputError
        If a module has a relative import; names its file and line.
    """
    return source_digest(library / f"{script}.py", library, loaded, (*IGNORES, *ignored))


def made_as(config: Config, network: str) -> dict[str, Any]:
    """Return the arguments of `networks.registry.build` for a key of `networks`, as plain values."""
    entry, width = config.networks[network], config.recipe(network).width
    return {"architecture": entry.architecture or network, "width": width, "options": dict(entry.options)}


def training_identity(
    config: Config,
    network: str,
    task: Task,
    seed: int,
    sampling: dict[str, Any] | None = None,
    starts_from: str | None = None,
    library: Path = LIBRARY,
) -> dict[str, Any]:
    """Return everything that a training depends on beside its input files, as plain values.

    The `source` of a recipe, `training.compile` and `training.devices` do not count: they say who published the recipe
    and how the training is computed, not what is trained.

    Parameters
    ----------
    config : Config
        The configuration, with the scale that is run.
    network : str
        Key of `networks`.
    task : Task
        What the network learns.
    seed : int
        Seed of the weights and of the order of the samples.
    sampling : dict, optional
        What the samples are drawn from, for a training that draws them on the fly; by default it reads the dataset.
    starts_from : str, optional
        What tells the trained weights that it starts from from others; by default it starts from random ones.
    library : Path
        Folder of the scripts and of the package `stembench`.

    Returns
    -------
    dict
        `made_as`, the arguments of `networks.registry.build`; `recipe`; `length`, the samples seen and the epochs;
        `seed`; `precision`; `sampling`; `code`, the digest of the code; `starts_from`, where it starts from trained
        weights, and `mixed_with`, the dataset whose images it sees as well: every other identity lacks the key.
    """
    recipe, made, mixed = config.recipe(network), made_as(config, network), config.networks[network].mixed_with
    ignored = (*TRAINING_IGNORES, *_READS_WEIGHTS, *(() if sampling else DRAWING))
    module = f"stembench.networks.{made['architecture']}"
    return {
        "made_as": made,
        "recipe": recipe.model_dump(mode="json", exclude={"source", "samples"}),
        "length": {"samples_seen": config.samples_seen(network, task), "epochs": config.sizes.epochs},
        "seed": seed,
        "precision": config.training.precision,
        "sampling": sampling,
        "code": code_digest("train_network", module, ignored=ignored, library=library),
        **({"starts_from": starts_from} if starts_from else {}),
        **({"mixed_with": mixed} if mixed else {}),
    }
