from draw_rulegraph import mermaid, stages


def test_the_readme_draws_the_present_rules(copy, repository):
    drawn = mermaid(copy.folder)
    assert drawn in (repository / "README.md").read_text(), "write it anew by `make rulegraph`"
    assert drawn.index("project_structure") < drawn.index("train_network") < drawn.index("tabulate_detection")


def test_every_rule_is_of_a_stage(copy):
    known = copy.run("--list-rules", config=None).stdout.split()
    assert {rule for rules in stages(copy.folder).values() for rule in rules} | {"all"} <= {*known}
