import shutil
import subprocess

import pytest

FILES = (
    "README.md",
    "demo/tables/detection.csv",
    "demo/models/unet/localise/physical/seed0/weights.safetensors",
    "full/tables/detection.csv",
)


@pytest.fixture
def clean(repository, tmp_path):
    """Run `make clean` beside some results; the files that are left, and how it ended."""
    shutil.copy(repository / "Makefile", tmp_path)
    for name in FILES:
        path = tmp_path / "results" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()

    def cleaned(*settings: str) -> tuple[list[str], subprocess.CompletedProcess]:
        done = subprocess.run(["make", "clean", *settings], cwd=tmp_path, capture_output=True, text=True)
        left = [name for name in FILES if (tmp_path / "results" / name).exists()]
        return left, done

    return cleaned


def test_cleaning_a_scale_keeps_its_trained_networks_and_the_other_scales(clean):
    left, done = clean("SCALE=demo")
    assert done.returncode == 0, done.stderr
    assert left == [name for name in FILES if name != "demo/tables/detection.csv"]


def test_trained_networks_are_deleted_when_that_is_asked_for(clean):
    left, _ = clean("SCALE=demo", "MODELS=1")
    assert left == ["README.md", "full/tables/detection.csv"]


@pytest.mark.parametrize("settings", [(), ("SCALE=..",), ("SCALE=demo/../full",)])
def test_without_the_name_of_a_scale_nothing_is_deleted(clean, settings):
    left, done = clean(*settings)
    assert done.returncode
    assert "make clean SCALE=demo" in done.stdout
    assert left == list(FILES)
