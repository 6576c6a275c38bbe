"""The report, in a real browser that reaches no network."""

import os
import shutil
import subprocess

import pytest
from stembench.planning import Layout

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="there is no Chromium to open the report in; on Debian: apt-get install chromium"
)


@pytest.fixture(scope="module")
def page(finished, tmp_path_factory) -> str:
    """The report as it stands once it is loaded."""
    profile = tmp_path_factory.mktemp("profile")
    command = [CHROMIUM, "--headless", "--disable-gpu", f"--user-data-dir={profile}", "--dump-dom"]
    command += ["--host-resolver-rules=MAP * ~NOTFOUND", "--virtual-time-budget=20000"]
    command += ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium has no sandbox for root
    url = (finished.folder / Layout("tiny").report).as_uri()
    shown = subprocess.run([*command, url], capture_output=True, text=True, timeout=180, check=True).stdout
    first, *others = shown.split("<script")
    return first + "".join(part.partition("</script>")[2] for part in others)  # without what scripts hold


def test_its_categories_can_be_opened(page):
    categories = ("At a glance", "Calibration", "Datasets", "Figures", "Lab images", "Structures", "Tables", "Training")
    for category in categories:
        assert category in page


def test_it_begins_with_what_the_run_was(page):
    assert "scale <em>tiny</em>" in page
    for told in ("Seeds per network", "Devices", "torch 2.", "atomid_net"):
        assert told in page
