import re
from html import unescape

import pytest
import yaml
from draw_rulegraph import DOT, dot, stages


def test_the_picture_of_the_rules_shows_the_present_ones(copy, repository):
    drawn = dot(copy.folder)
    assert drawn == (repository / DOT).read_text(), "draw it again by `make rulegraph`"
    assert drawn.index("project_structure") < drawn.index("train_network") < drawn.index("make_table")
    arrows = set(re.findall(r"^  (\w+ -> \w+)$", drawn, re.MULTILINE))
    titles = map(unescape, re.findall("<title>(.*?)</title>", (repository / DOT).with_suffix(".svg").read_text()))
    assert {title.replace("->", " -> ") for title in titles if "->" in title} == arrows


@pytest.mark.parametrize("profile", ["default", "slurm"])
def test_a_profile_names_rules_that_are_there(repository, profile):
    settings = yaml.safe_load((repository / "profiles" / profile / "config.yaml").read_text())
    named = {*settings.get("set-resources", {}), *settings.get("set-threads", {})}
    named |= {group.partition("=")[0] for group in settings.get("groups", [])}
    assert named <= {rule for rules in stages(repository).values() for rule in rules}
