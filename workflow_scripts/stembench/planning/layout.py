"""Every path of the workflow, once.

What depends on the scale lies below `results/{scale}/`, so that no scale touches the products of another; what does not
(structures, lab images, calibration, the user's own images) lies directly below `results/`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from stembench.config.general import RANKED_ON
from stembench.crystals.names import cif_and_phase

RESULTS = "results"
#: Folders of `results/` that belong to no scale.
SHARED = ("structures", "lab", "calibration", "validation", "applied")
TABLE_ENDINGS = ("csv", "md", "tex")
FIGURE_ENDINGS = ("png", "pdf")


def any_of(names: Iterable[str]) -> str:
    """Return a pattern of these names and no other, as constraints of wildcards are written."""
    return "|".join(map(re.escape, sorted(names))) or "(?!)"


class Template(str):
    """A path with wildcards in braces, as rules declare it."""

    def path(self, **wildcards: object) -> str:
        """Return the path in which every wildcard has a value.

        Raises
        ------
        KeyError
            If a wildcard has no value.
        """
        return self.format(**wildcards)

    def where(self, **wildcards: object) -> "Template":
        """Return the template in which some wildcards have these values."""
        path = str(self)
        for name, value in wildcards.items():
            path = path.replace(f"{{{name}}}", str(value))
        return Template(path)


@dataclass(frozen=True)
class _Shared:
    path: str

    def __get__(self, layout: "Layout", _: object = None) -> Template:
        return Template(f"{RESULTS}/{self.path}")


@dataclass(frozen=True)
class _Scaled:
    path: str

    def __get__(self, layout: "Layout", _: object = None) -> Template:
        return Template(f"{layout.folder}/{self.path}")


_MODEL = "models/{network}/{task}/{dataset}/seed{seed}"
_EVALUATION = "evaluation/{testset}/{method}"
_ENHANCEMENT = "enhancement/{task}/{testset}/{method}"
_LATTICE = "lattice_precision/{testset}"
_DENOISED = "localisation_after_denoising/{testset}"


class Layout:
    """Paths of one scale, and of what all scales share."""

    structure = Template("structures/{material}.cif")
    projection = _Shared("structures/{material}/{zone}/projection.json")
    structure_figure = _Shared("structures/{material}/{zone}/structure.png")
    archive = _Shared("lab/distributions/{distribution}.archive")
    lab_image = _Shared("lab/{image}")
    calibration = _Shared("calibration/{instrument}.json")
    calibration_figure = _Shared("calibration/{instrument}.png")
    common_validation = _Shared(f"validation/{RANKED_ON}")
    found = _Shared("applied/{image}/found.parquet")
    denoised = _Shared("applied/{image}/denoised.npy")
    networks = _Shared("applied/networks.json")
    applied = _Shared("applied/{image}/{product}")
    refused = _Shared("applied/refused.json")
    applied_summary = _Shared("applied/summary.csv")
    applied_report = _Shared("applied/report.html")
    applied_run = _Shared("applied/run.rst")

    tile = _Scaled("tiles/{material}/{zone}/{condition}")
    shard = _Scaled("datasets/{dataset}/{split}/{shard}")
    dataset_index = _Scaled("datasets/{dataset}/index.parquet")
    dataset_columns = _Scaled("datasets/{dataset}/columns.parquet")
    dataset_card = _Scaled("datasets/{dataset}/README.md")
    dataset_browser = _Scaled("datasets/{dataset}/browser.html")
    temimagenet = _Scaled("datasets/{dataset}/temimagenet/{split}")
    models = _Scaled("models")
    model = _Scaled(_MODEL)
    weights = _Scaled(f"{_MODEL}/weights.safetensors")
    record = _Scaled(f"{_MODEL}/model.json")
    history = _Scaled(f"{_MODEL}/history.csv")
    validation_examples = _Scaled(f"{_MODEL}/validation.npz")
    ranking = _Scaled(f"{_MODEL}/ranking.json")
    characterisation = _Scaled(f"{_MODEL}/characterisation.json")
    reliability = _Scaled(f"{_MODEL}/reliability.parquet")
    coverage = _Scaled(f"{_MODEL}/coverage.csv")
    testset = _Scaled("testsets/{testset}")
    export = _Scaled("export/{testset}")
    detection_tuning = _Scaled("tuning/detection/{dataset}/{method}.json")
    enhancement_tuning = _Scaled("tuning/enhancement/{task}/{dataset}/{method}.json")
    evaluation = _Scaled(_EVALUATION)
    scored_columns = _Scaled(f"{_EVALUATION}/columns.parquet")
    scored_images = _Scaled(f"{_EVALUATION}/images.parquet")
    enhancement = _Scaled(_ENHANCEMENT)
    enhanced_images = _Scaled(f"{_ENHANCEMENT}/images.parquet")
    enhanced_examples = _Scaled(f"{_ENHANCEMENT}/examples.npz")
    lattice_images = _Scaled(f"{_LATTICE}/images")
    lattice = _Scaled(f"{_LATTICE}/{{method}}")
    lattice_spacings = _Scaled(f"{_LATTICE}/{{method}}/spacings.parquet")
    lattice_responses = _Scaled(f"{_LATTICE}/{{method}}/responses.parquet")
    denoised_images = _Scaled(f"{_DENOISED}/images")
    denoised_fits = _Scaled(f"{_DENOISED}/images.parquet")
    denoised_lattice = _Scaled(f"{_DENOISED}/{{method}}")
    denoised_spacings = _Scaled(f"{_DENOISED}/{{method}}/spacings.parquet")
    denoised_responses = _Scaled(f"{_DENOISED}/{{method}}/responses.parquet")
    real_images = _Scaled("real_images/{method}.csv")
    cost = _Scaled("cost/{network}/{task}.json")
    realism_distances = _Scaled("realism/distances.parquet")
    realism_crops = _Scaled("realism/crops.npz")
    report = _Scaled("report.html")
    run = _Scaled("run.rst")
    rates = _Scaled("rates.csv")

    def __init__(self, scale: str) -> None:
        self.scale, self.folder = scale, f"{RESULTS}/{scale}"

    def cif(self, material: str) -> str:
        """Return the path of the CIF that holds a material, of which `Name#2` is the second crystal in `Name.cif`."""
        return self.structure.path(material=cif_and_phase(material)[0])

    def model_figure(self, name: str) -> tuple[Template, ...]:
        """Return the PNG and PDF of a figure in the folder of a trained network."""
        return tuple(Template(f"{self.model}/{name}.{ending}") for ending in FIGURE_ENDINGS)

    def table(self, name: str) -> tuple[str, ...]:
        """Return the files of a table: CSV, Markdown and LaTeX."""
        return tuple(f"{self.folder}/tables/{name}.{ending}" for ending in TABLE_ENDINGS)

    def figure(self, name: str) -> tuple[str, ...]:
        """Return the files of a figure: PNG and PDF."""
        return tuple(f"{self.folder}/figures/{name}.{ending}" for ending in FIGURE_ENDINGS)

    def log(self, rule: str, wildcards: str = "") -> str:
        """Return the log of a rule's jobs, whose wildcards are in braces."""
        return f"{self.folder}/logs/{rule}{f'/{wildcards}' if wildcards else ''}.log"

    def benchmark(self, rule: str, wildcards: str = "") -> str:
        """Return the file for the time and memory of a rule's jobs, whose wildcards are in braces."""
        return f"{self.folder}/benchmarks/{rule}{f'/{wildcards}' if wildcards else ''}.tsv"
