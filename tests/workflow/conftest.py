"""A copy of the repository in a temporary folder, and Snakemake run in it."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
import yaml
from copies import TINY, Copy


def pytest_collection_modifyitems(items):
    """Every test of this folder runs Snakemake."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.slow)


@pytest.fixture
def copy(tmp_path, repository) -> Copy:
    return Copy(tmp_path, repository)


@pytest.fixture
def tiny_with(tmp_path):
    """Writes the tiny configuration with further entries in its sections."""

    def written(more: dict) -> Path:
        settings = yaml.safe_load(TINY.read_text())
        for section, entries in more.items():
            settings[section] = settings.get(section, {}) | entries if isinstance(entries, dict) else entries
        path = tmp_path / "more.yaml"
        path.write_text(yaml.safe_dump(settings))
        return path

    return written


def marked_image(folder: Path) -> None:
    """Write an image of a square lattice, with its columns marked beside it."""
    y, x = np.indices((96, 96))
    places = np.stack(np.meshgrid(np.arange(10, 90, 20), np.arange(12, 90, 20)), -1).reshape(-1, 2)
    image = sum(np.exp(-((x - a) ** 2 + (y - b) ** 2) / 30) for a, b in places)
    tifffile.imwrite(folder / "marked.tif", (1000 * image).astype(np.uint16))
    rows = [f"{a},{b}" for a, b in places]
    (folder / "marked_columns.csv").write_text("\n".join(["x_px,y_px", *rows]) + "\n")
    (folder / "images.csv").write_text("image,pixel_size_A\nmarked.tif,0.1\n")


@pytest.fixture(scope="session")
def finished(tmp_path_factory, repository) -> Copy:
    """A copy in which the tiny workflow has run from end to end."""
    made = Copy(tmp_path_factory.mktemp("tiny"), repository)
    marked_image(made.folder / "images")
    done = made.run()
    assert done.returncode == 0, done.stdout[-8000:]
    return made
