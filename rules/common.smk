"""What every stage shares: the checked configuration, what it asks for, and the wildcards that follow from it."""

import sys
from functools import cache
from pathlib import Path

sys.path.insert(0, str(Path(workflow.basedir) / "workflow_scripts"))

from snakemake.exceptions import WorkflowError
from stembench.config import CalibratedNoise, load_config
from stembench.errors import InputError
from stembench.crystals.materials import find_materials
from stembench.sources import source_digest

try:
    CONFIG = load_config(config)
    MATERIALS = find_materials("structures", CONFIG.structures, CONFIG.datasets)
except InputError as error:
    raise WorkflowError(str(error)) from None

SCALE = CONFIG.sizes
SPLIT_IMAGES = {
    "train": SCALE.train_images,
    "validation": SCALE.validation_images,
    "test": SCALE.test_images,
}
EVALUATION = CONFIG.evaluation.model_dump(
    mode="json", include={"match_radius_A", "border_A"}
)


@cache
def code(script):
    """Digest of the library modules that a script imports, so that a change to one reruns the rule."""
    folder = Path(workflow.basedir) / "workflow_scripts"
    return source_digest(folder / f"{script}.py", folder)


def any_of(names):
    """Wildcard constraint: one of these names and no other."""
    return "|".join(sorted(names)) or "(?!)"


def section(model):
    """A part of the configuration as plain values, for a rule's parameters."""
    return model.model_dump(mode="json")


def zones_of(materials):
    """(material, zone) of each projection that a dataset shows."""
    names = sorted(MATERIALS) if materials == "all" else materials
    return [(name, zone) for name in names for zone in MATERIALS[name]]


def projections(materials):
    """Projected structures that a dataset shows."""
    return [
        f"results/structures/{material}/{zone}/projection.json"
        for material, zone in zones_of(materials)
    ]


def shards(dataset, split):
    """All shards of a split."""
    number = -(-SPLIT_IMAGES[split] // SCALE.shard_images)
    return [f"results/datasets/{dataset}/{split}/{i:05d}" for i in range(number)]


def trainings(task):
    """(network, dataset, seed) of each network that is trained for a task."""
    return [
        (name, dataset, seed)
        for name, network in CONFIG.networks.items()
        if task in network.tasks
        for dataset in network.datasets
        for seed in range(SCALE.seeds)
    ]


def network_methods(task):
    """The trained network behind each method of a task."""
    return {
        f"{network}-{dataset}-seed{seed}": {
            "network": network,
            "dataset": dataset,
            "seed": seed,
            "folder": f"results/models/{network}/{task}/{dataset}/seed{seed}",
        }
        for network, dataset, seed in trainings(task)
    }


def weights_of(networks, method):
    """What a trained network is read from; nothing for a classical method."""
    if method not in networks:
        return []
    folder = networks[method]["folder"]
    return [f"{folder}/weights.safetensors", f"{folder}/model.json"]


def network_folder(networks, method):
    """Folder of the trained network behind a method, None for a classical one."""
    return networks[method]["folder"] if method in networks else None


DETECTION_NETWORKS = network_methods("localise")
ENHANCEMENT_NETWORKS = network_methods("denoise_background")
DETECTORS = [*DETECTION_NETWORKS, *CONFIG.evaluation.detection_baselines]
ENHANCERS = [*ENHANCEMENT_NETWORKS, *CONFIG.evaluation.enhancement_baselines]
LAB_TESTSETS = CONFIG.evaluation.lab_testsets
TESTSETS = [*CONFIG.evaluation.testsets, *LAB_TESTSETS]


wildcard_constraints:
    material=any_of(MATERIALS),
    zone=any_of({zone for zones in MATERIALS.values() for zone in zones}),
    image=any_of(CONFIG.lab.images),
    distribution=any_of(CONFIG.lab.distributions),
    instrument=any_of(CONFIG.calibration.instruments),
    dataset=any_of(CONFIG.datasets),
    split=any_of(SPLIT_IMAGES),
    shard=r"\d{5}",  # number of a shard in its split, from 00000
    network=any_of(CONFIG.networks),
    task=any_of({task for network in CONFIG.networks.values() for task in network.tasks}),
    seed=r"\d+",
    testset=any_of(TESTSETS),
    method=any_of([*DETECTORS, *ENHANCERS]),
