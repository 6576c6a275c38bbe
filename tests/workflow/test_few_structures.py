"""Whatever lies in structures/, the default run ends, and its report says what is left out.

Runs to the end with one material and with two are part of `make test-slurm` and `make test-conda`.
"""

import pytest
from copies import Copy
from stembench.planning import Layout

LAYOUT = Layout("tiny")


def with_materials(copy: Copy, *names: str) -> Copy:
    for cif in (copy.folder / "structures").iterdir():
        if cif.stem not in names:
            cif.unlink()
    return copy


def test_without_any_structure_lab_images_are_calibrated_and_the_report_says_what_is_left_out(copy):
    done = with_materials(copy).run()
    assert done.returncode == 0, done.stdout[-8000:]
    assert (copy.folder / LAYOUT.report).exists()
    assert (copy.folder / LAYOUT.table("realism")[0]).exists()
    first_page = (copy.folder / LAYOUT.run).read_text()
    for sentence in (
        "The dataset physical: none of its materials is in structures/.",
        "The table detection: it needs a test set with images.",
    ):
        assert sentence in first_page


@pytest.mark.parametrize("names", [("SrTiO3",), ("Au",), ("Au", "Si")], ids=["one", "one held out", "one of each"])
def test_with_few_structures_everything_that_is_reported_can_be_planned(copy, names):
    planned = with_materials(copy, *names).pending()
    assert {*copy.plan().report.products, LAYOUT.report} <= set(planned)
