"""The library by itself, as `pip install .` gives it."""

import ast
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import stembench
import tifffile
from environments import conda_name, imports_of, package_of
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

pytestmark = pytest.mark.slow

IMPORT_ALL = """
import pkgutil, sys
from importlib import import_module
import stembench
for module in pkgutil.walk_packages(stembench.__path__, "stembench."):
    if not module.name.endswith(("faster_rcnn", "__main__")):
        import_module(module.name)
assert stembench.__file__.startswith(sys.prefix)
assert "snakemake" not in sys.modules
"""


@pytest.fixture(scope="module")
def installed(repository, tmp_path_factory):
    """The Python of a new environment that the wheel is installed into, beside the packages that it depends on."""
    folder = tmp_path_factory.mktemp("package")
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(
        repository / "workflow_scripts" / "stembench", folder / "workflow_scripts" / "stembench", ignore=ignored
    )
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(repository / name, folder)
    venv.create(folder / "environment", with_pip=False)
    python = folder / "environment" / "bin" / "python"
    site = sysconfig.get_path("purelib", vars={"base": str(folder / "environment")})
    (folder / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    shutil.move(folder / "dependencies.pth", site)
    pip = [sys.executable, "-m", "pip", "--python", python, "--quiet", "--disable-pip-version-check"]
    pip += ["install", "--no-compile", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, folder], check=True)
    return python


def run(python, code, folder):
    """What code prints in a folder, with nothing of the repository on the path."""
    done = subprocess.run([python, "-I", "-B", "-c", code], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_module_of_the_installed_library_is_importable_without_snakemake(installed, tmp_path):
    run(installed, IMPORT_ALL, tmp_path)


def test_the_installed_library_holds_its_networks_tables_pages_and_types(installed, repository, tmp_path):
    source = repository / "workflow_scripts" / "stembench"
    data = {
        path.relative_to(source) for path in source.rglob("*") if path.is_file() and "__pycache__" not in path.parts
    }
    folder = Path(run(installed, "import stembench; print(stembench.__path__[0])", tmp_path).strip())
    assert {path.suffix for path in data} >= {".csv", ".html", ".safetensors", ".json", ".typed"}
    assert not [path for path in data if not (folder / path).exists()]


def test_the_package_loads_nothing_until_it_is_used(installed, tmp_path):
    printed = run(installed, "import stembench, sys; print('numpy' in sys.modules, *dir(stembench))", tmp_path)
    loaded, *names = printed.split()
    assert loaded == "False"
    assert set(stembench.__all__) <= set(names)


def test_no_part_of_the_library_or_workflow_takes_a_function_from_the_top_level(repository):
    """What reruns after a change follows imports of modules, and would miss these."""
    offered = {*stembench.__all__, "*"} - {"__version__"}
    for path in (repository / "workflow_scripts").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module == "stembench":
                assert offered.isdisjoint(alias.name for alias in node.names), path
            if isinstance(node, ast.Import):
                assert all(alias.name != "stembench" for alias in node.names), path


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


def test_the_readmes_lines_find_the_columns_of_an_image_in_the_installed_library(installed, repository, tmp_path):
    blocks = re.findall(r"```python\n(.*?)```", (repository / "README.md").read_text(), re.DOTALL)
    lines = next(block for block in blocks if "import stembench\n" in block)
    y, x = np.indices((96, 96))
    lattice = [(x0, y0) for x0 in range(16, 90, 20) for y0 in range(16, 90, 20)]
    clean = sum(50 * np.exp(-((x - x0) ** 2 + (y - y0) ** 2) / (2 * 4**2)) for x0, y0 in lattice)
    image = np.random.default_rng(0).poisson(clean + 5).astype(np.uint16)
    np.save(tmp_path / "image.npy", image)
    tifffile.imwrite(tmp_path / "image.tif", image)
    shutil.copy(repository / "structures" / "SrTiO3.cif", tmp_path)
    run(installed, f"{lines}\ncolumns.to_csv('found.csv', index=False)", tmp_path)
    columns = pd.read_csv(tmp_path / "found.csv")
    assert [*columns] == ["x_A", "y_A", "intensity", "confidence", "uncertainty_pm", "network_x_A", "network_y_A"]
    found = columns[["x_A", "y_A"]].to_numpy()
    distances = np.linalg.norm(np.array(lattice)[:, None] * 0.1 - found, axis=2).min(axis=1)
    assert distances.max() < 0.2
    assert len(found) == len(lattice)
