import pytest
import yaml
from draw_rulegraph import mermaid, stages


def test_the_readme_draws_the_present_rules(copy, repository):
    drawn = mermaid(copy.folder)
    assert drawn in (repository / "README.md").read_text(), "write it anew by `make rulegraph`"
    assert drawn.index("project_structure") < drawn.index("train_network") < drawn.index("make_table")


@pytest.mark.parametrize("profile", ["default", "slurm"])
def test_a_profile_names_rules_that_are_there(repository, profile):
    settings = yaml.safe_load((repository / "profiles" / profile / "config.yaml").read_text())
    named = {*settings.get("set-resources", {}), *settings.get("set-threads", {})}
    named |= {group.partition("=")[0] for group in settings.get("groups", [])}
    assert named <= {rule for rules in stages(repository).values() for rule in rules}
