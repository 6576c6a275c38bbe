"""What every stage shares: the checked configuration, what it asks for, and the wildcards that follow from it."""

import os
import re
import shutil
import sys
from dataclasses import asdict
from functools import cache
from pathlib import Path

sys.path.insert(0, str(Path(workflow.basedir) / "workflow_scripts"))

from snakemake.common.configfile import load_configfile
from snakemake.exceptions import WorkflowError
from snakemake.io import regex_from_filepattern
from stembench.application.choice import USES, best_network, shipped_networks, trained_networks
from stembench.config import CalibratedNoise, load_config
from stembench.config.evaluation import FILTERS
from stembench.config.instrument import INSTRUMENT, instrument_images
from stembench.errors import InputError
from stembench.crystals.materials import check_zones, find_materials
from stembench.imaging.conditions import detectors_of, probe_of
from stembench.lab.fetching import check_own_files
from stembench.lab.own_images import (
    SIDECAR,
    corrections_beside,
    files_of,
    own_images,
    with_structure,
)
from stembench.localisation import DEFAULT_LOCALISER
from stembench.networks.localisers import OWN_LOCALISERS
from stembench.products import check_writable, date_now, read_json
from stembench.sources import source_digest


def config_layers():
    """Content of config.yaml, of each --configfile and of --config.

    In `config` Snakemake has merged them key by key, and a recipe that a later one changes kept old keys.
    """
    if workflow.modifier.skip_configfile:
        return [config]  # of a module, which the workflow that uses it hands over
    settings = workflow.config_settings
    files = list(settings.configfiles)
    if not settings.replace_workflow_config:
        files = workflow.configfiles[len(files) :] + files  # Snakemake lists config.yaml last
    return [*map(load_configfile, files), dict(settings.config)]


try:
    CONFIG = load_config(*config_layers())
    if workflow.is_main_process:
        check_writable(".")
        if dated := date_now(
            "structures", CONFIG.lab.folder, "report", "workflow_scripts", "results"
        ):
            logger.warning(
                f"{len(dated)} files, {dated[0]} the first, were dated in the future and now bear the present date; "
                "set the clocks of the machines that write here"
            )
    MATERIALS = find_materials("structures", CONFIG)
    check_zones(CONFIG, MATERIALS)
    check_own_files(CONFIG.lab_images, CONFIG.lab.folder)
    OWN_IMAGES = own_images(CONFIG.lab.folder, CONFIG.lab.images, materials=MATERIALS)
    LAB_IMAGES = {
        **CONFIG.lab.images,
        **{
            name: with_structure(image, f"lab.images.{name}", MATERIALS)
            for name, image in CONFIG.lab_images.items()
        },
        **OWN_IMAGES,
    }
    # The user's own, and of these what is part of the scale.
    USERS_IMAGES = {name: image for name, image in LAB_IMAGES.items() if not image.distribution}
    APPLIED_IMAGES = [
        name for name in USERS_IMAGES if name in OWN_IMAGES or name in CONFIG.lab_images
    ]
    CORRECTIONS = corrections_beside(CONFIG.lab.folder, USERS_IMAGES)
    INSTRUMENTS = {
        name: images for name, images in CONFIG.calibration.instruments.items() if images
    }
    if CONFIG.instrument:
        INSTRUMENTS[INSTRUMENT] = instrument_images(CONFIG.instrument, LAB_IMAGES)
except InputError as error:
    raise WorkflowError(str(error)) from None


onstart:
    try:
        check_writable(*filter(os.path.isdir, ["results", *Path("results").glob("*")]))
    except InputError as error:
        raise WorkflowError(str(error)) from None


# For profiles, whose settings of resources may name variables; set here, also where a job runs.
os.environ.update(TRAINING_DEVICES=str(CONFIG.training.devices))
SCALE = CONFIG.sizes
GPU = shutil.which("nvidia-smi") is not None
SHOWN_CONDITION = CONFIG.multislice.compared_condition
STRENGTHS = [CONFIG.imaging.gamma, CONFIG.imaging.species_factors]
COMPARED = [
    f"{name}/{zone}"
    for name, zones in CONFIG.multislice.compared.items()
    for zone in zones
    if name in MATERIALS
]
# What a tile depends on; which of them are made or shown does not change one.
TILE_SETTINGS = CONFIG.multislice.model_dump(
    mode="json", exclude={"conditions", "compared", "compared_condition"}
)
# What rules know; the report by default holds those that the configuration names.
CALIBRATION_IMAGES = sorted(
    {image for images in CONFIG.calibration.instruments.values() for image in images}
)
RECIPES = CONFIG.datasets | CONFIG.generalisation.testsets
IMPORTED = [name for name in CONFIG.datasets if name not in CONFIG.simulated]
SIMULATED = [name for name in RECIPES if name not in IMPORTED]


def imported_images(dataset):
    """Images in each split of an imported dataset."""
    from stembench.datasets.temimagenet import list_temimagenet

    try:
        return list_temimagenet(CONFIG.datasets[dataset]).split.value_counts().to_dict()
    except InputError as error:
        raise WorkflowError(f"datasets.{dataset}.folder: {error}") from None


IMPORTED_IMAGES = {name: imported_images(name) for name in IMPORTED}
SPLITS = ("train", "validation", "test", "held_out")
EVALUATION = CONFIG.evaluation.model_dump(mode="json", include={"match_radius_A", "border_A"})
TABULATION = CONFIG.evaluation.model_dump(
    mode="json", include={"match_radius_A", "border_A", "weak_strength", "rim_A"}
)


@cache
def code(script, network=None, unused=(), parts=("networks",)):
    """Digest of the library modules a script imports and of a network it loads: a change to one reruns the rule."""
    folder = Path(workflow.basedir) / "workflow_scripts"
    loaded = [f"stembench.{part}.{architecture(network)}" for part in parts if network]
    # What the configuration says reaches a job as parameters, and the log makes no product.
    return source_digest(
        folder / f"{script}.py", folder, loaded, ignored=["stembench.config", "job", *unused]
    )


def any_of(names):
    """Wildcard constraint: one of these names and no other."""
    return "|".join(map(re.escape, sorted(names))) or "(?!)"


def section(model):
    """A part of the configuration as plain values, for a rule's parameters."""
    return model.model_dump(mode="json")


def shown_materials(materials, zones=None):
    """(material, zone) of some materials, of those `held_out`, or of `all` others, along some zones or all."""
    held_out = sorted(set(MATERIALS) & set(CONFIG.structures.held_out))
    groups = {"all": sorted(set(MATERIALS) - set(held_out)), "held_out": held_out}
    return [
        (material, zone)
        for material in (groups[materials] if isinstance(materials, str) else materials)
        for zone in MATERIALS.get(material, ())
        if zones is None or zone in zones
    ]


def projections(shown):
    """Projected structures of some (material, zone)."""
    return [f"results/structures/{material}/{zone}/projection.json" for material, zone in shown]


def single_layers(shown):
    """Which of some (material, zone) are single layers."""
    return [material in CONFIG.structures.single_layers for material, _ in shown]


@cache
def dataset_materials(dataset, split):
    """(material, zone) that a split shows; what is held out is shown in a split of its own."""
    recipe = RECIPES[dataset]
    shown = shown_materials(recipe.materials, recipe.zones)
    if split != "held_out":
        return shown
    return [each for each in shown_materials("held_out", recipe.zones) if each not in shown]


def dataset_tiles(dataset, split):
    """(material, zone, condition) of the tiles that a split is sampled from; none for linear images."""
    recipe = RECIPES[dataset]
    kinds = [CONFIG.arrangements[name].kind for name in recipe.arrangements]
    if recipe.forward_model == "linear" or "periodic" not in kinds:
        return []
    shown = dataset_materials(dataset, split)
    return [(*each, condition) for each in shown for condition in recipe.conditions]


def tile_probe(wildcards):
    """The probe of a tile; its source enters when an image is sampled."""
    probe = asdict(probe_of(CONFIG.imaging.conditions[wildcards.condition]))
    return probe | {"source_size": 0.0}


def dataset_recipe(dataset):
    """What a dataset's samples depend on; how many there are changes none of them."""
    return RECIPES[dataset].model_dump(mode="json", exclude={"share"})


@cache
def sampling(dataset, split):
    """What the samples of a split are drawn from, beside structures, tiles and calibration."""
    recipe, shown = RECIPES[dataset], dataset_materials(dataset, split)
    return {
        "recipe": dataset_recipe(dataset),
        "arrangements": {name: section(CONFIG.arrangements[name]) for name in recipe.arrangements},
        "single_layers": single_layers(shown),
        "tiles": dataset_tiles(dataset, split),
        "multislice": dataset_multislice(dataset),
        "imaging": imaging_under(recipe.conditions),
        "image_px": SCALE.image_px,
    }


def tiles_of(keys):
    """Tiles of some (material, zone, condition)."""
    return [f"results/tiles/{'/'.join(key)}" for key in keys]


def drawn_on_the_fly(dataset):
    """Whether trainings on a dataset draw its samples themselves; imported images can only be read."""
    return CONFIG.training.data == "on_the_fly" and dataset in SIMULATED


def dataset_multislice(dataset):
    """Settings of scans, for a dataset of multislice images."""
    if RECIPES[dataset].forward_model == "linear":
        return None
    return {"settings": TILE_SETTINGS, "phonons": SCALE.phonons}


def imaging_under(names):
    """The linear model, with some of the conditions."""
    imaging = section(CONFIG.imaging)
    return imaging | {"conditions": {name: imaging["conditions"][name] for name in names}}


def split_images(dataset, split):
    """Images in a split of a dataset."""
    if dataset in IMPORTED:
        return IMPORTED_IMAGES[dataset].get(split, 0)
    only_test = dataset in CONFIG.generalisation.testsets
    if not dataset_materials(dataset, split) or (only_test and split != "test"):
        return 0
    count = SCALE.generalisation_images if only_test else getattr(SCALE, f"{split}_images")
    share = RECIPES[dataset].share
    return max(round(share * count), min(count, 1)) if share else 0


def shards(dataset, split):
    """All shards of a split."""
    number = -(-split_images(dataset, split) // SCALE.shard_images)
    return [f"results/datasets/{dataset}/{split}/{i:05d}" for i in range(number)]


def architecture(network):
    """Network of the registry behind an entry of the configuration, or that of the name itself."""
    entry = CONFIG.networks.get(network)
    return (entry and entry.architecture) or network


def training_code(wildcards):
    """Digest for a training; what draws samples counts where it draws them."""
    drawing = ("sample_factory", "stembench.datasets.on_the_fly")
    unused = () if drawn_on_the_fly(wildcards.dataset) else drawing
    return code("train_network", wildcards.network, unused)


def environment(network):
    """Conda environment that a network is trained and applied in."""
    detector = architecture(network) == "faster_rcnn"
    return f"../envs/{'detector' if detector else 'training'}.yaml"


def network_environment(wildcards):
    """Conda environment of a training."""
    return environment(wildcards.network)


def made_as(wildcards):
    """What a network is built from."""
    return {
        "architecture": architecture(wildcards.network),
        "width": CONFIG.recipe(wildcards.network).width,
        "options": CONFIG.networks[wildcards.network].options,
    }


def training_length(wildcards):
    """How much a network sees: as much as every other of its task."""
    return {"samples_seen": SCALE.samples_seen[wildcards.task], "epochs": SCALE.epochs}


def trained(network, task, dataset, prior="right"):
    """The trained network behind each method of a network: a method a seed."""
    told = "" if prior == "right" else f"-{prior}_prior"
    return {
        f"{network}-{dataset}{told}-seed{seed}": {
            "network": network,
            "dataset": dataset,
            "seed": seed,
            "prior": prior,
            "folder": f"results/models/{network}/{task}/{dataset}/seed{seed}",
        }
        for seed in range(SCALE.seeds)
    }


def network_methods(task):
    """The trained network behind each method of a task that is run by default."""
    methods = {}
    for name, network in CONFIG.networks.items():
        for dataset in network.datasets if task in network.tasks else ():
            methods |= trained(name, task, dataset)
    return methods


def weights_of(networks, method):
    """What a trained network is read from; nothing for a classical method."""
    if method not in networks:
        return []
    folder = networks[method]["folder"]
    return [f"{folder}/weights.safetensors", f"{folder}/model.json"]


def measured_training(wildcards):
    """The training whose network's cost is measured: all of a network and task cost the same."""
    return next(
        row
        for row in COST_ROWS
        if (row["method"], row["task"]) == (wildcards.network, wildcards.task)
    )["folder"]


def network_folder(networks, method):
    """Folder of the trained network behind a method, None for a classical one."""
    return networks[method]["folder"] if method in networks else None


def method_prior(method):
    """Structure that a method's network is told."""
    return KNOWN_NETWORKS[method]["prior"] if method in KNOWN_NETWORKS else "none"


def method_code(script, networks, method, parts=("networks",)):
    """Digest for a script that applies a method."""
    network = networks[method]["network"] if method in networks else None
    unused = () if method == "template_matching" else ("stembench.baselines.template_matching",)
    return code(script, network, unused, parts)


def first_network(task):
    """The network that stands for its task: the first that is trained for it by default."""
    for name, network in CONFIG.networks.items():
        if task in network.tasks:
            return name
    raise WorkflowError(
        f"instrument: no network of the configuration learns {task}; add it to the tasks of one"
    )


# What is applied to the user's own images, once it has learnt the noise of her microscope.
INSTRUMENT_NETWORKS = {
    task: f"results/models/{first_network(task)}/{task}/{INSTRUMENT}/seed0"
    for task in (("localise", "denoise_background") if CONFIG.instrument else ())
}
STUDIED = {
    name: {
        variant: trained(row.network, study.task, row.dataset or study.dataset, row.prior)
        for variant, row in study.variants.items()
    }
    for name, study in CONFIG.studies.items()
}
DETECTION_NETWORKS = network_methods("localise")
ENHANCEMENT_NETWORKS = network_methods("denoise_background")
DETECTORS = [*DETECTION_NETWORKS, *CONFIG.evaluation.detection_baselines]
# Test sets of the structures that are there.
GENERALISATION = [name for name in CONFIG.generalisation.testsets if shards(name, "test")]
SHOWN = [name for name in CONFIG.generalisation.shown if name in GENERALISATION]
PARTICLES = [
    name
    for name in GENERALISATION
    if {CONFIG.arrangements[each].kind for each in RECIPES[name].arrangements} == {"particle"}
]
# What figures show the forward model and the labels of.
ILLUSTRATED = CONFIG.generalisation.tuned_on
MISLED_NETWORKS = {
    method: network
    for name in CONFIG.generalisation.wrong_prior
    if "localise" in CONFIG.networks[name].tasks
    for dataset in CONFIG.networks[name].datasets
    for method, network in trained(name, "localise", dataset, "wrong").items()
}


def studied_networks(task, scored):
    """The trained network behind each method of the studies of a task that score columns, or images."""
    return {
        method: network
        for name, study in CONFIG.studies.items()
        if (study.task, study.scored) == (task, scored)
        for methods in STUDIED[name].values()
        for method, network in methods.items()
    }


# What rules know; tables hold DETECTORS, and studies theirs.
KNOWN_NETWORKS = DETECTION_NETWORKS | MISLED_NETWORKS | studied_networks("localise", "columns")
# Of each task, what images it is scored by its own labels.
IMAGE_NETWORKS = {
    task: studied_networks(task, "images")
    | (ENHANCEMENT_NETWORKS if task == "denoise_background" else {})
    for task in SCALE.samples_seen
}
OUR_LOCALISERS = [name for name in CONFIG.evaluation.localisers if name != "own"]
ENHANCERS = [*ENHANCEMENT_NETWORKS, *CONFIG.evaluation.enhancement_baselines]
LAB_TESTSETS = CONFIG.lab_testsets
SINGLE_CRYSTALS = [name for name, testset in LAB_TESTSETS.items() if testset.single_crystal]
LAB_DETECTION = [name for name, testset in LAB_TESTSETS.items() if testset.detection]
TESTSETS = [*CONFIG.evaluation.testsets, *LAB_DETECTION]


def lab_image_sources(wildcards):
    """The archive an image is extracted from, or the user's own files: the image, and its marked columns."""
    entry = LAB_IMAGES[wildcards.image]
    if entry.distribution:
        return [f"results/lab/distributions/{entry.distribution}.archive"]
    return files_of(CONFIG.lab.folder, entry)


def lab_image_distribution(wildcards):
    """The config entry of the distribution an image comes from, empty for the user's own."""
    name = LAB_IMAGES[wildcards.image].distribution
    return section(CONFIG.lab.distributions[name]) if name else {}


def lab_image_sidecar(wildcards):
    """The table that says what a file does not, for an image that the configuration does not name."""
    return f"{CONFIG.lab.folder}/{SIDECAR}" if wildcards.image in OWN_IMAGES else None


def calibration_images(wildcards):
    """Lab images that show an instrument's noise."""
    names = INSTRUMENTS[wildcards.instrument]
    return [f"results/lab/{name}" for name in names]


def calibrated_mode(wildcards):
    """Detector whose noise is asked for; of an instrument that the configuration names, whatever its images are of."""
    return (
        CONFIG.instrument.mode if CONFIG.instrument and wildcards.instrument == INSTRUMENT else None
    )


def dataset_calibration(wildcards):
    """Calibration of the instrument whose noise a dataset carries, if it does."""
    noise = RECIPES[wildcards.dataset].noise
    if isinstance(noise, CalibratedNoise):
        return f"results/calibration/{noise.instrument}.json"
    return []


def dataset_cifs(wildcards):
    """Structures that a simulated dataset shows, held-out ones included."""
    if wildcards.dataset in IMPORTED:
        return []
    shown = {each for split in SPLITS for each in dataset_materials(wildcards.dataset, split)}
    return sorted({f"structures/{material}.cif" for material, _ in shown})


def dataset_lab_images(wildcards):
    """Lab images that the noise of a dataset was calibrated on."""
    noise = getattr(RECIPES[wildcards.dataset], "noise", None)
    if not isinstance(noise, CalibratedNoise):
        return []
    return [f"results/lab/{image}" for image in INSTRUMENTS[noise.instrument]]


def dataset_shards(wildcards):
    """All shards of a dataset, split after split."""
    return [shard for split in SPLITS for shard in shards(wildcards.dataset, split)]


def shard_samples(wildcards):
    """First sample of a shard, and the one after its last."""
    first = int(wildcards.shard) * SCALE.shard_images
    last = split_images(wildcards.dataset, wildcards.split)
    return [first, min(first + SCALE.shard_images, last)]


def method_environment(wildcards):
    """Conda environment of a method."""
    if wildcards.method in KNOWN_NETWORKS:
        return environment(KNOWN_NETWORKS[wildcards.method]["network"])
    atomap = wildcards.method == "gaussian_fit_atomap"
    return f"../envs/{'atomap' if atomap else 'training'}.yaml"


def filter_settings(wildcards):
    """Tuned settings of a filter; a network has none."""
    if wildcards.method in IMAGE_NETWORKS[wildcards.task]:
        return []
    dataset = tuning_dataset(wildcards.testset)
    return f"results/tuning/enhancement/{wildcards.task}/{dataset}/{wildcards.method}.json"


def detection_tuning(wildcards):
    """Settings of a detection method; what starts from the smoothed maxima shares theirs."""
    shared = wildcards.method in ("gaussian_fit", "gaussian_fit_atomap", "random_points")
    method = "smoothed_maxima" if shared else wildcards.method.replace("-wrong_prior", "")
    dataset = tuning_dataset(wildcards.get("testset"))
    return f"results/tuning/detection/{dataset}/{method}.json"


def tuned_filters(wildcards):
    """Tuned settings of every filter for the images of a test set."""
    folder = f"results/tuning/enhancement/denoise_background/{tuning_dataset(wildcards.testset)}"
    return [f"{folder}/{name}.json" for name in CONFIG.evaluation.enhancement_baselines]


def denoising_code(script):
    """Digests for a script that applies every denoiser."""
    names = [network["named"]["denoiser"] for network in DENOISERS]
    return [code(script), *(code(script, name) for name in names)]


def tuning_dataset(testset):
    """Dataset whose validation images tune the methods for a test set; None stands for those of generalisation."""
    if testset is None:
        return CONFIG.generalisation.tuned_on
    return LAB_TESTSETS[testset].tuned_on if testset in LAB_TESTSETS else testset


def test_shards(testset):
    """Folders that hold a test set's images."""
    if testset in LAB_TESTSETS:
        return [f"results/testsets/{testset}"]
    return shards(testset, "test")


def lab_testset_doses(wildcards):
    """Doses that a lab test set is thinned to: those its methods are tuned at."""
    dataset = CONFIG.datasets[LAB_TESTSETS[wildcards.testset].tuned_on]
    return list(dataset.noise.test_counts_per_px)


def tables(name):
    """A table in its three formats."""
    return multiext(f"results/tables/{name}", ".csv", ".md", ".tex")


def reported_table(name, caption=None):
    """A table in its three formats, of which the CSV is shown in the report."""
    csv, *others = tables(name)
    shown = report(
        csv,
        category="Tables",
        caption=f"../report/{caption or name}.rst",
        labels={"table": name},
    )
    return [shown, *others]


def reported_figure(name, category):
    """A figure as PNG, shown in the report, and as PDF."""
    shown = report(
        f"results/figures/{name}.png",
        category=category,
        caption=f"../report/{name.removesuffix('_{testset}')}.rst",
        labels={"figure": name.replace("_", " ")},
    )
    return [shown, f"results/figures/{name}.pdf"]


def method_row(task, method, networks, testset, folder):
    """The beginning of a row of a table, and the folder that it is read from."""
    row = {
        "method": method,
        "kind": "floor" if method == "random_points" else "baseline",
        "task": task,
        "train_dataset": "",
        "scale": CONFIG.scale,
        "width": None,
        "seed": 0,
        "testset": testset,
        "folder": f"{folder}/{testset}/{method}",
    }
    if method in networks:
        row["method"] = networks[method]["network"]
        row["kind"] = "network"
        row["train_dataset"] = networks[method]["dataset"]
        row["width"] = CONFIG.recipe(row["method"]).width
        row["seed"] = networks[method]["seed"]
    return row


def method_rows(task, methods, networks, testsets, folder):
    """The beginnings of a table's rows."""
    return [
        method_row(task, method, networks, testset, folder)
        for testset in testsets
        for method in methods
    ]


def has_own_localiser(method):
    """Whether the authors of a method's network read columns from its map in a way of their own."""
    return architecture(KNOWN_NETWORKS[method]["network"]) in OWN_LOCALISERS


def evaluated_by(localisers, testsets=("{testset}",)):
    """What a method's evaluation makes: a folder a localiser on each test set; None is a classical method's own."""
    folders = [
        f"results/evaluation/{testset}/{{method}}" + (f"-{localiser}" if localiser else "")
        for testset in testsets
        for localiser in localisers
    ]
    return {
        part: [f"{folder}/{part}.parquet" for folder in folders] for part in ("columns", "images")
    }


def detection_rows(methods, testset, localisers=CONFIG.evaluation.localisers):
    """The beginnings of rows on detection: a network has one for each of its localisers."""
    rows = []
    for method in methods:
        row = method_row("localise", method, KNOWN_NETWORKS, testset, "results/evaluation")
        if method not in KNOWN_NETWORKS:
            rows.append(row | {"localiser": BASELINE_LOCALISERS.get(method, "")})
            continue
        for localiser in localisers:
            if localiser != "own" or has_own_localiser(method):
                rows.append(
                    row | {"localiser": localiser, "folder": f"{row['folder']}-{localiser}"}
                )
    return rows


def study_rows(study):
    """The beginnings of a study's rows, each named after its variant."""
    asked, rows = CONFIG.studies[study], []
    for testset in (name for name in asked.testsets if name in RECIPES or name in LAB_DETECTION):
        for variant, methods in STUDIED[study].items():
            named = {"method": variant}
            rows += [row | named for row in compared_rows(asked, methods, testset)]
        rows += compared_rows(asked, asked.baselines, testset)
    return rows


def compared_rows(study, methods, testset):
    """The beginnings of rows of a study's methods on one of its test sets."""
    if study.scored == "columns":
        return detection_rows(methods, testset, [DEFAULT_LOCALISER])
    networks, folder = IMAGE_NETWORKS[study.task], f"results/enhancement/{study.task}"
    return method_rows(study.task, methods, networks, [testset], folder)


def study_datasets(study):
    """What the variants of a study are trained on."""
    asked = CONFIG.studies[study]
    return {row.dataset or asked.dataset for row in asked.variants.values()}


def study_inputs(study):
    """What a study's table is read from."""
    rows = study_rows(study)
    return evaluated(rows) if CONFIG.studies[study].scored == "columns" else enhanced(rows)


def shown_structures(testset):
    """Projected structures of a test set's simulated images."""
    if testset not in SIMULATED:
        return []
    return projections(dataset_materials(testset, "test"))


def evaluated(rows):
    """What a table of detection is read from."""
    return [f"{row['folder']}/{part}.parquet" for row in rows for part in ("columns", "images")]


def enhanced(rows):
    """What a table of enhancement is read from."""
    return [f"{row['folder']}/images.parquet" for row in rows]


# How classical detectors come from an image to columns; the others have no localiser.
BASELINE_LOCALISERS = {
    "smoothed_maxima": "maxima",
    "background_subtracted_maxima": "maxima",
    "gaussian_fit": "gaussian_fit",
    "gaussian_fit_atomap": "gaussian_fit_atomap",
}
DETECTION_ROWS = [row for testset in TESTSETS for row in detection_rows(DETECTORS, testset)]
GENERALISATION_METHODS = [
    *DETECTION_NETWORKS,
    *MISLED_NETWORKS,
    *CONFIG.generalisation.baselines,
]
GENERALISATION_ROWS = [
    row | ({"method": f"{row['method']}_wrong_prior"} if method in MISLED_NETWORKS else {})
    for testset in GENERALISATION
    for method in GENERALISATION_METHODS
    for row in detection_rows([method], testset, [DEFAULT_LOCALISER])
]
ENHANCEMENT_ROWS = method_rows(
    "denoise_background",
    ENHANCERS,
    ENHANCEMENT_NETWORKS,
    CONFIG.evaluation.testsets,
    "results/enhancement/denoise_background",
)
COST_ROWS = [
    method_row(task, method, networks, "", "")
    | {
        "folder": networks[method]["folder"],
        "cost": f"results/cost/{networks[method]['network']}/{task}.json",
    }
    for task in SCALE.samples_seen
    for networks in [network_methods(task)]
    for method in networks
]
LATTICE_ROWS = [
    row | {"image": LAB_TESTSETS[row["testset"]].image}
    for row in method_rows(
        "localise", DETECTORS, DETECTION_NETWORKS, SINGLE_CRYSTALS, "results/lattice_precision"
    )
    if row["kind"] != "floor"
]
# Of networks the first seed alone denoises and localises.
DENOISERS = [
    {
        "named": {
            "denoiser": network["network"],
            "denoiser_task": task,
            "denoiser_dataset": network["dataset"],
        },
        "folder": network["folder"],
    }
    for task in SCALE.samples_seen
    if task in ("denoise", "denoise_background")
    for network in network_methods(task).values()
    if network["seed"] == 0
]
DENOISER_WEIGHTS = [
    f"{network['folder']}/{file}"
    for network in DENOISERS
    for file in ("weights.safetensors", "model.json")
]
DENOISED_ROWS = [
    row
    | {
        "image": LAB_TESTSETS[row["testset"]].image,
        "images": f"results/localisation_after_denoising/{row['testset']}/images",
    }
    for row in method_rows(
        "localise",
        [
            *list(DETECTION_NETWORKS)[:1],
            *(
                name
                for name in CONFIG.evaluation.detection_baselines
                if name in CONFIG.evaluation.localised_after_denoising
            ),
        ],
        DETECTION_NETWORKS,
        SINGLE_CRYSTALS,
        "results/localisation_after_denoising",
    )
]
# Simulated test sets with images at each of several doses.
DENOISED_TESTSETS = [
    name
    for name in CONFIG.evaluation.testsets
    if getattr(getattr(CONFIG.datasets[name], "noise", None), "test_counts_per_px", ())
]
DENOISED_PRECISION_ROWS = [
    method_row("localise", "gaussian_fit", {}, testset, "")
    | {"images": f"results/localisation_after_denoising/{testset}/images.parquet"}
    for testset in DENOISED_TESTSETS
]
PUBLISHED_NUMBERS = "workflow_scripts/stembench/reporting/published.csv"
STUDY_BASELINES = {name for study in CONFIG.studies.values() for name in study.baselines}
STUDY_DETECTORS = STUDY_BASELINES - {*FILTERS}
# Studies of the structures that are there.
STUDIES = [
    study
    for study in CONFIG.studies
    if all(shards(dataset, "train") for dataset in study_datasets(study))
]
STUDY_TABLES = [
    path for study in STUDIES for name in (study, f"{study}_comparison") for path in tables(name)
]
DETECTION_TABLES = ["detection", "detection_comparison", "precision_vs_dose"]
ENHANCEMENT_TABLES = ["enhancement", "enhancement_comparison"]


def shown_methods(wildcards):
    """Methods shown on an image: each network's first seed by its default localiser, and the baselines."""
    beyond = [*DETECTION_NETWORKS, *CONFIG.generalisation.baselines]
    methods = DETECTORS if wildcards.testset in LAB_TESTSETS else beyond
    rows = detection_rows(methods, wildcards.testset, [DEFAULT_LOCALISER])
    return [row for row in rows if row["kind"] != "floor" and row["seed"] == 0]


def enhancement_rows(wildcards):
    """Methods of enhancement shown on an image: each filter, and each network's first seed."""
    networks, folder = ENHANCEMENT_NETWORKS, "results/enhancement/denoise_background"
    rows = method_rows("denoise_background", ENHANCERS, networks, [wildcards.testset], folder)
    return sorted((row for row in rows if row["seed"] == 0), key=lambda row: row["kind"])


def lattice_rows(wildcards):
    """Methods whose spacings are shown: each network's first seed, and the baselines."""
    return [row for row in LATTICE_ROWS if row["testset"] == wildcards.testset and row["seed"] == 0]


def overlay_dose(wildcards):
    """Dose at which a lab image is shown: the lowest but one."""
    return sorted(lab_testset_doses(wildcards))[:2][-1]


OTHER_TABLES = [
    *(["lattice_precision"] if LATTICE_ROWS else []),
    *(["localisation_after_denoising"] if DENOISED_ROWS else []),
    *(["precision_after_denoising"] if DENOISED_TESTSETS else []),
    *(["cost", "loss"] if COST_ROWS else []),
]
CAPTIONS = sorted(map(str, Path("report").glob("*.rst")))
# What no training or test of the run by default asks for.
STUDY_DATASETS = {dataset for study in CONFIG.studies for dataset in study_datasets(study)} - {
    *CONFIG.evaluation.testsets,
    *(testset.tuned_on for testset in LAB_TESTSETS.values()),
    *(dataset for network in CONFIG.networks.values() for dataset in network.datasets),
}
SHOWN_DATASETS = [
    dataset
    for dataset in CONFIG.datasets
    if dataset not in STUDY_DATASETS or (SCALE.studies and shards(dataset, "train"))
]
REPORTED = [
    *(
        path
        for name in (*DETECTION_TABLES, *ENHANCEMENT_TABLES, *OTHER_TABLES)
        for path in tables(name)
    ),
    *multiext("results/figures/precision_vs_dose", ".png", ".pdf"),
    *(STUDY_TABLES if SCALE.studies else []),
    *(tables("generalisation") if GENERALISATION else []),
    *(multiext("results/figures/generalisation", ".png", ".pdf") if GENERALISATION else []),
    *(f"results/figures/overlay_{testset}.png" for testset in LAB_DETECTION),
    *(f"results/figures/reference_{testset}.png" for testset in LAB_TESTSETS),
    *(f"results/figures/gallery_{dataset}.png" for dataset in SHOWN_DATASETS),
    *(
        f"results/datasets/{dataset}/{product}"
        for dataset in SHOWN_DATASETS
        for product in ("index.parquet", "README.md", "browser.html")
    ),
    *(f"results/figures/parameters_{dataset}.png" for dataset in SHOWN_DATASETS),
    *(f"results/calibration/{name}.png" for name in INSTRUMENTS),
    *(tables("realism") if CALIBRATION_IMAGES else []),
    *(multiext("results/figures/realism", ".png", ".pdf") if CALIBRATION_IMAGES else []),
    *(f"results/lab/{image}" for image in CONFIG.lab_images),
    *(f"results/structures/{m}/{zone}/structure.png" for m in MATERIALS for zone in MATERIALS[m]),
    *multiext("results/figures/arrangements", ".png", ".pdf"),
    *(multiext("results/figures/thickness", ".png", ".pdf") if COMPARED else []),
    *(f"{row['folder']}/{figure}.png" for row in COST_ROWS for figure in ("curves", "validation")),
    *(f"{row['folder']}/reliability.png" for row in list(DETECTION_NETWORKS.values())[:1]),
    *(
        f"results/figures/{name}.{ending}"
        for name in (
            *(f"enhanced_{testset}" for testset in CONFIG.evaluation.testsets),
            *(f"lab_enhanced_{testset}" for testset in LAB_TESTSETS),
            *(f"lattice_spacings_{testset}" for testset in SINGLE_CRYSTALS),
            *(f"found_{testset}" for testset in SHOWN),
            *(f"edges_{testset}" for testset in PARTICLES),
            "forward_model",
            "labels",
        )
        for ending in ("png", "pdf")
    ),
]


def refuse(message):
    """End with a message; of an error in what a rule asks for, Snakemake shows where in this file it arose."""
    logger.error(message)
    sys.exit(1)


@cache
def applied_network(use):
    """Folder of the network that the user's images are read with: what is named, the instrument's, or the best here."""
    if named := getattr(CONFIG.apply, use):
        return named.rstrip("/")
    task = USES[use][0]
    if task in INSTRUMENT_NETWORKS:
        return INSTRUMENT_NETWORKS[task]
    here = {
        network["folder"]: (network["network"], network["dataset"])
        for network in network_methods(task).values()
    }
    try:
        scores = [trained_networks(here, "results/tables", use), shipped_networks("weights", use)]
    except InputError as error:
        refuse(str(error))
    if best := best_network(scores):
        return best
    if not here:
        refuse(
            f"apply.{use}: no trained network is here, and none in the configuration learns {task}; "
            f"name a folder that holds one, or give {task} to the tasks of a network"
        )
    folder, (network, dataset) = next(iter(here.items()))
    if workflow.is_main_process:
        from stembench.estimate import Estimator, Job

        images = {(name, split): split_images(name, split) for name in RECIPES for split in SPLITS}
        job = Job("train_network", (("network", network), ("task", task)))
        seconds = Estimator(CONFIG, images, "structures", "results/tables/cost.csv")(job).core_s
        logger.warning(
            f"No network is here that can {use}: {network} is trained first, about {seconds / 60:.0f} minutes on one "
            f"core beside its dataset, and kept in {folder}"
        )
    return folder


def network_files(use):
    """What a network is applied from; one that the workflow does not train must be there."""
    folder = applied_network(use)
    names = ["weights.safetensors", "model.json"]
    paths = [f"{folder}/{name}" for name in names + ["characterisation.json"] * (use == "localise")]
    missing = [path for path in paths if not Path(path).exists()]
    if missing and not folder.startswith("results/models/"):
        refuse(
            f"apply.{use}: there is no file {missing[0]}; name a folder with a trained network (those of weights/ "
            "and results/models/{network}/{task}/{dataset}/seed{n})"
        )
    return paths


def applied_code(script, use):
    """Digest for a script that applies a network to the user's images."""
    folder = Path(applied_network(use))
    record = folder / "model.json"
    if not record.exists():
        return code(script, folder.parts[2])
    try:
        return code(script, read_json(record)["architecture"])
    except (InputError, KeyError) as error:
        refuse(f"apply.{use}: {record} is no record of a network ({error}); name another folder")


def corrections_of(wildcards):
    """The user's corrections of what was found in an image, if there are any."""
    return [str(CORRECTIONS[wildcards.image])] if wildcards.image in CORRECTIONS else []


def named_structure(wildcards):
    """Projected structure of the crystal that the user names for an image, if she does."""
    entry = LAB_IMAGES[wildcards.image]
    return projections([(entry.material, entry.zone)]) if entry.material and entry.zone else []


def applied_products(wildcards):
    """Everything that is made of the user's images."""
    if not APPLIED_IMAGES:
        refuse(
            f"{CONFIG.lab.folder}/ holds no image; put yours there, and what its file does not tell into "
            f"{CONFIG.lab.folder}/images.csv"
        )
    # Asked for here too, since Snakemake lets a product stand whose rule cannot say what it needs.
    for use in USES:
        network_files(use)
    return [f"results/applied/{image}/{name}" for image in APPLIED_IMAGES for name in APPLIED]


APPLIED_FIGURES = (
    "overlay",
    "comparison",
    "denoised",
    "spectra",
    "displacements",
    "strain",
    "spacings",
)
APPLIED = [
    *("columns.csv", "summary.json", "summary.html", "columns.hspy", "columns.xyz", "denoised.tif"),
    *(f"{name}.png" for name in APPLIED_FIGURES),
]


def applied_figures():
    """Pictures of an image and its columns, shown in the report."""
    return {
        name: report(
            f"results/applied/{{image}}/{name}.png",
            category="Your images",
            subcategory="{image}",
            caption=f"../report/applied_{name}.rst",
            labels={"what": name},
        )
        for name in APPLIED_FIGURES
    }


wildcard_constraints:
    material=any_of(MATERIALS),
    zone=any_of({zone for zones in MATERIALS.values() for zone in zones}),
    condition=any_of(CONFIG.multislice.conditions),
    image=any_of(LAB_IMAGES),
    distribution=any_of(CONFIG.lab.distributions),
    instrument=any_of(INSTRUMENTS),
    dataset=any_of(RECIPES),
    split=any_of(SPLITS),
    shard=r"\d{5}",  # number of a shard in its split, from 00000
    network=any_of(CONFIG.networks),
    task=any_of(SCALE.samples_seen),
    study=any_of(CONFIG.studies),
    seed=r"\d+",
    testset=any_of({*CONFIG.datasets, *LAB_TESTSETS}),
    method=any_of(
        [
            *DETECTORS,
            *ENHANCERS,
            *KNOWN_NETWORKS,
            *(method for networks in IMAGE_NETWORKS.values() for method in networks),
            *STUDY_BASELINES,
            *CONFIG.generalisation.baselines,
        ]
    ),
