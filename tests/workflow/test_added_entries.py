"""A network, localiser, finder, filter, table or figure is one file, and a configuration entry where it is optional."""

import re
import shutil
from textwrap import dedent

import pandas as pd
import pytest
import yaml
from copies import TINY, Copy
from stembench.planning import Layout, Method
from stembench.products import read_json

LAYOUT = Layout("tiny")
NETWORK = "plain_cnn"
REPORT = {LAYOUT.report, LAYOUT.run}
#: Rules that make what a reader sees of all methods together.
SHOWN = {"make_table", "plot_figure", "report"}
#: Rules that make what comes before any method.
BEFORE = {"project_structure", "generate_shard", "generate_common_validation", "simulate_tile", "calibrate_noise"}

FILES = {
    "localisation/localisers/brightest.py": """
        import numpy as np
        from stembench.localisation.localisers.base import Localiser

        def localise(surface, pixel_size):
            y, x = np.unravel_index(surface.argmax(), surface.shape)
            return np.array([[x, y]]) * pixel_size

        LOCALISER = Localiser(localise)
        """,
    "baselines/finders/brightest_pixel.py": """
        import numpy as np
        from stembench.baselines.finders.base import Finder
        from stembench.localisation.peaks import PeakSettings

        def find(image, pixel_size, settings):
            y, x = np.unravel_index(image.argmax(), image.shape)
            return np.array([[x, y]]) * pixel_size, image[[y], [x]]

        FINDER = Finder(find=find, settings=(PeakSettings(0.0, 0.0, 0.1, relative=False),))
        """,
    "baselines/filters/power.py": """
        from stembench.baselines.filters.base import Filter

        FILTER = Filter(lambda image, pixel_size, exponent: image**exponent, parameters=(1.0, 2.0))
        """,
    "reporting/tables/networks_by_task.py": """
        from stembench.reporting.base import Table, once

        def tabulate(inputs, parameters):
            import pandas as pd

            return pd.read_csv(inputs["costs"]).groupby("task", as_index=False).size()

        TABLE = Table(
            subjects=once(lambda plan: plan.evaluations.trained, "networks_by_task"),
            inputs=lambda plan, _: {"costs": plan.layout.table("cost")[0]},
            tabulate=tabulate,
            caption=lambda plan, _: "Number of networks per task.",
            needs="a network that is trained",
        )
        """,
    "reporting/figures/networks_by_task.py": """
        from stembench.reporting.base import Figure, once

        def draw(inputs, parameters):
            import matplotlib.pyplot as plt
            import pandas as pd

            table = pd.read_csv(inputs["table"])
            figure, axes = plt.subplots()
            axes.bar(table.task, table["size"])
            return figure

        FIGURE = Figure(
            subjects=once(lambda plan: plan.evaluations.trained, "networks_by_task"),
            inputs=lambda plan, _: {"table": plan.layout.table("networks_by_task")[0]},
            draw=draw,
            caption=lambda plan, _: "Number of networks per task.",
            needs="a network that is trained",
        )
        """,
}


@pytest.fixture(scope="module")
def example(repository):
    """The example of a network in docs/how_to/network.md: the file, and the entry."""
    page = (repository / "docs" / "how_to" / "network.md").read_text()
    return re.search(r"```python\n(.*?)```", page, re.DOTALL)[1], re.search(r"the entry `(.*?)`", page)[1]


@pytest.fixture(scope="module")
def entries(example):
    """What is added to the tiny configuration for each optional kind."""
    evaluation = yaml.safe_load(TINY.read_text())["evaluation"]
    return {
        "network": yaml.safe_load(example[1]),
        "localiser": {"evaluation": {"localisers": ["maxima", "otsu", "otsu_split", "own", "brightest"]}},
        "finder": {"evaluation": {"detection_baselines": [*evaluation["detection_baselines"], "brightest_pixel"]}},
        "filter": {"evaluation": {"enhancement_baselines": [*evaluation["enhancement_baselines"], "power"]}},
    }


@pytest.fixture(scope="module")
def added(finished, example, tmp_path_factory) -> Copy:
    """A copy of the finished run with a new file of each kind."""
    folder = shutil.copytree(finished.folder, tmp_path_factory.mktemp("added") / "copy")
    library = folder / "workflow_scripts" / "stembench"
    for path, text in FILES.items():
        (library / path).write_text(dedent(text))
    (library / "networks" / f"{NETWORK}.py").write_text(example[0])
    return Copy(folder)


@pytest.fixture(scope="module")
def shown(added):
    """What the new table and figure, which no configuration entry asks for, plan by themselves."""
    return added.pending()


def test_the_readme_shows_the_same_network_and_entry(example, repository):
    readme = (repository / "README.md").read_text()
    assert all(part in readme for part in example)


def test_the_network_of_the_page_is_ten_lines_beside_its_imports(example):
    lines = [line for line in example[0].splitlines() if line.strip() and not line.startswith(("import", "from"))]
    assert len(lines) <= 10


def test_a_table_and_a_figure_are_one_file_each_and_only_they_and_the_report_are_made(shown):
    assert set(shown) == {*LAYOUT.table("networks_by_task"), *LAYOUT.figure("networks_by_task"), *REPORT}


def planned(added, shown, tiny_with, entry):
    """What an entry plans beside the new table and figure: paths by rule, without those of SHOWN, and the tables."""
    again = added.pending(config=tiny_with(entry))
    return (
        {path: rule for path, rule in again.items() if rule not in SHOWN},
        {path for path in again if path not in shown},
    )


def test_a_network_plans_its_training_its_evaluations_and_the_tables_that_show_it(added, shown, tiny_with, entries):
    own, everything = planned(added, shown, tiny_with, entries["network"])
    assert {"train_network", "tune_detection", "validate_network", "measure_cost"} <= set(own.values())
    assert all(NETWORK in path for path in own), own
    assert {*LAYOUT.table("detection"), *LAYOUT.table("cost")} <= everything
    assert not {*LAYOUT.table("enhancement"), *LAYOUT.table("realism")} & everything


def test_a_localiser_plans_the_evaluation_of_networks_and_the_tables_that_show_it(added, shown, tiny_with, entries):
    own, everything = planned(added, shown, tiny_with, entries["localiser"])
    assert {rule.partition("_by_")[0] for rule in own.values()} == {"evaluate_network"}
    assert {*LAYOUT.table("detection")} <= everything
    assert not {*LAYOUT.table("generalisation"), *LAYOUT.table("enhancement")} & everything


def test_a_finder_plans_its_tuning_its_evaluations_and_the_tables_that_show_it(added, shown, tiny_with, entries):
    own, everything = planned(added, shown, tiny_with, entries["finder"])
    scored = {"evaluate_finder", "evaluate_lattice_precision", "find_on_real_images"}
    assert set(own.values()) == {"tune_detection", *scored}
    assert all("brightest_pixel" in path for path in own), own
    assert {*LAYOUT.table("detection")} <= everything
    assert not {*LAYOUT.table("enhancement"), *LAYOUT.table("cost")} & everything


def test_a_filter_plans_its_tuning_what_it_enhances_and_the_tables_that_show_it(added, shown, tiny_with, entries):
    own, everything = planned(added, shown, tiny_with, entries["filter"])
    after = {
        "denoise_single_crystal",
        "evaluate_localisation_after_denoising",
        "evaluate_precision_after_denoising",
    }
    assert set(own.values()) == {"tune_enhancement", "evaluate_enhancement", "enhance_lab_image", *after}
    assert all("power" in path for path, rule in own.items() if rule not in after), own
    assert {*LAYOUT.table("enhancement")} <= everything
    assert not {*LAYOUT.table("detection"), *LAYOUT.table("cost")} & everything


@pytest.fixture(scope="module")
def ran(added, shown, entries, tmp_path_factory) -> Copy:
    """The copy after a run of all of them at once, and of a network that cannot be had here."""
    settings = yaml.safe_load(TINY.read_text())
    settings["networks"] |= entries["network"]["networks"] | {"faster_rcnn": {"tasks": ["localise"]}}
    for kind in ("localiser", "finder", "filter"):
        settings["evaluation"] |= entries[kind]["evaluation"]
    settings["evaluation"]["lab_testsets"] = {"perovskite": None}
    settings["studies"]["training_sets"] = None  # whose test set it is
    config = tmp_path_factory.mktemp("config") / "all.yaml"
    config.write_text(yaml.safe_dump(settings))
    enhanced = LAYOUT.enhanced_images.path(task="denoise_background", testset="physical", method="power")
    wanted = [LAYOUT.table("detection")[0], LAYOUT.figure("networks_by_task")[0], enhanced]
    done = added.run(*wanted, config=config)
    assert done.returncode == 0, done.stdout[-8000:]
    return added


@pytest.fixture(scope="module")
def detection(ran):
    table = pd.read_csv(ran.folder / LAYOUT.table("detection")[0])
    return table[(table.testset == "physical") & (table.subset == "all")]


def test_the_network_is_trained_and_read_by_the_localiser(ran, detection):
    record = LAYOUT.record.path(network=NETWORK, task="localise", dataset="physical", seed=0)
    assert read_json(ran.folder / record)["architecture"] == NETWORK
    assert "brightest" in set(detection.localiser[detection.method == NETWORK])
    scored = LAYOUT.scored_columns.path(testset="physical", method=Method(NETWORK, "physical").read_by("brightest"))
    columns = pd.read_parquet(ran.folder / scored)
    found = columns[columns.outcome != "fn"].groupby("sample").size()
    assert len(found)
    assert (found == 1).all()  # the brightest pixel of each map


def test_the_finder_has_a_row(detection):
    assert (detection.f1[detection.method == "brightest_pixel"] >= 0).all()
    assert "brightest_pixel" in set(detection.method)


def test_the_table_and_figure_show_the_network(ran):
    table = pd.read_csv(ran.folder / LAYOUT.table("networks_by_task")[0]).set_index("task")["size"]
    assert table["localise"] == 3  # with the one that cannot be had
    assert (ran.folder / LAYOUT.figure("networks_by_task")[1]).read_bytes().startswith(b"%PDF")


def test_a_network_that_cannot_be_had_says_so_in_its_rows_and_the_rest_goes_on(ran, detection):
    rows = detection[detection.localiser == "maxima"].set_index("method")
    assert rows.note["faster_rcnn"].startswith("torchvision does not load here")
    assert pd.isna(rows.f1["faster_rcnn"])
    assert rows.f1[NETWORK] >= 0
    assert "faster_rcnn" in set(pd.read_csv(ran.folder / LAYOUT.table("cost")[0]).method)
