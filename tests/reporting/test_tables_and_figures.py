"""A table or figure is one file, which the plan knows all of."""

import os
import shutil
import subprocess
import sys
from textwrap import dedent

import pytest
import yaml
from docutils.core import publish_doctree
from snakemake.utils import update_config
from stembench.config import Config, load_config
from stembench.errors import InputError
from stembench.planning import make_plan
from stembench.reporting.base import Figure, Table
from stembench.reporting.figures import FIGURES
from stembench.reporting.tables import TABLES

#: Seconds of CPU that all tables and figures may add to those that a plan takes to import.
IMPORTED_S = 0.15


@pytest.fixture(scope="module", params=["demo", "tiny"])
def plan(request, repository):
    content = Config().model_dump(mode="json", by_alias=True)
    if request.param == "tiny":
        update_config(content, yaml.safe_load((repository / "tests" / "workflow" / "tiny.yaml").read_text()))
    return make_plan(load_config(content), repository / "structures")


def test_every_file_ends_in_what_it_is():
    assert {type(TABLES.load(name)) for name in TABLES} == {Table}
    assert {type(FIGURES.load(name)) for name in FIGURES} == {Figure}


def test_every_table_and_figure_can_be_made_of_what_the_workflow_ships_with(plan):
    made = {planned.module for planned in (*plan.report.tables.values(), *plan.report.figures.values())}
    marked = set() if plan.real_images.images else {"real_images"}
    assert made == {*TABLES, *FIGURES} - marked


def test_every_dataset_and_test_set_has_a_gallery_on_request_and_those_of_the_report_in_it(plan):
    held = {name for name in plan.datasets.recipes if plan.datasets.shards(name, "test")}
    assert {f"gallery_{name}" for name in held} <= set(plan.report.figures)
    reported = {name for name in held if plan.layout.figure(f"gallery_{name}")[0] in plan.report.products}
    assert reported == held & set(plan.report.datasets) < held


def test_captions_are_valid_and_say_what_is_shown(plan):
    for name, caption in plan.report.captions.items():
        document = publish_doctree(caption, settings_overrides={"halt_level": 2, "report_level": 5})
        assert 100 < len(document.astext()) < 2000, name


def test_what_a_product_is_made_of_are_paths_of_its_scale_or_of_none(plan):
    for planned in (*plan.report.tables.values(), *plan.report.figures.values()):
        values = plan.report.inputs(planned).values()
        paths = [path for value in values for path in ([value] if isinstance(value, str) else value)]
        assert paths
        folder = f"results/{plan.config.scale}/"
        assert all(path.startswith((folder, "results/structures/", "results/lab/")) for path in paths)


def test_parameters_are_plain_values_without_paths_of_this_machine(plan, repository):
    for planned in (*plan.report.tables.values(), *plan.report.figures.values()):
        said = yaml.safe_dump(plain(plan.report.parameters(planned)))  # which refuses what is not plain
        assert str(repository) not in said


def plain(value):
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list | tuple) else value


def test_a_table_depends_on_the_published_numbers_that_it_shows(plan):
    shown = {
        planned.module for planned in plan.report.tables.values() if "published" in plan.report.parameters(planned)
    }
    assert {"detection", "detection_comparison", "enhancement", "loss", "lattice_precision", "study"} <= shown
    for planned in plan.report.tables.values():
        parameters = plan.report.parameters(planned)
        assert ("published" in parameters) == (len(parameters.get("numbers", "")) == 64)


def test_an_unknown_name_is_refused_with_those_that_there_are():
    with pytest.raises(InputError, match=r"no table 'detections'.* detection,"):
        TABLES.load("detections")
    with pytest.raises(InputError, match=r"no figure 'edge'.* edges,"):
        FIGURES.load("edge")


ADDED = {
    "tables": """
        from stembench.reporting.base import Table

        TABLE = Table(
            subjects=lambda plan: {"added": ""},
            inputs=lambda plan, _: {"images": plan.evaluations.images("physical")},
            tabulate=lambda inputs, _: None,
            caption=lambda plan, _: "An added table.",
            needs="nothing",
        )
        """,
    "figures": """
        from stembench.reporting.base import Figure, each

        FIGURE = Figure(
            subjects=each(lambda plan: plan.config.datasets, "added_{}"),
            inputs=lambda plan, dataset: {"index": plan.layout.dataset_index.path(dataset=dataset)},
            draw=lambda inputs, _: None,
            caption=lambda plan, dataset: f"A figure of {dataset}.",
            needs="nothing",
        )
        """,
}
USED = """
    from stembench.config import load_config
    from stembench.planning import make_plan

    report = make_plan(load_config({}), "structures").report
    print(report.captions["added"], report.captions["added_physical"])
    print({*report.products} >= {"results/demo/tables/added.csv", "results/demo/figures/added_physical.pdf"})
    print(report.inputs(report.figure("added_physical")))
    """


def run(scripts, lines, folder):
    environment = os.environ | {"PYTHONPATH": str(scripts)}
    command = [sys.executable, "-c", dedent(lines)]
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_new_table_and_a_new_figure_are_a_file_each(repository, tmp_path):
    scripts = shutil.copytree(repository / "workflow_scripts", tmp_path / "workflow_scripts")
    for kind, entry in ADDED.items():
        (scripts / "stembench" / "reporting" / kind / "added.py").write_text(dedent(entry))
    captions, reported, inputs = run(scripts, USED, repository)
    assert captions == "An added table. A figure of physical."
    assert reported == "True"
    assert inputs == "{'index': 'results/demo/datasets/physical/index.parquet'}"


def test_the_plan_imports_tables_and_figures_without_what_is_slow_to_import(repository):
    lines = """
        import sys, time
        import stembench.planning
        from stembench.reporting.figures import FIGURES
        from stembench.reporting.tables import TABLES

        before, known = time.process_time(), {*sys.modules}
        for registry in (TABLES, FIGURES):
            for name in registry:
                registry.load(name)
        print(time.process_time() - before)
        print(*({name.split(".")[0] for name in {*sys.modules} - known} - {"stembench"}))
        """
    seconds, packages = run(repository / "workflow_scripts", lines, repository)
    assert float(seconds) < IMPORTED_S
    assert not {"pandas", "matplotlib", "scipy", "xarray", "torch", "skimage"} & {*packages.split()}
