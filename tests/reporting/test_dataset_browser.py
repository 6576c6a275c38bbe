import base64
import io
import json
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy.spatial import cKDTree
from stembench.reporting import dataset_browser as module
from stembench.reporting.dataset_browser import FILTERS, SHOWN, dataset_browser, fair_selection


class Page(HTMLParser):
    """What a browser would take from the page: the options of its filters, its data, and what it would fetch."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.options, self.fetched, self.data, self.inside = {}, [], "", None
        self.feed(text)
        self.samples = json.loads(self.data)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.fetched += [value for name, value in attributes.items() if name in ("src", "href", "srcset", "action")]
        if tag == "select":
            self.key = attributes["name"]
        if tag == "option" and attributes["value"]:
            self.options.setdefault(self.key, []).append(attributes["value"])
        self.inside = attributes.get("id") if tag == "script" else self.inside

    def handle_data(self, data):
        if self.inside == "samples":
            self.data += data

    def handle_endtag(self, tag):
        self.inside = None


@pytest.fixture(scope="module")
def samples(small_factory):
    return [small_factory.sample(split, i) for split in ("train", "validation", "test") for i in range(3)]


@pytest.fixture(scope="module")
def index(samples):
    return pd.DataFrame([sample.parameters for sample in samples])


@pytest.fixture(scope="module")
def page(index, samples):
    return dataset_browser("small", index, samples)


def test_everything_is_inside_the_page(page):
    assert not Page(page).fetched
    assert not re.search(r"https?:|url\(|@import|<link", page)


def test_filters_offer_what_the_dataset_has(page, index):
    options = Page(page).options
    for key in ("split", "material", "zone", "arrangement"):
        assert options[key] == sorted(index[key].unique())
    assert set(options) == set(FILTERS)
    bounds = [(float(low), float(high)) for low, high in (re.findall(r"[\d.]+", each) for each in options["dose"])]
    assert all(any(low <= counts < high for low, high in bounds) for counts in index.counts_per_px)
    assert all(((index.counts_per_px >= low) & (index.counts_per_px < high)).any() for low, high in bounds)


def test_images_and_columns_are_the_sample_s(page, samples):
    entries = {entry["number"]: entry for entry in Page(page).samples}
    assert len(entries) == len(samples)
    for sample in samples:
        entry = entries[sample.parameters["sample"]]
        assert tuple(entry["images"]) == SHOWN
        with Image.open(io.BytesIO(base64.b64decode(entry["images"]["noNoise"].partition(",")[2]))) as opened:
            shown = np.asarray(opened.convert("L")) / 255
        assert np.abs(shown - sample.images["noNoise"]).mean() < 0.02
        places = np.concatenate([np.reshape(part, (-1, 2)) for part in entry["columns"].values()])
        truth = sample.columns[["x_A", "y_A"]].to_numpy() / sample.parameters["pixel_size_A"]
        distances, nearest = cKDTree(truth).query(places)
        assert sorted(nearest) == list(range(len(truth)))
        assert distances.max() < 0.01
        assert len(entry["columns"]["weak"]) == (~sample.columns.asked & ~sample.columns.hidden).sum()
        assert set(entry["parameters"]) == set(sample.parameters)


def test_text_cannot_become_markup(samples, index):
    nasty = '</script><img src="x">&\'"'
    text = dataset_browser(nasty, index.assign(material=nasty), samples, limit=2)
    parsed = Page(text)
    assert not parsed.fetched
    assert parsed.options["material"] == [nasty]
    assert parsed.samples[0]["filters"]["material"] == nasty
    assert text.count("</script>") == 2


def test_a_selection_shows_every_kind_of_image_as_often_as_another():
    rng = np.random.default_rng(0)
    index = pd.DataFrame(
        {
            "split": rng.choice(["train", "test", "held_out"], 3000, p=[0.9, 0.08, 0.02]),
            "material": rng.choice(list("ABCDEFGHIJ"), 3000),
            "zone": "001",
            "arrangement": rng.choice(["periodic", "particle"], 3000, p=[0.95, 0.05]),
            "structure": np.arange(3000) // 5,
            "counts_per_px": 10 ** rng.uniform(0, 2, 3000),
        }
    )
    chosen = index.iloc[fair_selection(index, 120)]
    assert chosen.index.is_unique
    assert chosen.structure.nunique() > 100
    for key, equal in (("split", 40), ("material", 12), ("arrangement", 60)):
        assert chosen[key].value_counts().min() >= 0.8 * equal, key


def test_the_page_does_not_grow_without_bounds(samples, index, monkeypatch):
    monkeypatch.setattr(module, "_LARGEST_PAGE_BYTES", 30_000)
    text = dataset_browser("small", index, samples)
    assert 0 < len(Page(text).samples) < len(samples)
    assert len(text) < 50_000


def test_noise_without_a_dose_has_no_dose_to_filter_by(samples, index):
    without = index.drop(columns="counts_per_px")
    assert Page(dataset_browser("small", without, samples, limit=2)).options["dose"] == ["none"]
