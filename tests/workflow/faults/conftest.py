"""How much is killed, and a run that nothing disturbs."""

import pytest
from copies import Copy
from jobs import Watcher
from stembench.planning import Layout, Method


def pytest_addoption(parser):
    parser.addoption("--quick", action="store_true", help="kill jobs of a part of the workflow, each script once")


def pytest_configure(config):
    config.addinivalue_line("markers", "thorough: left out of the quick form")


def pytest_collection_modifyitems(config, items):
    if config.getoption("--quick"):
        left_out = [item for item in items if item.get_closest_marker("thorough")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session")
def quick(request) -> bool:
    return request.config.getoption("--quick")


@pytest.fixture(scope="session")
def targets(quick) -> list[str]:
    """What the killed workflow makes: all of it, or something of each stage."""
    if not quick:
        return []
    layout, network = Layout("tiny"), Method("atomid_net", "physical").read_by("maxima")
    trained = {"network": "atomid_net", "task": "localise", "dataset": "physical", "seed": 0}
    return [
        layout.tile.path(material="SrTiO3", zone="001", condition="200keV_24mrad"),
        layout.calibration.path(instrument="se_mos2"),
        layout.dataset_card.path(dataset="physical"),
        *(layout.scored_columns.path(testset="physical", method=method) for method in ("smoothed_maxima", network)),
        layout.model_figure("validation")[0].path(**trained),
    ]


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory, repository, targets) -> tuple[Copy, dict[str, float]]:
    """A finished run, and the shortest life of each kind of job [s]."""
    copy = Copy(tmp_path_factory.mktemp("undisturbed"), repository)
    watcher = Watcher(copy.folder)
    with watcher.watching():
        done = copy.run(*targets)
    assert done.returncode == 0, done.stdout[-8000:]
    return copy, {kind: min(lives) for kind, lives in watcher.lifetimes.items()}
