import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from stembench.planning.layout import Layout


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
    script = repository / "workflow_scripts" / "list_products.py"
    done = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    named = [line.split(":")[1].strip() for line in done.stdout.splitlines()]
    assert named == [layout.report, str(Path(layout.table("cost")[0]).parent)]
