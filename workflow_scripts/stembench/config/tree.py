"""The whole configuration, and how a mistake in it is told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, ValidationError, field_validator, model_validator

from stembench.baselines.finders import FINDERS
from stembench.config.apply import Apply
from stembench.config.arrangements import ARRANGEMENTS, Arrangement
from stembench.config.base import Name, Section
from stembench.config.datasets import CalibratedNoise, Dataset, ImportedDataset, PhysicalNoise
from stembench.config.evaluation import Evaluation, LabTestset
from stembench.config.general import GENERAL, RANKED_ON
from stembench.config.generalisation import Generalisation
from stembench.config.imaging import WIDEST_BEAM_A, Condition, DrawnProbe, Imaging, Multislice
from stembench.config.instrument import INSTRUMENT, Instrument
from stembench.config.lab import Calibration, Lab, LabImage
from stembench.config.layers import lay_over, lineage, without_removed
from stembench.config.networks import NETWORKS, SIZES, Network, Recipe, Training, check_shares, with_inheritance
from stembench.config.scales import SCALES, Scale, with_sizes_of_parents
from stembench.config.structures import Structures
from stembench.config.studies import STUDIES, Study
from stembench.errors import InputError, in_short
from stembench.imaging.conditions import detector_of, detectors_of, modes_of, probe_of
from stembench.imaging.detectors import DARK_FIELD
from stembench.imaging.drawn_probe import extreme_conditions
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


def _hidden_columns(materials: Literal["all", "held_out"]) -> Dataset:
    """All columns of crystals that noise or an overlayer may hide, and images without a crystal."""
    return Dataset(
        materials=materials,
        arrangements=(
            *("periodic", "periodic", "occluded", "occluded_by_crystal", "grain_boundary", "particle"),
            *("random", "empty"),
        ),
        visibility=0.0,
        label_hidden=True,
        noise=PhysicalNoise(counts_per_px=(0.2, 60.0), test_counts_per_px=(0.3, 1.0, 3.0, 10.0)),
        share=1.0 if materials == "all" else 0.5,
        seed=7 if materials == "all" else 8,
    )


def _srtio3(forward_model: str) -> Dataset:
    """What differs between trainings on the two forward models is the model alone."""
    shown = {"materials": ("SrTiO3",), "zones": ("001",), "conditions": ("200keV_24mrad",)}
    return Dataset(forward_model=forward_model, **shown, share=0.25, seed=4)


class Config(Section):
    """Everything that can be set."""

    scale: Name = Field("demo", description="Which of `scales` is run")
    scales: dict[Name, Scale] = Field(
        SCALES,
        description="Counts, sizes and steps; the science is the same at every scale",
        validate_default=True,
    )
    structures: Structures = Field(
        Structures(), description="Crystals and zone axes. Each CIF in `structures/` is a material"
    )
    imaging: Imaging = Field(Imaging(), description="Microscope settings, and the linear model")
    multislice: Multislice = Field(
        Multislice(),
        description="Multislice simulation of tiles. A tile is one in-plane period of a crystal; images of any field "
        "are sampled from it",
    )
    arrangements: dict[Name, Annotated[Arrangement, Field(discriminator="kind")]] = Field(
        ARRANGEMENTS,
        description="Finite and imperfect objects by name. Each is a recipe for any material; values are drawn evenly "
        "from ranges",
        min_length=1,
    )
    lab: Lab = Field(Lab(), description="Experimental images")
    calibration: Calibration = Field(Calibration(), description="Noise of real instruments")
    instrument: Instrument | None = Field(
        None,
        description="Your microscope; null: networks are not trained on its noise. Its images calibrate the noise of "
        "the dataset `instrument`; networks for your images are trained on this dataset and used by "
        "`apply`",
    )
    datasets: dict[Name, AnyDataset] = Field(
        {
            "physical": Dataset(),
            "calibrated": Dataset(share=0.1, noise=CalibratedNoise(instrument="se_mos2"), seed=1),
            "bright_field": Dataset(mode="BF", share=0.25, seed=2),
            "annular_bright_field": Dataset(mode="ABF", share=0.25, seed=3),
            "srtio3_linear": _srtio3("linear"),
            "srtio3_multislice": _srtio3("multislice"),
            "idpc": Dataset(
                forward_model="multislice",
                materials=("SrTiO3", "LiCoO2"),
                conditions=("200keV_24mrad_segmented",),
                mode="iDPC",
                share=0.25,
                seed=5,
            ),
            RANKED_ON: GENERAL,
            "hidden_columns": _hidden_columns("all"),
            "hidden_columns_held_out": _hidden_columns("held_out"),
        },
        description="Recipes of simulated images by name, and imported images. A dataset that only studies name is "
        "made with the studies",
        min_length=1,
    )
    networks: dict[Name, Network] = Field(
        NETWORKS, description="Networks of the registry by name, each with its recipes"
    )
    training: Training = Field(
        Training(), description="How networks are trained on this machine, and where their samples come from"
    )
    evaluation: Evaluation = Field(
        Evaluation(), description="Test sets, baselines and scores. Every method is scored in the same way"
    )
    generalisation: Generalisation = Field(
        Generalisation(), description="Test sets beyond what networks are trained on, for the table `generalisation`"
    )
    apply: Apply = Field(Apply(), description="How columns are found in your own images, by the target `apply`")
    studies: dict[Name, Study] = Field(
        STUDIES,
        description="Tables that compare variants of networks. `results/{scale}/tables/{study}.csv` makes one, the "
        "target `studies` all. Where `scales.{name}.studies` is true, or names some, the report shows them",
    )

    @field_validator("scales", mode="before")
    @classmethod
    def _scales_inherit(cls, scales: object) -> object:
        return with_sizes_of_parents(scales)

    @model_validator(mode="after")
    def _networks_inherit(self) -> Config:
        for scale in SCALES.keys() & self.scales.keys():
            for size in SIZES:
                if not self.scales[scale].parent and getattr(self.scales[scale], size) is None:
                    raise ValueError(f"scales.{scale}.{size} is missing, and the scale has no parent; set it")
        for name, network in self.networks.items():
            for scale in network.recipes.keys() - SCALES.keys():
                if scale not in self.scales:
                    raise ValueError(
                        f"networks.{name}.recipes names {scale!r}, which scales does not hold "
                        f"({', '.join(self.scales)}); correct the name, or add the scale"
                    )
        lineages = {name: self._lineage(name) for name in self.scales}
        sizes = {name: scale.model_dump(include=set(SIZES)) for name, scale in self.scales.items()}
        self.networks.update(with_inheritance(self.networks, lineages, sizes))
        return self

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
            able = [name for name in conditions if detector_of(self.imaging.conditions[name], self.instrument.mode)]
            self.datasets[INSTRUMENT] = self.instrument.dataset(able or conditions)
        return self

    @model_validator(mode="after")
    def _names_exist(self) -> Config:
        unknown: dict[str, list[str]] = {}

        def known(names: Iterable[str], where: Iterable[str], key: str, section: str) -> None:
            for name in names:
                if name not in where:
                    where_not = f"{name!r}, which {section} does not hold ({', '.join(where)})"
                    unknown.setdefault(where_not, []).append(key)

        known([self.scale], self.scales, "scale", "scales")
        if unknown:  # what follows depends on it
            raise ValueError(_told(unknown))
        samples_seen = f"scales.{self.scale}.samples_seen"
        for name, image in self.lab.images.items():
            known(image.scales, self.scales, f"lab.images.{name}.scales", "scales")
            if image.distribution:
                known(
                    [image.distribution], self.lab.distributions, f"lab.images.{name}.distribution", "lab.distributions"
                )
        for instrument, shown in self.calibration.instruments.items():
            known(shown, self.lab.images, f"calibration.instruments.{instrument}", "lab.images")
        multislice = self.multislice
        known(
            [multislice.compared_condition],
            multislice.conditions,
            "multislice.compared_condition",
            "multislice.conditions",
        )
        known(multislice.conditions, self.imaging.conditions, "multislice.conditions", "imaging.conditions")
        instruments = [name for name, images in self.calibration.instruments.items() if images]
        instruments += [INSTRUMENT] if self.instrument else []
        for name, recipe in self.recipes.items():
            known(recipe.arrangements, self.arrangements, f"{name}.arrangements", "arrangements")
            known(recipe.conditions, self.imaging.conditions, f"{name}.conditions", "imaging.conditions")
            if recipe.forward_model == "multislice" and recipe.mode != "iDPC":
                known(recipe.conditions, multislice.conditions, f"{name}.conditions", "multislice.conditions")
            if isinstance(recipe.noise, CalibratedNoise):
                known([recipe.noise.instrument], instruments, f"{name}.noise.instrument", "calibration.instruments")
        for name, network in self.networks.items():
            key = f"networks.{name}"
            architecture = network.architecture or name
            known([architecture], REGISTRY, f"{key}.architecture", "workflow_scripts/stembench/networks/")
            known(network.tasks, self.sizes.samples_seen, f"{key}.tasks", samples_seen)
            known(network.datasets, self.datasets, f"{key}.datasets", "datasets")
            if network.mixed_with:
                known([network.mixed_with], self.datasets, f"{key}.mixed_with", "datasets")
        if self.instrument:
            known([self.instrument.network("localise")], self.networks, "instrument.localise", "networks")
            known([self.instrument.network("denoise")], self.networks, "instrument.denoise", "networks")
        known(self.evaluation.testsets, self.datasets, "evaluation.testsets", "datasets")
        for name, testset in self.evaluation.lab_testsets.items():
            key = f"evaluation.lab_testsets.{name}"
            known([testset.image], self.lab.images, f"{key}.image", "lab.images")
            known([testset.tuned_on], self.datasets, f"{key}.tuned_on", "datasets")
            known(testset.scales, self.scales, f"{key}.scales", "scales")
        known([self.generalisation.tuned_on], self.simulated, "generalisation.tuned_on", "simulated datasets")
        known(self.generalisation.wrong_prior, self.networks, "generalisation.wrong_prior", "networks")
        beyond = self.generalisation.testsets
        known(self.generalisation.shown, beyond, "generalisation.shown", "generalisation.testsets")
        marked = [image for image, entry in self.lab.images.items() if entry.columns]
        columns = [*self.datasets, *self.evaluation.lab_testsets, *marked, *beyond]  # of whatever scale
        if isinstance(self.sizes.studies, tuple):
            known(self.sizes.studies, self.studies, f"scales.{self.scale}.studies", "studies")
        for name, study in self.studies.items():
            key = f"studies.{name}"
            known([study.task], self.sizes.samples_seen, f"{key}.task", samples_seen)
            for variant, row in study.variants.items():
                known([row.network], self.networks, f"{key}.variants.{variant}.network", "networks")
                if row.dataset:
                    known([row.dataset], self.datasets, f"{key}.variants.{variant}.dataset", "datasets")
            if not all(row.dataset for row in study.variants.values()):
                known([study.dataset], self.datasets, f"{key}.dataset", "datasets")
            if study.scored == "images":
                known(study.testsets, self.datasets, f"{key}.testsets", "datasets")
            else:
                known(study.testsets, columns, f"{key}.testsets", "datasets or lab test sets")
            if any(scored in beyond and scored not in self.datasets for scored in study.testsets):
                known(study.baselines, self.generalisation.baselines, f"{key}.baselines", "generalisation.baselines")
        if unknown:
            raise ValueError(_told(unknown))
        return self

    @model_validator(mode="after")
    def _recipes_fit_the_microscope(self) -> Config:
        for material in self.structures.single_layers:
            if material in self.multislice.compared:
                raise ValueError(f"multislice.compared.{material} is a single layer; take one that can be thicker")
        if not detector_of(self.imaging.conditions[self.multislice.compared_condition], "HAADF"):
            raise ValueError("multislice.compared_condition needs a condition with a HAADF detector")
        for condition in self.simulated_conditions:
            self._check_simulable(condition)
        for name, recipe in self.recipes.items():
            if recipe.mode == "iDPC" and recipe.forward_model == "linear":
                raise ValueError(
                    f"{name}.mode: iDPC images are simulated by multislice only; set {name}.forward_model to multislice"
                )
            for condition in recipe.conditions:
                if not detector_of(self.imaging.conditions[condition], recipe.mode, recipe.detector_mrad):
                    raise ValueError(_no_detector(name, recipe, condition, self.imaging.conditions[condition]))
            self._check_probes(name, recipe)
            self._check_mistilt(name, recipe)
            edges = [field / self.sizes.image_px for field in recipe.field_of_view_A or ()]
            if edges and not 0.01 <= min(edges) <= max(edges) <= 1:
                raise ValueError(
                    f"{name}.field_of_view_A gives pixels of {min(edges):.3g} to {max(edges):.3g} A with the "
                    f"scale's {self.sizes.image_px} px; between 0.01 and 1 A can be simulated"
                )
            if isinstance(recipe.noise, CalibratedNoise):
                self._check_contrast(name, recipe, recipe.noise.instrument)
            elif recipe.images_per_structure % len(recipe.noise.test_counts_per_px):
                raise ValueError(
                    f"{name}.images_per_structure must be a multiple of the number of test_counts_per_px "
                    f"({len(recipe.noise.test_counts_per_px)}), so that each structure is shown at every dose"
                )
        return self

    @model_validator(mode="after")
    def _testsets_fit_their_images(self) -> Config:
        for instrument, shown in self.calibration.instruments.items():
            for image in shown:
                self._check_one_frame(image, f"calibration.instruments.{instrument}")
        for name, testset in self.evaluation.lab_testsets.items():
            self._check_one_frame(testset.image, f"evaluation.lab_testsets.{name}")
            if name in self.lab.images and self.lab.images[name].columns and testset.image != name:
                raise ValueError(
                    f"evaluation.lab_testsets.{name} shows {testset.image}, and lab.images.{name} with its columns is "
                    "a test set of the same name; rename one"
                )
        for name, testset in self.lab_testsets.items():
            key = f"{'evaluation.lab_testsets' if name in self.evaluation.lab_testsets else 'lab.images'}.{name}"
            tuned_on = self.simulated.get(testset.tuned_on)
            if tuned_on is None or not isinstance(tuned_on.noise, PhysicalNoise):
                raise ValueError(
                    f"evaluation.lab_testsets.{name}.tuned_on needs a dataset with physical noise, and "
                    f"{testset.tuned_on} is none"
                )
            if name in self.evaluation.testsets:
                raise ValueError(f"{key} has the name of a dataset; choose another")
        for name in self.generalisation.testsets:
            if name in self.datasets or name in self.lab_testsets:
                raise ValueError(
                    f"generalisation.testsets.{name} has the name of a dataset or lab test set; rename one"
                )
        for name, study in self.studies.items():
            told = [scored for scored in study.testsets if scored not in self.simulated]
            for baseline in study.baselines if study.scored == "columns" and told else ():
                if FINDERS.load(baseline).needs_structure:
                    raise ValueError(f"studies.{name}.baselines: {baseline} needs a simulated dataset")
        return self

    @model_validator(mode="after")
    def _devices_share_batches(self) -> Config:
        studied = {row.network for study in self.studies.values() for row in study.variants.values()}
        trained = {name for name, network in self.networks.items() if network.tasks}
        names = sorted(trained | (studied if self.sizes.studies else set()))
        batches = {f"networks.{name} at scale {self.scale}": self.recipe(name).batch_images or 1 for name in names}
        check_shares(self.training.devices, batches)
        return self

    def _lineage(self, scale: str) -> tuple[str, ...]:
        return lineage(scale, {name: one.parent for name, one in self.scales.items()}, "scales", "parent")

    def _is_part(self, scales: Iterable[str]) -> bool:
        """Whether what belongs to some scales is part of the one that is run, or of its parents; none are all."""
        return not scales or any(name in scales for name in self._lineage(self.scale))

    def _check_one_frame(self, image: str, key: str) -> None:
        if self.lab.images[image].frames == "each":
            raise ValueError(f"{key} takes one frame, and lab.images.{image}.frames is each; average them")

    def _check_contrast(self, name: str, recipe: Dataset, instrument: str) -> None:
        images = self.calibration.instruments.get(instrument, ())
        modes = {mode for image in images if (mode := self.lab.images[image].mode)}
        if self.instrument and instrument == INSTRUMENT:
            modes = {self.instrument.mode}
        if any((mode in DARK_FIELD) != (recipe.mode in DARK_FIELD) for mode in modes):
            raise ValueError(
                f"{name}.noise.instrument was calibrated on {', '.join(sorted(modes))}, and {name}.mode is "
                f"{recipe.mode}; take an instrument of the same contrast"
            )

    def _check_probes(self, name: str, recipe: Dataset) -> None:
        """What a recipe draws of its probes can be simulated, and leaves detectors their mode."""
        key = f"{name}.probe" if recipe.probe else f"{name}.defocus_A"
        if not (recipe.probe or any(recipe.defocus_A)):
            return
        if self._shows_tiles(recipe):
            raise ValueError(
                f"{key}: multislice samples perfect crystals from tiles, which have the probe of their condition; take "
                "forward_model: linear, or give each probe a condition of its own"
            )
        for condition in recipe.conditions:
            described = self.imaging.conditions[condition]
            drawn = extreme_conditions(described, recipe.probe) if isinstance(recipe.probe, DrawnProbe) else [described]
            detector = detector_of(described, recipe.mode, recipe.detector_mrad)
            for each in drawn:
                if not detector_of(each, recipe.mode, detector):
                    raise ValueError(
                        f"{key}: at {each.energy_keV:g} keV and {each.semiangle_mrad:g} mrad the detector of "
                        f"imaging.conditions.{condition} is no longer {recipe.mode}; narrow energy_keV or "
                        "semiangle_mrad, or take the condition out"
                    )
                if each.source_tail and each.source_tail_A <= each.source_size_A:
                    raise ValueError(
                        f"{key}: with imaging.conditions.{condition} the source's broader part of "
                        f"{each.source_tail_A:g} A is not broader than its {each.source_size_A:g} A; raise "
                        "source_tail_A or narrow source_size_A"
                    )
            probes = [
                replace(probe, defocus=probe.defocus + defocus)
                for probe in map(probe_of, drawn)
                for defocus in recipe.defocus_A
            ]
            radius = max(probe.geometric_radius() for probe in probes)
            if radius > WIDEST_BEAM_A:
                raise ValueError(
                    f"{key} spreads the beam of imaging.conditions.{condition} over a radius of "
                    f"{radius:.0f} A, and {WIDEST_BEAM_A:g} A can be simulated; narrow the range"
                )

    def _check_mistilt(self, name: str, recipe: Dataset) -> None:
        if any(recipe.mistilt_mrad) and self._shows_tiles(recipe):
            raise ValueError(
                f"{name}.mistilt_mrad: multislice samples perfect crystals from tiles, which are not tilted; take "
                "forward_model: linear, or arrangements without a perfect crystal"
            )

    def _shows_tiles(self, recipe: Dataset) -> bool:
        return recipe.forward_model == "multislice" and any(
            self.arrangements[one].kind == "periodic" for one in recipe.arrangements
        )

    def _check_simulable(self, name: str) -> None:
        condition = self.imaging.conditions[name]
        probe, detectors, segmented = probe_of(condition), detectors_of(condition), condition.segmented_mrad
        width = cell_width(probe, self.sizes.thickest_A, self.multislice.cell_A)
        try:
            check(probe, detectors, self.sizes.thickest_A, width, self.multislice.sampling_A, segmented)
        except InputError as error:
            raise ValueError(
                f"multislice.conditions: {name} cannot be simulated: {error} (keys multislice.cell_A and sampling_A, "
                f"imaging.conditions.{name})"
            ) from None

    @property
    def simulated_conditions(self) -> list[str]:
        """The imaging conditions that tiles are simulated for: those of `multislice`, and those of iDPC datasets."""
        of_idpc = (name for recipe in self.recipes.values() if recipe.mode == "iDPC" for name in recipe.conditions)
        return list(dict.fromkeys([*self.multislice.conditions, *of_idpc]))

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
        """The lab images of the scale that is run and of its parents."""
        return {name: image for name, image in self.lab.images.items() if self._is_part(image.scales)}

    @property
    def lab_testsets(self) -> dict[str, LabTestset]:
        """The test sets of lab images of the scale that is run, an image with marked columns being one of its name."""
        marked = {name: LabTestset(image=name) for name, image in self.lab.images.items() if image.columns}
        testsets = marked | self.evaluation.lab_testsets
        return {
            name: testset
            for name, testset in testsets.items()
            if testset.image in self.lab_images and self._is_part(testset.scales)
        }

    @property
    def sizes(self) -> Scale:
        """The scale that is run."""
        return self.scales[self.scale]

    def recipe(self, network: str) -> Recipe:
        """How a network is trained at the scale that is run."""
        return self.networks[network].recipes[self.scale]

    def samples_seen(self, network: str, task: str) -> int:
        """How many crops a network sees in training at the scale that is run."""
        of_all = {str(name): crops for name, crops in self.sizes.samples_seen.items()}[task]
        return max(round(of_all * self.recipe(network).samples), 1)


def _no_detector(key: str, recipe: Dataset, condition: str, described: Condition) -> str:
    modes = modes_of(described)
    held = ", ".join(f"{inner:g} to {outer:g} mrad ({mode})" for (inner, outer), mode in modes.items())
    if recipe.detector_mrad in modes:
        return (
            f"{key}.detector_mrad makes {modes[recipe.detector_mrad]} images under imaging.conditions.{condition}, and "
            f"{key}.mode is {recipe.mode}; correct one of them"
        )
    if recipe.mode == "iDPC":
        held = "no segmented detector"
        if described.segmented_mrad:
            held = "a segmented detector from {:g} to {:g} mrad".format(*described.segmented_mrad)
        asked = " of detector_mrad {:g} to {:g} mrad".format(*recipe.detector_mrad) if recipe.detector_mrad else ""
        return (
            f"{key}.mode is iDPC{asked}, but imaging.conditions.{condition} has {held}; set its segmented_mrad or take "
            "the condition out"
        )
    asked = f"mode is {recipe.mode}"
    if recipe.detector_mrad:
        asked = "detector_mrad is {:g} to {:g} mrad".format(*recipe.detector_mrad)
    return (
        f"{key}.{asked}, but imaging.conditions.{condition} has no such detector, only {held}; add its "
        "angles to detectors_mrad or take the condition out"
    )


def _told(unknown: Mapping[str, list[str]]) -> str:
    """One line per name that is nowhere, with every key that names it."""
    lines = [f"{', '.join(keys)} {'names' if len(keys) == 1 else 'name'} {name}" for name, keys in unknown.items()]
    return "; ".join([*lines, "correct the name, add its entry, or take out what names it (by null, where it ships)"])


def load_config(*layers: Mapping, source: str = "config/config.yaml") -> Config:
    """Lay settings over the defaults, and check the result.

    None removes an entry. An entry that changes its kind (`recipe`, `kind`, `folder`) keeps none of its other keys.

    Parameters
    ----------
    *layers : mapping
        Content of `config.yaml`, of further files and of the command line; later ones win.
    source : str
        Name of the file in messages.

    Returns
    -------
    Config
        The whole configuration.

    Raises
    ------
    InputError
        One message that names `source` and, for each mistake, the key and the remedy.
    """
    content: Any = {}
    for layer in layers:
        content = lay_over(Config, content, layer)
    try:
        return Config.model_validate(without_removed(content))
    except ValidationError as error:
        # A default that follows from other keys fails with them.
        errors = [e for e in error.errors(include_url=False) if e["type"] != "default_factory_not_called"]
        mistakes = [f"  {_mistake(e)}" for e in errors]
        first = f"{source} (or --config / --configfile) has mistakes; docs/reference/configuration.md lists every key:"
        raise InputError("\n".join([first, *mistakes])) from None


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
        return f"{key}: unknown key; remove it or correct its spelling"
    if error["type"] == "union_tag_not_found":
        return f"{key}: {error['ctx']['discriminator']} is missing; it says which kind this is"
    if error["type"] == "missing":
        return f"{key}: missing"
    if error["input"] is None and error["type"] in ("dict_type", "model_type", "model_attributes_type", "tuple_type"):
        return (
            f"{key}: nothing is set here, and null removes single entries that ship; correct the name, write keys "
            "below it, or take it out"
        )
    message = in_short(error["msg"].removeprefix("Value error, "), 4000)
    value = error["input"]
    return f"{key}: {message}" + (
        f"; got {in_short(repr(value))}" if isinstance(value, str | int | float | bool) else ""
    )
