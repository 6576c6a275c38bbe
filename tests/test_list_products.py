import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from stembench.planning.layout import Layout


def listed(repository, folder, *arguments):
    """The paths that the script prints."""
    script = repository / "workflow_scripts" / "list_products.py"
    done = subprocess.run([sys.executable, script, *arguments], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [line.split(":")[1].strip() for line in done.stdout.splitlines()]


@pytest.mark.parametrize("scale", ["demo", "full"])
def test_what_is_there_of_the_scale_that_was_run_is_named_and_nothing_else(repository, tmp_path, scale):
    (tmp_path / "images").mkdir()
    shutil.copytree(repository / "structures", tmp_path / "structures")
    settings = tmp_path / "config" / "config.yaml"
    settings.parent.mkdir()
    settings.write_text(f"scale: {scale}\n")
    layout = Layout(scale)
    for path in (layout.report, layout.table("cost")[0], Layout("other").report):
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).touch()
    assert listed(repository, tmp_path) == [layout.report, str(Path(layout.table("cost")[0]).parent)]


def test_of_the_example_the_overlay_and_the_columns_are_named(repository, tmp_path):
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "config.yaml").touch()
    shutil.copytree(repository / "structures", tmp_path / "structures")
    made = [Layout.applied.path(image="se_mos2", product=name) for name in ("overlay.png", "columns.csv")]
    for path in made:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    assert listed(repository, tmp_path, "example") == made
