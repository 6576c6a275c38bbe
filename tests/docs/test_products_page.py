"""The page on products and the layout name the same files."""

import re

import pytest
from pages import REPOSITORY, anchor, products
from stembench.planning import Layout, Template
from stembench.planning.lab import APPLIED
from stembench.reporting.figures import FIGURES
from stembench.reporting.tables import TABLES

LAYOUT = Layout("{scale}")
MADE = {
    *(value for name in dir(Layout) if isinstance(value := getattr(LAYOUT, name), Template)),
    *LAYOUT.table("{table}"),
    *LAYOUT.figure("{figure}"),
    *(str(path) for name in ("curves", "validation", "reliability") for path in LAYOUT.model_figure(name)[:1]),
    *(LAYOUT.applied.where(product=name) for name in APPLIED),
    LAYOUT.log("{rule}"),
    LAYOUT.benchmark("{rule}"),
} - {LAYOUT.structure, LAYOUT.applied}
DESCRIBED = {path for product in products().values() for path in product.paths}
#: Tables and figures have sections and rows of their own.
OF_ONE_KIND = ("results/{scale}/tables/", "results/{scale}/figures/")


@pytest.mark.parametrize("path", sorted(MADE))
def test_every_file_of_the_layout_is_described(path):
    assert path in DESCRIBED or any(other.startswith(f"{path}/") for other in DESCRIBED)


@pytest.mark.parametrize("path", sorted(DESCRIBED))
def test_every_described_file_is_one_of_the_layout(path):
    assert path in MADE or path.startswith(OF_ONE_KIND) or any(path.startswith(f"{other}/") for other in MADE)


def test_every_table_has_its_section():
    described = {heading.removeprefix("Table: ") for heading in products() if heading.startswith("Table: ")}
    assert described | {"study", "study_comparison"} == set(TABLES)


def test_every_figure_has_its_row():
    section = (REPOSITORY / "docs" / "reference" / "products.md").read_text().split("### Figures")[1].split("### ")[0]
    names = re.findall(r"`([\w{}]+)`", section.partition("| --- |")[2])
    assert {re.sub(r"_?\{\w+\}", "", name) for name in names} == set(FIGURES)


def test_sections_that_share_columns_name_ones_that_are_there():
    anchors = {anchor(heading) for heading in products()}
    assert {other for product in products().values() for other in product.others} <= anchors
