"""How much is killed, and a run that nothing disturbs."""

import pytest
from copies import Copy
from jobs import Watcher


def pytest_addoption(parser):
    parser.addoption("--quick", action="store_true", help="kill jobs of a part of the workflow, each rule once")


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
    detection = "results/evaluation/physical/{}/columns.parquet"
    return [
        "results/tiles/SrTiO3/001/200keV_24mrad",
        "results/calibration/se_mos2.json",
        "results/datasets/physical/README.md",
        detection.format("smoothed_maxima"),
        detection.format("atomid_net-physical-seed0-maxima"),
        "results/models/atomid_net/localise/physical/seed0/validation.png",
    ]


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory, repository, targets) -> tuple[Copy, dict[str, float]]:
    """A finished run, and the shortest life of each rule's jobs [s]."""
    copy = Copy(tmp_path_factory.mktemp("undisturbed"), repository)
    watcher = Watcher(copy.folder)
    with watcher.watching():
        done = copy.run(*targets)
    assert done.returncode == 0, done.stdout[-8000:]
    return copy, {rule: min(lives) for rule, lives in watcher.lifetimes.items()}
