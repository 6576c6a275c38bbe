"""Compare files of a finished run with what the page on products says of them."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import xarray as xr
from pages import Product, anchor, products

PRODUCTS = products()
_BY_ANCHOR = {anchor(heading): product for heading, product in PRODUCTS.items()}
#: Columns that depend on what was drawn, or on what a source says.
_OPTIONAL = (
    *("Drawn parameters", "Card of a lab image", "Images of a lab test set", "True columns", "Tuned settings"),
    "Calibration of an instrument",
)
#: Tables whose rows begin otherwise than those of the others.
_OF_THEIR_OWN = ("Table: realism", "Table: real_images")
_INTERVAL = ("_low", "_high", "_seed_sd")
_ENDINGS = (".csv", ".parquet", ".json", ".npz", ".zarr")


def check_columns(heading: str, folder: Path, scale: str) -> None:
    """Check that every file of a section has no column that the page does not name, and together all that it names."""
    product, found = PRODUCTS[heading], set()
    own, may = _described(product)
    if heading.startswith("Table: ") and heading not in _OF_THEIR_OWN:
        own |= set(PRODUCTS["Tables"].columns)
    for template in product.paths:
        pattern = re.sub(r"{\w+}", "*", template.replace("{scale}", scale))
        files = sorted(folder.glob(pattern))
        assert files, f"no {pattern}"
        for file in files if files[0].suffix in _ENDINGS else ():
            names = _names_in(file)
            assert names <= own | may, (file, names - own - may)
            found |= names
    assert heading in _OPTIONAL or own <= found, own - found


def _described(product: Product) -> tuple[set[str], set[str]]:
    """Columns that a product has, and those that it may have: of other sections, and ends of intervals."""
    may = {f"{name}{end}" for name, interval in product.columns.items() if interval for end in _INTERVAL}
    for other in product.others:
        may |= set.union(*_described(_BY_ANCHOR[other]))
    return set(product.columns), may


def _names_in(path: Path) -> set[str]:
    """Columns of a table, keys of a JSON file, or names of arrays."""
    match path.suffix:
        case ".csv":
            return set(pd.read_csv(path, nrows=0).columns)
        case ".parquet":
            return set(pq.read_schema(path).names)
        case ".json":
            return set(json.loads(path.read_text())) - {"provenance"}
        case ".npz":
            return set(np.load(path).files)
        case _:
            with xr.open_zarr(path, consolidated=False, chunks=None) as stored:
                return set(map(str, stored.variables))
