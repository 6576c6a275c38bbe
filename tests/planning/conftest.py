"""Plans, and the rules of the workflow, that several tests look at."""

import pytest
from loaded_rules import REPOSITORY, Rules, folder_of
from stembench.config import load_config
from stembench.planning import Plan, make_plan


@pytest.fixture(scope="session")
def plan_of():
    """A function that builds a plan of the repository's structures from settings."""

    def build(*layers: dict, structures=REPOSITORY / "structures") -> Plan:
        return make_plan(load_config(*layers), structures, shipped=REPOSITORY)

    return build


@pytest.fixture(scope="session")
def demo(plan_of):
    return plan_of({})


@pytest.fixture(scope="session")
def rules_of(tmp_path_factory):
    """A function that loads the rules at some settings, in a folder that holds the repository's structures."""
    folder = folder_of(tmp_path_factory.mktemp("rules") / "workflow")
    return lambda config: Rules(folder, config)


@pytest.fixture(scope="session")
def demo_rules(rules_of):
    return rules_of({})


@pytest.fixture(scope="session")
def demo_jobs(demo_rules):
    return demo_rules.closure(demo_rules.everything)
