"""The whole configuration, and how a mistake in it is told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

from pydantic import Discriminator, Field, Tag, ValidationError, model_validator

from stembench.baselines.finders import FINDERS
from stembench.config.apply import Apply
from stembench.config.arrangements import (
    Arrangement,
    Defects,
    Embedded,
    GrainBoundary,
    Occluded,
    Particle,
    Periodic,
    Random,
    Wedge,
)
from stembench.config.base import Name, Section
from stembench.config.datasets import CalibratedNoise, Dataset, ImportedDataset, PhysicalNoise
from stembench.config.evaluation import Evaluation, LabTestset
from stembench.config.generalisation import Generalisation
from stembench.config.imaging import Imaging, Multislice
from stembench.config.instrument import INSTRUMENT, Instrument
from stembench.config.lab import Calibration, Lab, LabImage
from stembench.config.networks import NETWORKS, Network, Recipe, Task, Training
from stembench.config.scales import Scale
from stembench.config.structures import Structures
from stembench.config.studies import STUDIES, Study
from stembench.errors import InputError, in_short
from stembench.imaging.conditions import detectors_of, probe_of
from stembench.imaging.detectors import DARK_FIELD
from stembench.imaging.limits import cell_width, check
from stembench.networks import NETWORKS as REGISTRY

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


def _kind_of_dataset(value: object) -> str:
    imported = isinstance(value, ImportedDataset) or (isinstance(value, dict) and "folder" in value)
    return "imported" if imported else "simulated"


AnyDataset = Annotated[
    Annotated[Dataset, Tag("simulated")] | Annotated[ImportedDataset, Tag("imported")],
    Discriminator(_kind_of_dataset),
]


def _srtio3(forward_model: str) -> Dataset:
    """What differs between trainings on the two forward models is the model alone."""
    shown = {"materials": ("SrTiO3",), "zones": ("001",), "conditions": ("200keV_24mrad",)}
    return Dataset(forward_model=forward_model, **shown, share=0.25, seed=4)


class Config(Section):
    """Everything that can be set."""

    scale: Name = Field("demo", description="Which of `scales` is run; `--config scale=full` for the benchmark")
    scales: dict[Name, Scale] = Field(
        {
            "demo": Scale(
                image_px=128,
                train_images=4800,
                validation_images=220,
                test_images=220,
                held_out_images=40,
                generalisation_images=20,
                shard_images=1200,
                width=0.25,
                crop_px=64,
                batch_images=16,
                samples_seen=dict.fromkeys(get_args(Task), 16_000) | {"localise": 8000, "denoise_background": 12_000},
                epochs=5,
                seeds=1,
                lab_draws=2,
                phonons=2,
                thickest_A=40,
                bootstrap=1000,
                studies=False,
            ),
            "full": Scale(
                image_px=256,
                train_images=20_000,
                validation_images=1000,
                test_images=2000,
                held_out_images=1000,
                generalisation_images=240,
                shard_images=2000,
                width=1.0,
                crop_px=256,
                batch_images=16,
                samples_seen=dict.fromkeys(get_args(Task), 4_000_000),
                epochs=200,
                seeds=3,
                lab_draws=10,
                phonons=20,
                thickest_A=100,
                bootstrap=10_000,
                studies=True,
            ),
        },
        description="Counts, sizes and steps; the science below is the same at every scale",
    )
    structures: Structures = Field(Structures(), description="Crystals and zone axes")
    imaging: Imaging = Field(Imaging(), description="Microscope settings and the linear model")
    multislice: Multislice = Field(Multislice(), description="Multislice simulation of tiles")
    arrangements: dict[Name, Annotated[Arrangement, Field(discriminator="kind")]] = Field(
        {
            "periodic": Periodic(),
            "defects": Defects(),
            "particle": Particle(),
            "wedge": Wedge(),
            "embedded": Embedded(),
            "straight_interface": Embedded(interface="straight"),
            "grain_boundary": GrainBoundary(),
            "random": Random(),
            "occluded": Occluded(),
            "occluded_by_crystal": Occluded(overlayer="crystal"),
        },
        description="Finite and imperfect objects by name, recipes over any material; ranges are drawn from uniformly",
        min_length=1,
    )
    lab: Lab = Field(Lab(), description="Experimental images")
    calibration: Calibration = Field(Calibration(), description="Noise of real instruments")
    instrument: Instrument | None = Field(
        None,
        description="Your microscope: noise is calibrated on its images, the dataset `instrument` is made with it, and "
        "the networks for your images are trained on that; null takes those that there are",
    )
    datasets: dict[Name, AnyDataset] = Field(
        {
            "physical": Dataset(),
            "calibrated": Dataset(
                share=0.1, images_per_structure=1, noise=CalibratedNoise(instrument="se_mos2"), seed=1
            ),
            "bright_field": Dataset(mode="BF", share=0.25, seed=2),
            "annular_bright_field": Dataset(mode="ABF", share=0.25, seed=3),
            "srtio3_linear": _srtio3("linear"),
            "srtio3_multislice": _srtio3("multislice"),
        },
        description="Recipes of simulated images by name, and with `folder` images of others; those that studies alone "
        "ask for are made with them",
        min_length=1,
    )
    networks: dict[Name, Network] = Field(
        NETWORKS, description="Networks of the registry by name, each with its recipes"
    )
    training: Training = Field(Training(), description="The machine that trains")
    evaluation: Evaluation = Field(Evaluation(), description="Test sets, baselines and scores")
    generalisation: Generalisation = Field(
        Generalisation(), description="Test sets beyond what networks are trained on"
    )
    apply: Apply = Field(Apply(), description="The user's own images")
    studies: dict[Name, Study] = Field(
        STUDIES,
        description="Tables of variants of a network, each made by its target results/tables/{study}.csv, all by "
        "`studies`, and part of the report where the scale says so",
    )

    @model_validator(mode="after")
    def _instrument_has_its_dataset(self) -> Config:
        if self.instrument:
            taken: dict[str, Mapping] = {
                "datasets": self.datasets,
                "calibration.instruments": self.calibration.instruments,
            }
            for section, names in taken.items():
                if INSTRUMENT in names:
                    raise ValueError(f"{section}.{INSTRUMENT} is what `instrument` makes; give yours another name")
            images, folder = self.instrument.images, self.lab.folder
            if isinstance(images, str) and Path(images) != Path(folder):
                raise ValueError(
                    f"instrument.from is {images}, and your images are read from {folder} (lab.folder); set both to "
                    "one folder, or list names of images in instrument.from"
                )
            conditions = [name for name in Dataset().conditions if name in self.imaging.conditions]
            able = [name for name in conditions if self.instrument.mode in detectors_of(self.imaging.conditions[name])]
            self.datasets[INSTRUMENT] = self.instrument.dataset(able or conditions)
        return self

    @model_validator(mode="after")
    def _names_exist(self) -> Config:
        def known(name: str, where: Iterable[str], key: str, section: str) -> None:
            if name not in where:
                raise ValueError(f"{key} names {name!r}, which {section} does not hold ({', '.join(where)})")

        known(self.scale, self.scales, "scale", "scales")
        for name, image in self.lab.images.items():
            for scale in image.scales:
                known(scale, self.scales, f"lab.images.{name}.scales", "scales")
            if image.distribution:
                known(
                    image.distribution, self.lab.distributions, f"lab.images.{name}.distribution", "lab.distributions"
                )
        for instrument, shown in self.calibration.instruments.items():
            for name in shown:
                known(name, self.lab.images, f"calibration.instruments.{instrument}", "lab.images")
                self._check_one_frame(name, f"calibration.instruments.{instrument}")
        for material in self.structures.single_layers:
            if material in self.multislice.compared:
                raise ValueError(f"multislice.compared.{material} is a single layer; take one that can be thicker")
        known(
            self.multislice.compared_condition,
            self.multislice.conditions,
            "multislice.compared_condition",
            "multislice.conditions",
        )
        if "HAADF" not in detectors_of(self.imaging.conditions[self.multislice.compared_condition]):
            raise ValueError("multislice.compared_condition needs a condition with a HAADF detector")
        for condition in self.multislice.conditions:
            known(condition, self.imaging.conditions, "multislice.conditions", "imaging.conditions")
            self._check_simulable(condition)
        for name, recipe in self.recipes.items():
            for arrangement in recipe.arrangements:
                known(arrangement, self.arrangements, f"{name}.arrangements", "arrangements")
            for condition in recipe.conditions:
                known(condition, self.imaging.conditions, f"{name}.conditions", "imaging.conditions")
                if recipe.mode not in detectors_of(self.imaging.conditions[condition]):
                    raise ValueError(
                        f"{name}.mode is {recipe.mode}, but imaging.conditions.{condition} has no such "
                        "detector; add its angles to detectors_mrad or take the condition out"
                    )
            edges = [field / self.sizes.image_px for field in recipe.field_of_view_A or ()]
            if edges and not 0.01 <= min(edges) <= max(edges) <= 1:
                raise ValueError(
                    f"{name}.field_of_view_A gives pixels of {min(edges):.3g} to {max(edges):.3g} A with the "
                    f"scale's {self.sizes.image_px} px; between 0.01 and 1 A can be simulated"
                )
            if recipe.forward_model == "multislice":
                for condition in recipe.conditions:
                    known(condition, self.multislice.conditions, f"{name}.conditions", "multislice.conditions")
            if isinstance(recipe.noise, CalibratedNoise):
                key = f"{name}.noise.instrument"
                modes_of = {
                    instrument: {mode for image in images if (mode := self.lab.images[image].mode)}
                    for instrument, images in self.calibration.instruments.items()
                    if images
                }
                if self.instrument:
                    modes_of[INSTRUMENT] = {self.instrument.mode}
                known(recipe.noise.instrument, modes_of, key, "calibration.instruments")
                modes = modes_of[recipe.noise.instrument]
                if any((mode in DARK_FIELD) != (recipe.mode in DARK_FIELD) for mode in modes):
                    raise ValueError(
                        f"{key} was calibrated on {', '.join(sorted(modes))}, and {name}.mode is "
                        f"{recipe.mode}; take an instrument of the same contrast"
                    )
            elif recipe.images_per_structure % len(recipe.noise.test_counts_per_px):
                raise ValueError(
                    f"{name}.images_per_structure must be a multiple of the number of test_counts_per_px "
                    f"({len(recipe.noise.test_counts_per_px)}), so that each structure is shown at every dose"
                )
        for name, network in self.networks.items():
            architecture = network.architecture or name
            known(architecture, REGISTRY, f"networks.{name}.architecture", "workflow_scripts/stembench/networks/")
            for task in network.tasks:
                known(task, self.sizes.samples_seen, f"networks.{name}.tasks", f"scales.{self.scale}.samples_seen")
            for dataset in network.datasets:
                known(dataset, self.datasets, f"networks.{name}.datasets", "datasets")
        for dataset in self.evaluation.testsets:
            known(dataset, self.datasets, "evaluation.testsets", "datasets")
        for name, testset in self.evaluation.lab_testsets.items():
            known(testset.image, self.lab.images, f"evaluation.lab_testsets.{name}.image", "lab.images")
            self._check_one_frame(testset.image, f"evaluation.lab_testsets.{name}")
            for scale in testset.scales:
                known(scale, self.scales, f"evaluation.lab_testsets.{name}.scales", "scales")
            if name in self.lab.images and self.lab.images[name].columns and testset.image != name:
                raise ValueError(
                    f"evaluation.lab_testsets.{name} shows {testset.image}, and lab.images.{name} with its columns is "
                    "a test set of the same name; rename one"
                )
        for name, testset in self.lab_testsets.items():
            key = f"{'evaluation.lab_testsets' if name in self.evaluation.lab_testsets else 'lab.images'}.{name}"
            known(testset.tuned_on, self.datasets, f"evaluation.lab_testsets.{name}.tuned_on", "datasets")
            tuned_on = self.simulated.get(testset.tuned_on)
            if tuned_on is None or not isinstance(tuned_on.noise, PhysicalNoise):
                raise ValueError(f"evaluation.lab_testsets.{name}.tuned_on needs a dataset with physical noise")
            if name in self.evaluation.testsets:
                raise ValueError(f"{key} has the name of a dataset; choose another")
        known(self.generalisation.tuned_on, self.simulated, "generalisation.tuned_on", "simulated datasets")
        for name in self.generalisation.wrong_prior:
            known(name, self.networks, "generalisation.wrong_prior", "networks")
        for name in self.generalisation.testsets:
            if name in self.datasets or name in self.lab_testsets:
                raise ValueError(
                    f"generalisation.testsets.{name} has the name of a dataset or lab test set; rename one"
                )
        for name in self.generalisation.shown:
            known(name, self.generalisation.testsets, "generalisation.shown", "generalisation.testsets")
        for name, study in self.studies.items():
            known(study.task, self.sizes.samples_seen, f"studies.{name}.task", f"scales.{self.scale}.samples_seen")
            for variant, row in study.variants.items():
                key = f"studies.{name}.variants.{variant}"
                known(row.network, self.networks, f"{key}.network", "networks")
                known(row.dataset or study.dataset, self.datasets, f"{key}.dataset", "datasets")
            beyond = self.generalisation.testsets
            marked = [image for image, entry in self.lab.images.items() if entry.columns]
            columns = [*self.datasets, *self.evaluation.lab_testsets, *marked, *beyond]  # of whatever scale
            for scored in study.testsets:
                where, section = (
                    (self.datasets, "datasets") if study.scored == "images" else (columns, "datasets or lab test sets")
                )
                known(scored, where, f"studies.{name}.testsets", section)
                for baseline in study.baselines:
                    if scored in beyond:
                        known(baseline, self.generalisation.baselines, f"studies.{name}.baselines", "generalisation")
                    needs_structure = study.scored == "columns" and FINDERS.load(baseline).needs_structure
                    if needs_structure and scored not in self.simulated:
                        raise ValueError(f"studies.{name}.baselines: {baseline} needs a simulated dataset")
        return self

    def _check_one_frame(self, image: str, key: str) -> None:
        if self.lab.images[image].frames == "each":
            raise ValueError(f"{key} takes one frame, and lab.images.{image}.frames is each; average them")

    def _check_simulable(self, name: str) -> None:
        probe, detectors = probe_of(self.imaging.conditions[name]), detectors_of(self.imaging.conditions[name])
        width = cell_width(probe, self.sizes.thickest_A, self.multislice.cell_A)
        try:
            check(probe, detectors, self.sizes.thickest_A, width, self.multislice.sampling_A)
        except InputError as error:
            raise ValueError(
                f"multislice.conditions: {name} cannot be simulated: {error} (keys multislice.cell_A and sampling_A, "
                f"imaging.conditions.{name})"
            ) from None

    @property
    def simulated(self) -> dict[str, Dataset]:
        """The datasets that are simulated."""
        return {name: dataset for name, dataset in self.datasets.items() if isinstance(dataset, Dataset)}

    @property
    def recipes(self) -> dict[str, Dataset]:
        """Every recipe of simulated images by its key: those of datasets and of test sets of generalisation."""
        sections: dict[str, Mapping[str, Dataset]] = {
            "datasets": self.simulated,
            "generalisation.testsets": self.generalisation.testsets,
        }
        recipes = {f"{key}.{name}": recipe for key, section in sections.items() for name, recipe in section.items()}
        own = f"datasets.{INSTRUMENT}"
        return {INSTRUMENT if self.instrument and key == own else key: recipe for key, recipe in recipes.items()}

    @property
    def lab_images(self) -> dict[str, LabImage]:
        """The lab images of the scale that is run."""
        return {name: image for name, image in self.lab.images.items() if self.scale in (image.scales or self.scales)}

    @property
    def lab_testsets(self) -> dict[str, LabTestset]:
        """The test sets of lab images of the scale that is run, an image with marked columns being one of its name."""
        marked = {name: LabTestset(image=name) for name, image in self.lab.images.items() if image.columns}
        testsets = marked | self.evaluation.lab_testsets
        return {
            name: testset
            for name, testset in testsets.items()
            if testset.image in self.lab_images and self.scale in (testset.scales or self.scales)
        }

    @property
    def sizes(self) -> Scale:
        """The scale that is run."""
        return self.scales[self.scale]

    def recipe(self, network: str) -> Recipe:
        """How a network is trained at the scale that is run, with the scale's sizes where its recipe has none."""
        recipe = self.networks[network].recipes.get(self.scale, Recipe())
        sizes = {key: getattr(self.sizes, key) for key in ("width", "crop_px", "batch_images")}
        return recipe.model_copy(update={key: size for key, size in sizes.items() if getattr(recipe, key) is None})


def load_config(content: dict, source: str = "config/config.yaml") -> Config:
    """Check a configuration.

    Raises
    ------
    InputError
        One message that names `source` and, for each mistake, the key and the remedy.
    """
    try:
        return Config.model_validate(content)
    except ValidationError as error:
        mistakes = [f"  {_mistake(e)}" for e in error.errors(include_url=False)]
        raise InputError("\n".join([f"{source} (or --config / --configfile) cannot be used:", *mistakes])) from None


def _without_kinds(path: tuple[str | int, ...]) -> list[str | int]:
    """A key without what pydantic adds to it to say which kind of section it took."""
    parts = list(path)
    if parts[:1] in (["datasets"], ["arrangements"]):
        del parts[2:3]
    if parts[2:3] == ["noise"]:
        del parts[3:4]
    return parts


def _mistake(error: ErrorDetails) -> str:
    key = in_short(".".join(map(str, _without_kinds(error["loc"]))) or "config")
    if error["type"] == "extra_forbidden":
        return f"{key}: unknown key; remove it or correct its spelling (config/README.md lists every key)"
    if error["type"] == "union_tag_not_found":
        return f"{key}: {error['ctx']['discriminator']} is missing; it says which kind this is (config/README.md)"
    if error["type"] == "missing":
        return f"{key}: missing; config/README.md says what belongs there"
    message = in_short(error["msg"].removeprefix("Value error, "), 2000)
    value = error["input"]
    return f"{key}: {message}" + (
        f"; got {in_short(repr(value))}" if isinstance(value, str | int | float | bool) else ""
    )
