"""The library by itself, as `pip install .` gives it."""

import re
import shutil
import subprocess
import sys
import tomllib

import numpy as np
import pandas as pd
import pytest
from environments import conda_name, imports_of, package_of
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

IMPORT_ALL = """
import pkgutil, sys
from importlib import import_module
sys.path.insert(0, sys.argv[1])
import stembench
for module in pkgutil.walk_packages(stembench.__path__, "stembench."):
    if not module.name.endswith(("faster_rcnn", "__main__")):
        import_module(module.name)
assert stembench.__file__.startswith(sys.argv[1])
assert "snakemake" not in sys.modules
"""


@pytest.fixture(scope="module")
def installed(repository, tmp_path_factory):
    """A folder that the library has been installed into."""
    folder = tmp_path_factory.mktemp("package")
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(
        repository / "workflow_scripts" / "stembench", folder / "workflow_scripts" / "stembench", ignore=ignored
    )
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(repository / name, folder)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "--target", folder / "site", folder], check=True)
    return folder / "site"


def test_every_module_of_the_installed_library_is_importable_without_snakemake(installed, tmp_path):
    subprocess.run([sys.executable, "-I", "-c", IMPORT_ALL, installed], cwd=tmp_path, check=True)


def test_the_installed_library_holds_its_tables_and_pages(installed, repository):
    source = repository / "workflow_scripts" / "stembench"
    for path in source.rglob("*"):
        if path.suffix in (".csv", ".html"):
            assert (installed / "stembench" / path.relative_to(source)).exists(), path


def test_the_package_asks_for_what_the_library_imports_and_says_what_else_it_is_for(repository):
    text = (repository / "pyproject.toml").read_text()
    project = tomllib.loads(text)["project"]
    optional = project["optional-dependencies"].values()
    asked = {Requirement(line).name for line in sum(optional, project["dependencies"])}
    explained = set(re.findall(r'^    "([a-z0-9-]+).*", # \w', text, re.MULTILINE))
    modules = (repository / "workflow_scripts" / "stembench").rglob("*.py")
    imported = {package_of(name) for name in imports_of(modules) - {"stembench"}}
    assert set(map(conda_name, asked - explained)) == imported


def test_what_is_locked_lies_in_the_ranges_of_the_package(repository):
    lines = [line for line in (repository / "requirements.lock").read_text().splitlines() if "==" in line]
    locked = {canonicalize_name(name): version for name, _, version in (line.partition("==") for line in lines)}
    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    for line in project["dependencies"] + project["optional-dependencies"]["atomap"]:
        wanted = Requirement(line)
        assert locked[canonicalize_name(wanted.name)] in wanted.specifier, wanted


def test_the_readmes_lines_find_the_columns_of_an_array(installed, repository, tmp_path):
    lines = re.search(
        r"<!-- a test runs this -->\n```python\n(.*?)```", (repository / "README.md").read_text(), re.DOTALL
    )
    y, x = np.indices((96, 96))
    lattice = [(x0, y0) for x0 in range(16, 90, 20) for y0 in range(16, 90, 20)]
    clean = sum(50 * np.exp(-((x - x0) ** 2 + (y - y0) ** 2) / (2 * 4**2)) for x0, y0 in lattice)
    np.save(tmp_path / "image.npy", np.random.default_rng(0).poisson(clean + 5))
    (tmp_path / "weights").symlink_to(repository / "weights")
    code = f"import sys; sys.path.insert(0, {str(installed)!r})\n{lines[1]}\ncolumns.to_csv('columns.csv')"
    subprocess.run([sys.executable, "-I", "-c", code], cwd=tmp_path, check=True)
    found = pd.read_csv(tmp_path / "columns.csv")[["x_A", "y_A"]].to_numpy()
    distances = np.linalg.norm(np.array(lattice)[:, None] * 0.1 - found, axis=2).min(axis=1)
    assert distances.max() < 0.2
    assert len(found) == len(lattice)
