"""The conda environments, the rules that run in them, and what these import."""

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import yaml
from packaging.utils import canonicalize_name
from snakemake.api import SnakemakeApi
from snakemake.settings.types import ConfigSettings, OutputSettings, Quietness, ResourceSettings
from stembench.baselines.filters import FILTERS
from stembench.baselines.finders import FINDERS
from stembench.localisation.localisers import LOCALISERS
from stembench.networks import NETWORKS
from stembench.networks.localisers import OWN_LOCALISERS
from stembench.planning import Method, Plan
from stembench.reporting.figures import FIGURES
from stembench.reporting.tables import TABLES
from stembench.sources import modules_behind

ENVIRONMENTS = ("structures", "lab", "training", "atomap", "reporting")  # the detector has a lock file of its own
#: What conda calls a distribution of PyPI, where that is not its normalised name.
CONDA_NAMES = {
    "torch": "pytorch",
    "matplotlib": "matplotlib-base",
    "snakemake": "snakemake-minimal",
    "rosettasciio": "rosettasciio-base",
}
#: Imports of an environment's scripts for methods that run in another one.
ELSEWHERE = {"atomap": {"torch", "safetensors", "gemmi"}}


class Use(NamedTuple):
    """A rule that runs code, and its environment; `chosen_by` is the method, network or product it depends on."""

    rule: str
    script: str | None
    environment: str | None
    chosen_by: str | None = None


def conda_name(name: str) -> str:
    """The conda package of a distribution."""
    return CONDA_NAMES.get(canonicalize_name(name), canonicalize_name(name))


def dependencies(repository: Path, environment: str) -> dict[str, str]:
    """The range of versions of each package of an environment."""
    content = yaml.safe_load((repository / "envs" / f"{environment}.yaml").read_text())
    return dict(line.partition(" ")[::2] for line in content["dependencies"])


@cache
def uses(repository: Path) -> list[Use]:
    """Environments of all rules as Snakemake parses them, with the detector switched on."""
    settings = ConfigSettings(config={"networks": {"faster_rcnn": {"tasks": ["localise"]}}})
    with SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api:
        asked = {"snakefile": repository / "Snakefile", "workdir": repository}
        workflow = api.workflow(ResourceSettings(), settings, **asked)._workflow
        return [
            Use(rule.name, rule.script and Path(rule.script).stem, environment and Path(environment).stem, chosen_by)
            for rule in workflow.rules
            if not rule.norun
            for chosen_by, environment in _environments(rule, workflow)
        ]


def _environments(rule, workflow) -> Iterator[tuple[str | None, str | None]]:
    if not callable(rule.conda_env):
        yield None, rule.conda_env
        return
    values = _values(workflow.globals["PLAN"])
    (wildcard,) = set(values) & rule.wildcard_names
    constraint = (workflow.wildcard_constraints | rule.wildcard_constraints)[wildcard]
    for name in filter(re.compile(constraint).fullmatch, values[wildcard]):
        yield name, rule.conda_env(SimpleNamespace(**{wildcard: name}))


def _values(plan: Plan) -> dict[str, list[str]]:
    """What the wildcards may be that choose an environment: one training of each network stands for all."""
    dataset = next(iter(plan.config.datasets))
    networks = [str(Method(name, dataset)) for name in plan.config.networks]
    return {
        "network": [*plan.config.networks],
        "method": [*networks, *plan.evaluations.finders, *plan.evaluations.filters],
        "table": [*plan.report.tables],
        "figure": [*plan.report.figures],
    }


def imports(repository: Path, environment: str) -> set[str]:
    """Packages that the scripts of an environment's rules import, in functions too."""
    folder = repository / "workflow_scripts"
    torchvision = NETWORKS.module("faster_rcnn")
    loaded = {"training": [*map(NETWORKS.module, NETWORKS), *map(FILTERS.module, FILTERS)], "detector": [torchvision]}
    loaded["training"].remove(torchvision)
    for registry in (LOCALISERS, OWN_LOCALISERS):
        loaded["training"] += map(registry.module, registry)
    for registry in (FINDERS, TABLES, FIGURES):
        for name in registry:
            loaded.setdefault(registry.load(name).environment, []).append(registry.module(name))
    scripts = {use.script for use in uses(repository) if use.environment == environment}
    modules = {
        module
        for script in scripts
        for module in modules_behind(folder / f"{script}.py", folder, loaded.get(environment, ()))
    }
    return imports_of(modules) - {path.stem for path in folder.iterdir()} - ELSEWHERE.get(environment, set())


def imports_of(modules: Iterable[Path]) -> set[str]:
    """Packages, not of the standard library, that some modules import, in functions too."""
    return {name for module in modules for name in _imported(ast.parse(module.read_text()))} - sys.stdlib_module_names


def _imported(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
        return
    if isinstance(node, ast.Import):
        yield from (alias.name.partition(".")[0] for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and not node.level:
        yield node.module.partition(".")[0]
    for child in ast.iter_child_nodes(node):
        yield from _imported(child)


@cache
def _distributions() -> dict[str, list[str]]:
    return dict(packages_distributions())


def package_of(module: str) -> str:
    """The conda package that a module is in."""
    return conda_name(_distributions().get(module, [module])[0])
