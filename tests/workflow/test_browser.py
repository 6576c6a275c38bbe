"""The browser of a dataset, in a real browser."""

import os
import re
import shutil
import subprocess

import pandas as pd
import pytest
from stembench.reporting.dataset_browser import dataset_browser

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="there is no Chromium to open the page in; on Debian: apt-get install chromium"
)


@pytest.fixture(scope="module")
def samples(small_factory):
    return [small_factory.sample(split, i) for split in ("validation", "test") for i in range(4)]


@pytest.fixture(scope="module")
def opened(samples, tmp_path_factory):
    """The page as it stands once it is loaded with some hash."""
    folder = tmp_path_factory.mktemp("browser")
    index = pd.DataFrame([sample.parameters for sample in samples])
    (folder / "browser.html").write_text(dataset_browser("small", index, samples), encoding="utf-8")

    def opened(fragment: str) -> str:
        command = [CHROMIUM, "--headless", "--disable-gpu", f"--user-data-dir={folder}/profile", "--dump-dom"]
        command += ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium has no sandbox for root
        url = f"{(folder / 'browser.html').as_uri()}#{fragment}"
        return subprocess.run([*command, url], capture_output=True, text=True, timeout=120, check=True).stdout

    return opened


def shown(page: str) -> tuple[str, int]:
    (count,) = re.findall(r'<output id="count"[^>]*>(.*?)</output>', page)
    cards = re.findall(r'<button[^>]*class="card"[^>]*>', page)
    return count, sum("hidden" not in card for card in cards)


def test_all_images_are_shown(opened, samples):
    assert shown(opened("")) == ("8 of 8 images", 8)


def test_filters_in_the_address_choose_images(opened, samples):
    silicon = sum(sample.parameters["material"] == "Si" for sample in samples)
    test = sum(sample.parameters["material"] == "Si" and sample.parameters["split"] == "test" for sample in samples)
    assert 0 < test < silicon < 8
    assert shown(opened("material=Si")) == (f"{silicon} of 8 images", silicon)
    assert shown(opened("material=Si&split=test")) == (f"{test} of 8 images", test)


def test_an_enlarged_image_has_its_columns_and_parameters(opened, samples):
    sample = samples[5]
    page = opened(f"sample={sample.parameters['sample']}")
    dialog = page[page.index("<dialog") : page.index("</dialog>")]
    assert 'open=""' in dialog[: dialog.index(">")]
    assert dialog.count("<circle") == len(sample.columns)
    assert dialog.count("<figure>") == 6
    assert re.findall(r"<dt>(.*?)</dt>", dialog) == list(sample.parameters)
