"""Which method is evaluated on which test set, and the rows that tables make of it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any

from stembench.baselines.filters import FILTERS
from stembench.baselines.finders import FINDERS
from stembench.config import Config, LabTestset
from stembench.config.networks import Task
from stembench.config.studies import Study
from stembench.errors import InputError
from stembench.evaluation.rows import Kind
from stembench.localisation import DEFAULT_LOCALISER
from stembench.localisation.localisers import LOCALISERS
from stembench.networks import NETWORKS
from stembench.networks.localisers import OWN_LOCALISERS
from stembench.planning.datasets import Datasets, plain
from stembench.planning.layout import Layout, any_of
from stembench.planning.methods import Method
from stembench.planning.trainings import Trainings

_PARTICLES = {"particle", "multiply_twinned"}  # kinds of arrangements that have an outline

#: Task of the table `enhancement`.
ENHANCED: Task = "denoise_background"


@dataclass(frozen=True)
class Row:
    """The beginning of a row of a table, and where the rest is read from.

    Attributes
    ----------
    method, kind, task, train_dataset, scale, width, seed, testset
        As tables show them.
    folder : str
        Folder of the evaluation, or of the trained network.
    localiser : str, optional
        How columns are read from a network's map; None in tables that do not say.
    image, images, cost : str, optional
        The lab image shown; the denoised images; the file with the costs.
    """

    method: str
    kind: Kind
    task: Task
    train_dataset: str
    scale: str
    width: float | None
    seed: int
    testset: str
    folder: str
    localiser: str | None = None
    image: str | None = None
    images: str | None = None
    cost: str | None = None

    def plain(self) -> dict[str, Any]:
        """Return plain values, for the parameters of a rule; what is not said is left out."""
        optional = ("localiser", "image", "images", "cost")
        return {key: value for key, value in vars(self).items() if value is not None or key not in optional}


def plain_rows(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Return the plain values of rows."""
    return [row.plain() for row in rows]


@dataclass(frozen=True, eq=False)
class Evaluations:
    """Test sets, methods and rows at the scale that is run.

    Attributes
    ----------
    config : Config
        The configuration.
    datasets : Datasets
        Simulated and imported images.
    trainings : Trainings
        Trained networks.
    layout : Layout
        Paths.
    """

    config: Config
    datasets: Datasets
    trainings: Trainings
    layout: Layout

    # Test sets

    @cached_property
    def lab_testsets(self) -> dict[str, LabTestset]:
        """Lab images that methods can be tuned for at this scale."""
        return {
            name: testset
            for name, testset in self.config.lab_testsets.items()
            if self.datasets.images(testset.tuned_on, "validation")
        }

    @property
    def single_crystals(self) -> list[str]:
        """Lab test sets that show one crystal."""
        return [name for name, testset in self.lab_testsets.items() if testset.single_crystal]

    @property
    def lab_enhanced(self) -> list[str]:
        """Lab test sets that a figure shows enhanced."""
        return [name for name, testset in self.lab_testsets.items() if testset.enhanced]

    @property
    def lab_detection(self) -> list[str]:
        """Lab test sets on which detection is scored."""
        return [name for name, testset in self.lab_testsets.items() if testset.detection]

    @cached_property
    def simulated_testsets(self) -> list[str]:
        """Datasets whose test split is a test set, and that hold images to test and to tune on."""
        return [name for name in self.config.evaluation.testsets if self._can_test(name)]

    def _can_test(self, dataset: str) -> bool:
        return bool(self.datasets.images(dataset, "test") and self.datasets.images(dataset, "validation"))

    @property
    def detection_testsets(self) -> list[str]:
        """Test sets of the table `detection`."""
        return [*self.simulated_testsets, *self.lab_detection]

    @cached_property
    def generalisation(self) -> list[str]:
        """Test sets beyond what networks are trained on, of the structures that are there."""
        if not self.datasets.images(self.config.generalisation.tuned_on, "validation"):
            return []
        return [name for name in self.config.generalisation.testsets if self.datasets.images(name, "test")]

    @property
    def particles(self) -> list[str]:
        """Test sets of generalisation that show particles and nothing else."""
        arrangements = self.config.arrangements
        return [
            name
            for name in self.generalisation
            if {arrangements[each].kind for each in self.datasets.recipe(name).arrangements} <= _PARTICLES
        ]

    @property
    def shown(self) -> list[str]:
        """Test sets of generalisation of which a figure shows what each method found."""
        return [name for name in self.config.generalisation.shown if name in self.generalisation]

    @property
    def denoised_testsets(self) -> list[str]:
        """Simulated test sets with images at each of several doses, whose columns are fitted after denoising."""
        return [
            name
            for name in self.simulated_testsets
            if getattr(getattr(self.datasets.recipes[name], "noise", None), "test_counts_per_px", ())
        ]

    def images(self, testset: str) -> list[str]:
        """Return the folders that hold a test set's images.

        Raises
        ------
        InputError
            If it has none.
        """
        if testset in self.lab_testsets:
            return [self.layout.testset.path(testset=testset)]
        if testset in self.datasets.recipes and (shards := self.datasets.shards(testset, "test")):
            return shards
        raise InputError(
            f"the test set {testset} has no image at scale {self.config.scale} with the structures that are there; add "
            "the CIF of one of its materials to structures/, or take the scale that it belongs to"
        )

    def tuning_images(self, dataset: str) -> list[str]:
        """Return the shards that methods are tuned on.

        Raises
        ------
        InputError
            If there are none.
        """
        if shards := self.datasets.shards(dataset, "validation"):
            return shards
        raise InputError(
            f"no method can be tuned on {dataset}: no image of it can be made from the materials in structures/; add "
            "the CIF of one of its materials"
        )

    @cached_property
    def generalisation_structures(self) -> list[str]:
        """Projected structures that the test sets of generalisation show."""
        return sorted({path for name in self.generalisation for path in self.structures(name)})

    def score_paths(self, method: str, localisers: Sequence[str], testsets: Sequence[str]) -> dict[str, list[str]]:
        """Return what evaluating a method makes: two files per test set and localiser ('' for a classical finder).

        Parameters
        ----------
        method : str
            Its name without a localiser, or a wildcard.
        localisers, testsets : sequence of str
            Which; a test set may be a wildcard.
        """
        templates = {"columns": self.layout.scored_columns, "images": self.layout.scored_images}
        read_by = [f"{method}-{localiser}" if localiser else method for localiser in localisers]
        return {
            part: [template.where(testset=testset, method=name) for testset in testsets for name in read_by]
            for part, template in templates.items()
        }

    def structures(self, testset: str) -> list[str]:
        """Return the projected structures that a test set's simulated images show."""
        return self.datasets.projections(testset, "test") if testset in self.datasets.simulated else []

    def validation_structures(self, dataset: str) -> list[str]:
        """Return the projected structures of a dataset's validation images and of those that networks are ranked on."""
        common = self.datasets.crystals.projections(self.datasets.common_views)
        return sorted({*self.datasets.projections(dataset, "validation"), *common})

    def lab_testset(self, testset: str) -> LabTestset:
        """Return the settings of a lab test set.

        Raises
        ------
        InputError
            If it is none of this scale.
        """
        if testset not in self.lab_testsets:
            self.images(testset)
            raise InputError(f"{testset} is simulated; name a lab test set ({', '.join(self.lab_testsets) or 'none'})")
        return self.lab_testsets[testset]

    def lab_image(self, testset: str) -> str:
        """Return the path of the lab image that a test set is cut from."""
        return self.layout.lab_image.path(image=self.lab_testset(testset).image)

    def marked(self, testset: str) -> str | None:
        """Return the file with the columns that somebody marked in a lab test set."""
        return self.config.lab.images[self.lab_testset(testset).image].columns

    def doses(self, testset: str) -> list[float]:
        """Return the doses [e/px] that a lab test set is thinned to: by default those that its methods are tuned at."""
        return list(self.lab_testset(testset).counts_per_px or self.tuned_doses(testset))

    def tuned_doses(self, testset: str) -> list[float]:
        """Return the doses [e/px] that the methods of a lab test set are tuned at."""
        return list(self.datasets.recipe(self.lab_testset(testset).tuned_on).noise.test_counts_per_px)  # type: ignore[union-attr] # as the configuration is checked for

    def shown_dose(self, testset: str) -> float:
        """Return the dose [e/px] at which a lab image is shown: the lowest but one."""
        return sorted(self.doses(testset))[:2][-1]

    # Methods

    @cached_property
    def finders(self) -> list[str]:
        """Classical finders that a table asks for."""
        studied = [
            name for study in self.config.studies.values() if study.scored == "columns" for name in study.baselines
        ]
        asked = [*self.config.evaluation.detection_baselines, *self.config.generalisation.baselines, *studied]
        return list(dict.fromkeys(map(str, asked)))

    @cached_property
    def filters(self) -> list[str]:
        """Classical filters that a table asks for."""
        studied = [
            name for study in self.config.studies.values() if study.scored == "images" for name in study.baselines
        ]
        return list(dict.fromkeys(map(str, [*self.config.evaluation.enhancement_baselines, *studied])))

    @cached_property
    def localising(self) -> list[Method]:
        """Trained networks of the table `detection`."""
        return self.trainings.methods("localise")

    @cached_property
    def enhancing(self) -> list[Method]:
        """Trained networks of the table `enhancement`."""
        return self.trainings.methods(ENHANCED)

    @cached_property
    def detecting(self) -> list[Method]:
        """Methods of the table `detection`."""
        return [*self.localising, *map(Method, self.config.evaluation.detection_baselines)]

    @cached_property
    def enhancers(self) -> list[Method]:
        """Methods of the table `enhancement`."""
        return [*self.enhancing, *map(Method, self.config.evaluation.enhancement_baselines)]

    @cached_property
    def misled(self) -> list[Method]:
        """Networks with a prior that are told another material's structure; that takes a second material."""
        return [
            replace(method, prior="wrong")
            for method in self.localising
            if method.name in self.config.generalisation.wrong_prior and self._can_mislead(self.generalisation)
        ]

    def _can_mislead(self, testsets: Iterable[str]) -> bool:
        """Whether test sets that are evaluated together show two materials to confuse."""
        return len({material for testset in testsets for material, _ in self.datasets.views(testset, "test")}) > 1

    @cached_property
    def generalising(self) -> list[Method]:
        """Methods of the table `generalisation`."""
        return [*self.localising, *self.misled, *map(Method, self.config.generalisation.baselines)]

    def predictions(self, name: str, testset: str, ending: str) -> list[str]:
        """Return the files that an external method predicted for a test set: `.csv` of columns, `.tif` of images."""
        folder = self.config.evaluation.external[name]
        return sorted(map(str, Path(folder, testset).glob(f"[0-9]*{ending}")))

    def external(self, testset: str, ending: str) -> list[Method]:
        """Return the external methods that made predictions for a test set."""
        return [Method(name) for name in self.external_methods if self.predictions(name, testset, ending)]

    @cached_property
    def external_methods(self) -> list[str]:
        """Methods that were run elsewhere.

        Raises
        ------
        InputError
            If there is no prediction of one for any test set.
        """
        testsets = [*self.detection_testsets, *self.generalisation]
        for name, folder in self.config.evaluation.external.items():
            if name in self.config.networks or name in FINDERS or name in FILTERS:
                raise InputError(f"evaluation.external.{name}: a method of stembench has this name; give it another")
            if not any(self.predictions(name, testset, ending) for testset in testsets for ending in (".csv", ".tif")):
                raise InputError(
                    f"evaluation.external.{name}: {folder}/ holds no predictions for a test set of this scale; write "
                    f"them as {folder}/{testsets[0]}/00000.csv (columns) or 00000.tif (denoised images), for the "
                    f"images that `snakemake {self.layout.export.path(testset=testsets[0])} --cores 1` writes"
                )
        return list(self.config.evaluation.external)

    @property
    def exported(self) -> list[str]:
        """Test sets that can be exported for methods that are run elsewhere."""
        return [*dict.fromkeys([*self.simulated_testsets, *self.lab_testsets, *self.generalisation])]

    def localisers(self, method: Method) -> list[str]:
        """Return how columns are read from a network's map; a classical method has nothing to choose, ''."""
        if not method.is_network:
            return [""]
        architecture = self.trainings.architecture(method.name)
        return [name for name in self.config.evaluation.localisers if LOCALISERS.load(name).reads(architecture)]

    def detection_rules(self) -> list[tuple[str, list[str], str]]:
        """Return name, localisers and pattern of the methods of each rule that evaluates detection.

        A rule has the same outputs for all of its jobs, so there is one for the finders, and one for the networks whose
        maps are read by the same localisers.
        """
        groups: dict[tuple[str, ...], list[str]] = {}
        for name in self.config.networks:
            groups.setdefault(tuple(self.localisers(Method(name, "any"))), []).append(name)
        rules = [("evaluate_finder", [""], any_of(self.finders))]
        for localisers, names in sorted(groups.items()):
            rules.append(
                (f"evaluate_network_by_{'_'.join(localisers)}", list(localisers), self.trainings.pattern(names))
            )
        return rules

    @property
    def tuned_finders(self) -> list[str]:
        """Finders with settings of their own to tune."""
        return sorted({FINDERS.load(name).tuned_as or name for name in self.finders})

    def environment(self, method: Method) -> str:
        """Return the conda environment of a method."""
        if method.is_network:
            return self.trainings.environment(method.name)
        return FINDERS.load(method.name).environment if method.name in FINDERS else "training"

    def modules(self, method: Method, localisers: Sequence[str] = ()) -> list[str]:
        """Return the modules of the library that a method is loaded from by name, and the localisers of a network."""
        if not method.is_network:
            return [(FINDERS if method.name in FINDERS else FILTERS).module(method.name)]
        architecture = self.trainings.architecture(method.name)
        modules = [NETWORKS.module(architecture), *map(LOCALISERS.module, filter(None, localisers))]
        if "own" in localisers and architecture in OWN_LOCALISERS:
            modules.append(OWN_LOCALISERS.module(architecture))
        return modules

    # Settings that are tuned on validation images

    def tuning_dataset(self, testset: str | None) -> str:
        """Return the dataset whose validation images tune methods for a test set; None stands for generalisation."""
        if testset is None or testset in self.config.generalisation.testsets:
            return self.config.generalisation.tuned_on
        return self.lab_testset(testset).tuned_on if testset in self.config.lab_testsets else testset

    def detection_tuning(self, method: Method, testset: str | None = None) -> str:
        """Return the path of the settings tuned for a method; some finders share them, and misled networks."""
        if method.is_network:
            tuned = method.trained if method.prior == "wrong" else replace(method, localiser="")
        else:
            tuned = Method(FINDERS.load(method.name).tuned_as or method.name)
        return self.layout.detection_tuning.path(dataset=self.tuning_dataset(testset), method=tuned)

    def enhancement_tuning(self, method: Method, task: Task, testset: str) -> list[str]:
        """Return the path of a filter's tuned settings; a network has none."""
        if method.is_network:
            return []
        dataset = self.tuning_dataset(testset)
        return [self.layout.enhancement_tuning.path(task=task, dataset=dataset, method=method)]

    def tuned_filters(self, testset: str) -> list[str]:
        """Return the tuned settings of every filter for the images of a test set."""
        names = self.config.evaluation.enhancement_baselines
        return [path for name in names for path in self.enhancement_tuning(Method(name), ENHANCED, testset)]

    # Rows

    def _row(self, task: Task, method: Method, testset: str, folder: str, **more: Any) -> Row:
        kind: Kind = "baseline"
        if method.is_network:
            told = task == "localise" and method.prior == "right" and self.trainings.is_told(method.name)
            kind = "oracle" if told else "network"
        elif method.name in self.config.evaluation.external:
            kind = "external"
        elif method.name in FINDERS:
            kind = FINDERS.load(method.name).kind
        return Row(
            method=method.name,
            kind=kind,
            task=task,
            train_dataset=method.dataset,
            scale=self.config.scale,
            width=self.config.recipe(method.name).width if method.is_network else None,
            seed=method.seed,
            testset=testset,
            folder=folder,
            **more,
        )

    def detection_rows(
        self, methods: Iterable[Method], testset: str, localisers: Sequence[str] | None = None
    ) -> list[Row]:
        """Return the rows of methods on a test set: a network has one for each of its localisers, or of those given."""
        rows = []
        left_out = self.lab_testsets[testset].without if testset in self.lab_testsets else ()
        for method in methods:
            if method.name in left_out:
                continue
            for localiser in localisers if localisers and method.is_network else self.localisers(method):
                read = method.read_by(localiser)
                folder = self.layout.evaluation.path(testset=testset, method=read)
                label = localiser
                if method.name in FINDERS and not method.is_network:
                    label = FINDERS.load(method.name).localiser
                rows.append(self._row("localise", method, testset, folder, localiser=label))
        return rows

    @cached_property
    def detection(self) -> list[Row]:
        """Rows of the table `detection`."""
        return [
            row
            for testset in self.detection_testsets
            for row in self.detection_rows([*self.detecting, *self.external(testset, ".csv")], testset)
        ]

    @cached_property
    def generalisation_rows(self) -> list[Row]:
        """Rows of the table `generalisation`, where networks that are misled have a name of their own."""
        return [
            replace(row, method=f"{row.method}_wrong_prior") if method.prior == "wrong" else row
            for testset in self.generalisation
            for method in [*self.generalising, *self.external(testset, ".csv")]
            for row in self.detection_rows([method], testset, [DEFAULT_LOCALISER])
        ]

    def enhancement_rows(self, methods: Iterable[Method], testset: str, task: Task = ENHANCED) -> list[Row]:
        """Return the rows of methods that make images of a test set."""
        return [
            self._row(task, method, testset, self.layout.enhancement.path(task=task, testset=testset, method=method))
            for method in methods
        ]

    @cached_property
    def enhancement(self) -> list[Row]:
        """Rows of the table `enhancement`."""
        return [
            row
            for testset in self.simulated_testsets
            for row in self.enhancement_rows([*self.enhancers, *self.external(testset, ".tif")], testset)
        ]

    @cached_property
    def trained(self) -> list[Row]:
        """Rows of the tables on trainings: their folders, and the files with the costs of their networks."""
        return [
            self._row(
                training.task,
                training.method,
                "",
                self.trainings.folder(training.method, training.task),
                cost=self.layout.cost.path(network=training.network, task=training.task),
            )
            for training in self.trainings.default
        ]

    @cached_property
    def lattice(self) -> list[Row]:
        """Rows of the table `lattice_precision`."""
        return [
            self._row(
                "localise",
                method,
                testset,
                self.layout.lattice.path(testset=testset, method=method),
                image=self.lab_testsets[testset].image,
            )
            for testset, method in product(self.single_crystals, self.detecting)
            if method.is_network or FINDERS.load(method.name).kind != "floor"
        ]

    @cached_property
    def denoised_lattice(self) -> list[Row]:
        """Rows of the table `localisation_after_denoising`: the first network that localises, and some finders."""
        wanted = self.config.evaluation.localised_after_denoising
        finders = [Method(name) for name in self.config.evaluation.detection_baselines if name in wanted]
        return [
            self._row(
                "localise",
                method,
                testset,
                self.layout.denoised_lattice.path(testset=testset, method=method),
                image=self.lab_testsets[testset].image,
                images=self.layout.denoised_images.path(testset=testset),
            )
            for testset, method in product(self.single_crystals, [*self.localising[:1], *finders])
        ]

    @cached_property
    def denoised_precision(self) -> list[Row]:
        """Rows of the table `precision_after_denoising`."""
        return [
            self._row(
                "localise", Method("gaussian_fit"), testset, "", images=self.layout.denoised_fits.path(testset=testset)
            )
            for testset in self.denoised_testsets
        ]

    def _denoisers(self) -> Iterator[tuple[Method, Task]]:
        """Yield each trained network that denoises, of its first seed, and its task."""
        for task in self.trainings.tasks:
            for method in self.trainings.methods(task) if task in ("denoise", ENHANCED) else ():
                if method.seed == 0:
                    yield method, task

    @cached_property
    def denoisers(self) -> list[dict[str, Any]]:
        """Folder of each network that images are denoised by before columns are found, and how tables name it."""
        return [
            {
                "named": {"denoiser": method.name, "denoiser_task": task, "denoiser_dataset": method.dataset},
                "folder": self.trainings.folder(method, task),
            }
            for method, task in self._denoisers()
        ]

    @cached_property
    def denoiser_files(self) -> list[str]:
        """Files that these networks are loaded from."""
        return [path for method, task in self._denoisers() for path in self.trainings.files(method, task)]

    @cached_property
    def denoiser_modules(self) -> list[str]:
        """Modules of the library that they and the filters are loaded from by name."""
        methods = [
            *(method for method, _ in self._denoisers()),
            *map(Method, self.config.evaluation.enhancement_baselines),
        ]
        return sorted({module for method in methods for module in self.modules(method)})

    def scored(self, rows: Iterable[Row]) -> list[str]:
        """Return the files that rows on detection are read from."""
        return [f"{row.folder}/{part}.parquet" for row in rows for part in ("columns", "images")]

    def enhanced(self, rows: Iterable[Row]) -> list[str]:
        """Return the files that rows on enhancement are read from."""
        return [f"{row.folder}/images.parquet" for row in rows]

    def examples(self, rows: Iterable[Row]) -> list[str]:
        """Return the files with the images that figures show of rows on enhancement."""
        return [f"{row.folder}/examples.npz" for row in rows]

    def spacings(self, rows: Iterable[Row]) -> list[str]:
        """Return the files with the spacings that rows on lattice precision found."""
        return [f"{row.folder}/spacings.parquet" for row in rows]

    def lattices(self, rows: Iterable[Row]) -> list[str]:
        """Return the files that rows on lattice precision are read from."""
        return [f"{row.folder}/{part}.parquet" for row in rows for part in ("spacings", "responses")]

    def records(self, rows: Iterable[Row]) -> list[str]:
        """Return the files that rows on trainings are read from."""
        return [f"{row.folder}/{file}" for row in rows for file in ("model.json", "history.csv")]

    # Studies

    def study(self, name: str) -> Study:
        """Return a study of the configuration."""
        return self.config.studies[name]

    def study_datasets(self, name: str) -> set[str]:
        """Return what the variants of a study are trained on."""
        study = self.study(name)
        return {variant.dataset or study.dataset for variant in study.variants.values()}

    @cached_property
    def studies(self) -> list[str]:
        """Studies of the structures that are there."""
        return [
            name
            for name in self.config.studies
            if all(map(self.datasets.can_train, self.study_datasets(name))) and self.study_testsets(name)
        ]

    def study_testsets(self, name: str) -> list[str]:
        """Return the test sets of a study that are there at this scale."""
        simulated = [*self.datasets.recipes]
        return [
            testset
            for testset in self.study(name).testsets
            if testset in self.lab_detection
            or (testset in simulated and self.datasets.images(testset, "test") and self._tunable(testset))
        ]

    def _tunable(self, testset: str) -> bool:
        return bool(self.datasets.images(self.tuning_dataset(testset), "validation"))

    def study_rows(self, name: str) -> list[Row]:
        """Return the rows of a study, each named after its variant, beside those of its baselines."""
        study, rows = self.study(name), []
        for testset in self.study_testsets(name):
            for variant, how in study.variants.items():
                if how.prior == "wrong" and not self._can_mislead([testset]):
                    continue
                methods = self.trainings.of(how.network, study.task, how.dataset or study.dataset, how.prior)
                rows += [replace(row, method=variant) for row in self._compared(study, methods, testset)]
            rows += self._compared(study, map(Method, study.baselines), testset)
        return rows

    def _compared(self, study: Study, methods: Iterable[Method], testset: str) -> list[Row]:
        if study.scored == "columns":
            return self.detection_rows(methods, testset, [DEFAULT_LOCALISER])
        return self.enhancement_rows(methods, testset, study.task)

    def study_inputs(self, name: str) -> list[str]:
        """Return the files that a study's tables are read from."""
        rows = self.study_rows(name)
        if self.study(name).scored == "columns":
            return self.scored(rows)
        return self.enhanced(rows)

    # Rows of figures

    def shown_methods(self, testset: str) -> list[Row]:
        """Return the methods shown on an image: each network's first seed by its default localiser, and baselines."""
        beyond = [*self.localising, *map(Method, self.config.generalisation.baselines)]
        methods = self.detecting if testset in self.lab_testsets else beyond
        rows = self.detection_rows(methods, testset, [DEFAULT_LOCALISER])
        return [row for row in rows if row.kind != "floor" and row.seed == 0]

    def shown_enhancers(self, testset: str) -> list[Row]:
        """Return the methods of enhancement shown on an image: each filter, and each network's first seed."""
        rows = [row for row in self.enhancement_rows(self.enhancers, testset) if row.seed == 0]
        return sorted(rows, key=lambda row: row.kind)

    def shown_lattices(self, testset: str) -> list[Row]:
        """Return the methods whose spacings are shown: each network's first seed, and the baselines."""
        return [row for row in self.lattice if row.testset == testset and row.seed == 0]

    # Parameters of rules

    @cached_property
    def matching(self) -> dict[str, Any]:
        """Settings by which found and true columns are matched."""
        return self.config.evaluation.model_dump(mode="json", include={"match_radius_A", "border_A"})

    @cached_property
    def tabulation(self) -> dict[str, Any]:
        """Settings by which tables divide columns."""
        include = {"match_radius_A", "border_A", "weak_strength", "rim_A"}
        return self.config.evaluation.model_dump(mode="json", include=include)

    def lab_settings(self, testset: str) -> dict[str, Any]:
        """Return the settings of a lab test set as plain values."""
        return plain(self.lab_testset(testset))
