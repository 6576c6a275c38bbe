"""The page on products names the columns of every table that a finished run holds, and no others."""

import pytest
from described import PRODUCTS, check_columns

#: What the tiny run does not make, and sections without files of their own.
NOT_MADE = (
    *("results/applied/", "results/{scale}/datasets/{dataset}/temimagenet/", "results/{scale}/figures/"),
    "results/{scale}/export/",
)
HEADINGS = [
    heading
    for heading, product in PRODUCTS.items()
    if product.columns and heading != "Tables" and not product.paths[0].startswith(NOT_MADE)
]


@pytest.mark.parametrize("heading", HEADINGS)
def test_columns_of_products_are_those_on_the_page(finished, heading):
    check_columns(heading, finished.folder, "tiny")
