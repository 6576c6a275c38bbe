"""Without any structure the default run ends, and its report says what is left out.

Runs to the end with one material and with two are part of `make test-slurm` and `make test-conda`; plans of such runs
are tested by `make test`.
"""

from stembench.planning import Layout

LAYOUT = Layout("tiny")


def test_without_any_structure_lab_images_are_calibrated_and_the_report_says_what_is_left_out(copy):
    for cif in (copy.folder / "structures").iterdir():
        cif.unlink()
    done = copy.run()
    assert done.returncode == 0, done.stdout[-8000:]
    assert (copy.folder / LAYOUT.report).exists()
    assert (copy.folder / LAYOUT.table("realism")[0]).exists()
    first_page = (copy.folder / LAYOUT.run).read_text()
    for sentence in (
        "The dataset physical: none of its materials is in structures/.",
        "The table detection: it needs a test set with images.",
    ):
        assert sentence in first_page
