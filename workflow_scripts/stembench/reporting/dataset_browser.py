"""A page to look through a dataset: one HTML file that needs no network and no server."""

import base64
import html
import io
import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from stembench.datasets.labels import label
from stembench.datasets.sample import Sample
from stembench.datasets.store import STORED

#: What is shown of each sample, the enlarged one with its columns first.
SHOWN = (
    "image",
    "noNoise",
    "noBackgroundnoNoise",
    "noNoiseNoBackgroundSuperresolution",
    "circularMask",
    "gaussianMask",
)
FILTERS = ("split", "material", "zone", "arrangement", "dose")

_TEMPLATE = Path(__file__).with_suffix(".html")
_MASKS = ("circularMask", "gaussianMask")  # flat: smaller and sharper without loss
_LARGEST_IMAGE_PX = 256
_LARGEST_PAGE_BYTES = 14_000_000
_DOSE_EDGES = [start * 10.0**decade for decade in range(-3, 6) for start in (1, 3)]  # counts/px


def fair_selection(index: pd.DataFrame, limit: int) -> list[int]:
    """Rows of the index in which every split, material with zone, arrangement and dose has as equal a part as can be.

    Each in turn is the row whose kinds have been taken the fewest times so far, the first of several.

    Parameters
    ----------
    index : DataFrame
        A row an image.
    limit : int
        How many at most.
    """
    crystals = index.material + " " + index.zone
    kinds = [pd.factorize(each)[0] for each in (index.split, crystals, index.arrangement, _dose(index))]
    kinds.append(pd.factorize(index.structure)[0])
    taken, chosen = np.zeros(len(index)), []
    for _ in range(min(limit, len(index))):
        best = int(taken.argmin())
        chosen.append(best)
        for kind in kinds:
            taken[kind == kind[best]] += 1
        taken[best] = np.inf
    return chosen


def dataset_browser(name: str, index: pd.DataFrame, samples: Sequence[Sample], limit: int = 240) -> str:
    """The page.

    Parameters
    ----------
    name : str
        Key of the dataset.
    index : DataFrame
        A row an image: `split`, `material`, `zone`, `arrangement` and everything drawn.
    samples : sequence of Sample
        The dataset's, in the order of the index; those that are shown are read, one after the other.
    limit : int
        How many are shown at most; fewer where the page would grow above 14 MB.

    Returns
    -------
    str
        HTML with all images, style and code inside. Its address tells it the filters and the sample to enlarge:
        `#material=Si&split=test`, `#sample=7`.
    """
    rows = index.assign(dose=_dose(index)).reset_index(drop=True)
    entries, size = {}, 0
    for position in fair_selection(index, limit):
        entry = json.dumps(_entry(samples[position], rows.iloc[position])).replace("<", "\\u003c")
        size += len(entry)
        if size > _LARGEST_PAGE_BYTES:
            break
        entries[position] = entry
    rows = rows.iloc[list(entries)].sort_values(["material", "zone", "arrangement", "sample"])
    parts = {
        "title": html.escape(name),
        "shown": str(len(rows)),
        "total": str(len(index)),
        "filters": "\n".join(_select(key, rows[key]) for key in FILTERS),
        "samples": "[" + ",\n".join(entries[position] for position in rows.index) + "]",
    }
    page = _TEMPLATE.read_text(encoding="utf-8")
    for key, text in parts.items():
        page = page.replace("{{" + key + "}}", text)
    return page


def _dose(index: pd.DataFrame) -> pd.Series:
    """The half decade in which the counts lie; `none` where a noise recipe has no dose."""
    counts = index.get("counts_per_px", pd.Series(np.nan, index.index))
    names = [f"{low:g} to {high:g} e/px" for low, high in pairwise(_DOSE_EDGES)]
    return pd.cut(counts, _DOSE_EDGES, right=False, labels=names).cat.add_categories("none").fillna("none")


def _select(key: str, values: pd.Series) -> str:
    known = values.cat.remove_unused_categories().cat.categories if key == "dose" else sorted(values.unique())
    options = "".join(f'<option value="{html.escape(each)}">{html.escape(each or "none")}</option>' for each in known)
    return f'<label>{key}<select name="{key}"><option value="">all</option>{options}</select></label>'


def _entry(sample: Sample, row: pd.Series) -> dict:
    """What the page knows of a sample; lengths in pixels."""
    columns, pixel_size = sample.columns, sample.parameters["pixel_size_A"]
    kinds = np.select(
        [columns.hidden, ~columns.asked, ~columns.resolved], ["covered", "weak", "unresolved"], default="asked"
    )
    places = (columns[["x_A", "y_A"]].to_numpy() / pixel_size).round(2)
    return {
        "number": int(sample.parameters["sample"]),
        "title": f"{row.material} [{row.zone}]",
        "subtitle": ", ".join([row.arrangement, row.split] + ([row.dose] if row.dose != "none" else [])),
        "images": {each: _data_uri(sample, each) for each in SHOWN if each in sample.images or each not in STORED},
        "size": sample.images["image"].shape,
        "radius": round(sample.parameters["column_radius_A"] / pixel_size, 2),
        "columns": {kind: places[kinds == kind].tolist() for kind in ("asked", "unresolved", "weak", "covered")},
        "filters": {key: row[key] for key in FILTERS},
        "parameters": {key: _text(value) for key, value in sample.parameters.items()},
    }


def _data_uri(sample: Sample, name: str) -> str:
    image = Image.fromarray(np.round(255 * label(sample, name)).astype(np.uint8))
    image.thumbnail((_LARGEST_IMAGE_PX, _LARGEST_IMAGE_PX))
    written = io.BytesIO()
    image.save(written, "WEBP", quality=70, lossless=name in _MASKS)
    return "data:image/webp;base64," + base64.b64encode(written.getvalue()).decode()


def _text(value: object) -> str:
    return f"{value:.5g}" if isinstance(value, float) else str(value)
