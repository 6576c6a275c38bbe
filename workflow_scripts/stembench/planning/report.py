"""What the report holds, and what is left out of it and why."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, TypeVar

from stembench.errors import InputError
from stembench.planning.choice import TASKS
from stembench.planning.layout import FIGURE_ENDINGS
from stembench.reporting.base import Figure, Product, Table, study_reported
from stembench.reporting.figures import FIGURES
from stembench.reporting.tables import TABLES

if TYPE_CHECKING:
    from stembench.planning import Plan

Made = TypeVar("Made", bound=Product)


@dataclass(frozen=True)
class Planned:
    """A table or figure that can be made: its file in the registry, and its subject."""

    module: str
    product: Product
    subject: str


@dataclass(frozen=True, eq=False)
class Report:
    """Tables, figures and other products that are reported.

    Attributes
    ----------
    plan : Plan
        What is made from what.
    """

    plan: "Plan"

    @cached_property
    def tables(self) -> dict[str, Planned]:
        """Every table that can be made, by its name."""
        return self._planned({name: TABLES.load(name) for name in TABLES})

    @cached_property
    def figures(self) -> dict[str, Planned]:
        """Every figure that can be made, by its name."""
        return self._planned({name: FIGURES.load(name) for name in FIGURES})

    def _planned(self, registry: Mapping[str, Table] | Mapping[str, Figure]) -> dict[str, Planned]:
        return {
            name: Planned(module, product, subject)
            for module, product in registry.items()
            for name, subject in product.subjects(self.plan).items()
        }

    def inputs(self, planned: Planned) -> dict[str, Any]:
        """Return what a table or figure is made from."""
        return planned.product.inputs(self.plan, planned.subject)

    def parameters(self, planned: Planned) -> dict[str, Any]:
        """Return the plain values that a table or figure depends on."""
        return planned.product.parameters(self.plan, planned.subject)

    @cached_property
    def captions(self) -> dict[str, str]:
        """The caption of every table and figure, by its name."""
        made = {**self.tables, **self.figures}
        return {name: planned.product.caption(self.plan, planned.subject) for name, planned in made.items()}

    @cached_property
    def datasets(self) -> list[str]:
        """Datasets that are shown: those that trainings and test sets take, and those of studies that are reported."""
        plan, evaluation, networks = self.plan, self.plan.config.evaluation, self.plan.config.networks.values()
        taken = {
            *evaluation.testsets,
            *(testset.tuned_on for testset in plan.config.lab_testsets.values()),
            *(dataset for network in networks if network.tasks for dataset in network.datasets),
        }
        studied = {dataset for name in plan.config.studies for dataset in plan.evaluations.study_datasets(name)}
        on_demand = {dataset for network in networks if not network.tasks for dataset in network.datasets}
        return [
            dataset
            for dataset in plan.config.datasets
            if plan.datasets.all_shards(dataset)
            and (
                dataset in taken
                or dataset not in studied | on_demand
                or (plan.config.sizes.studies and dataset in studied and plan.datasets.can_train(dataset))
            )
        ]

    @cached_property
    def products(self) -> list[str]:
        """Paths of everything that is reported."""
        layout, plan = self.plan.layout, self.plan
        paths = [*self.table_paths, *self._reported_figures]
        if self._studies_alone:
            return paths
        for dataset in self.datasets:
            for template in (layout.dataset_index, layout.dataset_card, layout.dataset_browser):
                paths.append(template.path(dataset=dataset))
        paths += [layout.calibration_figure.path(instrument=name) for name in plan.lab.instruments]
        paths += [layout.lab_image.path(image=image) for image in plan.config.lab_images]
        paths += [layout.structure_figure.path(material=m, zone=zone) for m, zone in plan.crystals.views]
        for training in plan.trainings.default:
            where: dict[str, object] = dict(vars(training))
            paths += [
                figure.path(**where) for name in ("curves", "validation") for figure in layout.model_figure(name)[:1]
            ]
            if training.task in TASKS.values():
                paths.append(layout.ranking.path(**where))
            if training.task == "localise":  # so that whichever ranks first can be applied
                paths.append(layout.characterisation.path(**where))
        for method in plan.evaluations.localising[:1]:
            where = {"network": method.name, "task": "localise", "dataset": method.dataset, "seed": method.seed}
            paths.append(layout.model_figure("reliability")[0].path(**where))
        return paths

    @property
    def table_paths(self) -> list[str]:
        """Paths of the tables that are reported."""
        return [
            path for name, made in self.tables.items() if self._reported(made) for path in self.plan.layout.table(name)
        ]

    @property
    def _reported_figures(self) -> list[str]:
        return [
            path
            for name, made in self.figures.items()
            if self._reported(made)
            for path in self.plan.layout.figure(name)
        ]

    @property
    def figure_paths(self) -> list[str]:
        """Paths of every picture that is reported."""
        return [path for path in self.products if path.endswith(FIGURE_ENDINGS)]

    @property
    def study_paths(self) -> list[str]:
        """Paths of the tables of every study that there are structures for."""
        made = [name for name, planned in self.tables.items() if planned.subject in self.plan.evaluations.studies]
        return [path for name in made for path in self.plan.layout.table(name)]

    @property
    def cost_table(self) -> list[str]:
        """Path of the table of costs, where it is reported."""
        made = "cost" in self.tables and self._reported(self.tables["cost"])
        return [self.plan.layout.table("cost")[0]] if made else []

    @property
    def records(self) -> list[str]:
        """Records of the networks that the report tells of, beside those of studies."""
        return [] if self._studies_alone else self.plan.trainings.records

    @property
    def opened_first(self) -> dict[str, str]:
        """Paths of the files and folders that one opens first, by what they are."""
        layout = self.plan.layout
        summary, figure = layout.table("summary"), layout.figure("summary")
        return {
            "Report": layout.report,
            "Summary": summary[1],
            "Tables": str(PurePath(summary[0]).parent),
            "Figures": str(PurePath(figure[0]).parent),
            "Trained networks": layout.models,
        }

    @property
    def caption_files(self) -> list[str]:
        """Paths of the texts that the report holds."""
        return sorted(map(str, (self.plan.shipped / "report").glob("*.rst")))

    @property
    def _studies_alone(self) -> bool:
        """Whether the scale names studies, which then are all that is reported."""
        return isinstance(self.plan.config.sizes.studies, tuple)

    def _reported(self, planned: Planned) -> bool:
        if self._studies_alone and not planned.product.of_studies:
            return False
        return planned.product.reported(self.plan, planned.subject)

    @cached_property
    def left_out(self) -> list[str]:
        """Sentences that say what is left out of the report and why."""
        return list(self._left_out())

    def _left_out(self) -> Iterator[str]:
        plan = self.plan
        if not plan.crystals.zones:
            yield "Everything that shows a crystal: structures/ holds no .cif file; put at least one there."
        for dataset in plan.datasets.simulated:
            share, test_only = plan.datasets.recipe(dataset).share, dataset in plan.config.generalisation.testsets
            if share and not plan.datasets.all_shards(dataset):
                kind = "test set" if test_only else "dataset"
                yield f"The {kind} {dataset}: none of its materials is in structures/."
        for name in plan.config.studies:
            if study_reported(plan, name) and name not in plan.evaluations.studies:
                yield f"The study {name}: one of its datasets holds no image."
        told = {method.name for method in plan.evaluations.localising} & {*plan.config.generalisation.wrong_prior}
        if told and plan.evaluations.generalisation and not plan.evaluations.misled:
            yield "Networks that are told a wrong structure: they need two materials in those test sets."
        for kind, registry, made in (("table", TABLES, self.tables), ("figure", FIGURES, self.figures)):
            shown = {planned.module for planned in made.values()}
            for name in registry:
                if name not in shown:
                    yield f"The {kind} {name}: it needs {registry.load(name).needs}."

    def table(self, name: str) -> Planned:
        """Return a table by its name."""
        return _known(self.tables, name, "table")

    def figure(self, name: str) -> Planned:
        """Return a figure by its name."""
        return _known(self.figures, name, "figure")


def _known(made: Mapping[str, Planned], name: str, kind: str) -> Planned:
    if name not in made:
        raise InputError(f"there is no {kind} {name} with these structures and this scale; there are {', '.join(made)}")
    return made[name]
