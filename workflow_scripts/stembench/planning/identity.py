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


def training_identity(
    config: Config,
    network: str,
    task: Task,
    seed: int,
    sampling: dict[str, Any] | None = None,
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
    library : Path
        Folder of the scripts and of the package `stembench`.

    Returns
    -------
    dict
        `made_as`, the arguments of `networks.registry.build`; `recipe`; `length`, the samples seen and the epochs;
        `seed`; `precision`; `sampling`; `code`, the digest of the code.
    """
    entry, recipe = config.networks[network], config.recipe(network)
    architecture = entry.architecture or network
    ignored = TRAINING_IGNORES if sampling else (*TRAINING_IGNORES, *DRAWING)
    return {
        "made_as": {"architecture": architecture, "width": recipe.width, "options": dict(entry.options)},
        "recipe": recipe.model_dump(mode="json", exclude={"source", "samples"}),
        "length": {"samples_seen": config.samples_seen(network, task), "epochs": config.sizes.epochs},
        "seed": seed,
        "precision": config.training.precision,
        "sampling": sampling,
        "code": code_digest("train_network", f"stembench.networks.{architecture}", ignored=ignored, library=library),
    }
