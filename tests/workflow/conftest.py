"""A copy of the repository in a temporary folder, and Snakemake run in it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

FOLDERS = ("config", "envs", "profiles", "report", "rules", "structures", "workflow_scripts")
TINY = Path(__file__).with_name("tiny.yaml")


class Copy:
    """A working copy of the workflow, in a folder that holds one or is to hold the repository's."""

    def __init__(self, folder: Path, repository: Path | None = None) -> None:
        self.folder = folder
        if repository is None:
            return
        for name in FOLDERS:
            shutil.copytree(repository / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(repository / "Snakefile", folder)
        (folder / "images").mkdir()

    def run(self, *arguments: str, cores: int = 2, config: Path | None = TINY) -> subprocess.CompletedProcess:
        """Run Snakemake; what it printed is in `stdout`."""
        command = [sys.executable, "-m", "snakemake", *arguments, "--cores", str(cores)]
        command += ["--configfile", str(config)] if config else []
        environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.run(
            command,
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


@pytest.fixture
def copy(tmp_path, repository) -> Copy:
    return Copy(tmp_path, repository)


@pytest.fixture
def tiny_with(tmp_path):
    """Writes the tiny configuration with further entries in its sections."""

    def written(more: dict) -> Path:
        settings = yaml.safe_load(TINY.read_text())
        for section, entries in more.items():
            settings[section] = settings.get(section, {}) | entries
        path = tmp_path / "more.yaml"
        path.write_text(yaml.safe_dump(settings))
        return path

    return written


@pytest.fixture
def another(finished, tmp_path) -> Copy:
    """A finished run of one's own, for what would change the one that tests share."""
    shutil.copytree(finished.folder, tmp_path / "another")
    return Copy(tmp_path / "another")


@pytest.fixture(scope="session")
def finished(tmp_path_factory, repository) -> Copy:
    """A copy in which the tiny workflow has run from end to end."""
    made = Copy(tmp_path_factory.mktemp("tiny"), repository)
    done = made.run()
    assert done.returncode == 0, done.stdout[-8000:]
    return made
