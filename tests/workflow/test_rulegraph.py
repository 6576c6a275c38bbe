from draw_rulegraph import mermaid


def test_the_readme_draws_the_present_rules(copy, repository):
    drawn = mermaid(copy.folder)
    assert drawn in (repository / "README.md").read_text(), "write it anew by `make rulegraph`"
    assert drawn.index("project_structure") < drawn.index("train_network") < drawn.index("tabulate")
