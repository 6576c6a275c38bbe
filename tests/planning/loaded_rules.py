"""The rules of the workflow, loaded by Snakemake in this process: what each product is made from, without a run."""

import contextlib
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from snakemake.api import SnakemakeApi
from snakemake.rules import Rule
from snakemake.settings.types import ConfigSettings, OutputSettings, Quietness, ResourceSettings

REPOSITORY = Path(__file__).parents[2]
#: The full scale with fewer jobs.
FULL = {"scale": "full", "scales": {"full": {"seeds": 1, "shard_images": 20_000}}}
#: A scale of one's own with sizes of its own.
MINE = {"scale": "mine", "scales": {"mine": {"parent": "demo", "image_px": 192, "phonons": 5, "epochs": 3, "seeds": 2}}}


@dataclass(frozen=True)
class Job:
    """A job as its rule states it; what Snakemake would remake it for."""

    rule: str
    outputs: tuple[str, ...]
    inputs: tuple[str, ...]
    params: dict[str, Any] = field(repr=False)


class Rules:
    """The rules at one configuration, in a folder that holds structures/ and images/."""

    def __init__(self, folder: Path, config: dict[str, Any]) -> None:
        self.folder = folder
        settings = ConfigSettings(config=config, replace_workflow_config=True)
        with contextlib.chdir(folder), SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api:
            asked = api.workflow(
                resource_settings=ResourceSettings(cores=1),
                config_settings=settings,
                snakefile=REPOSITORY / "Snakefile",
                workdir=folder,
            )
            self.workflow = asked._get_workflow()
            # Its own names, PLAN among them: Snakemake keeps those of all workflows of a process in one place.
            self.workflow.modifier.globals = dict(self.workflow.globals)
            self.workflow.include(REPOSITORY / "Snakefile", overwrite_default_target=True)
            self.workflow.check()
        self.plan = self.workflow.globals["PLAN"]
        self.known: dict[str, Job] = {}
        self.rules: dict[str, Rule] = {rule.name: rule for rule in self.workflow.rules}

    @property
    def everything(self) -> list[str]:
        """What the run by default makes, and what may be asked for beside it."""
        plan = self.plan
        return [*plan.report.products, plan.layout.report, *plan.datasets.all_tiles(), *plan.report.study_paths]

    def producers(self, path: str) -> list[Rule]:
        return [rule for rule in self.rules.values() if rule.is_producer(path)]

    def job(self, rule: Rule, path: str) -> Job:
        """The job of a rule that makes a path; every function of the rule is called."""
        with contextlib.chdir(self.folder):
            wildcards = rule.get_wildcards(path)
            inputs, *_ = rule.expand_input(wildcards, groupid=None)
            outputs, _ = rule.expand_output(wildcards)
            rule.expand_resources(wildcards, inputs, 1)
            params, _ = rule.expand_params(wildcards, inputs, outputs, job=None)
            rule.expand_log(wildcards)
            rule.expand_conda_env(wildcards, params, inputs)
        return Job(rule.name, tuple(map(str, outputs)), tuple(map(str, inputs)), dict(params.items()))

    def closure(self, targets: Iterable[str]) -> dict[str, Job]:
        """The jobs that make some targets and all that they need, by the paths that each makes."""
        jobs: dict[str, Job] = {}
        waiting = list(targets)
        while waiting:
            path = waiting.pop()
            if path in jobs or not path.startswith("results/"):
                continue
            job = self.known.get(path)
            if job is None:
                (producer,) = self.producers(path)
                job = self.job(producer, path)
                self.known.update(dict.fromkeys(job.outputs, job))
            jobs.update(dict.fromkeys(job.outputs, job))
            waiting += job.inputs
        return jobs


def folder_of(folder: Path, structures: Iterable[str] | None = None) -> Path:
    """Fill a folder with the structures of some materials, by default all that ship, and an empty configuration.

    A material that does not ship has the structure of platinum.
    """
    (folder / "config").mkdir(parents=True)
    (folder / "config" / "config.yaml").write_text("{}\n")
    (folder / "structures").mkdir()
    cifs = {path.stem: path for path in (REPOSITORY / "structures").glob("*.cif")}
    for name in cifs if structures is None else structures:
        os.symlink(cifs.get(name, cifs["Pt"]), folder / "structures" / f"{name}.cif")
    return folder
