"""Every snippet of README and pages does what a reader expects: Python runs, YAML loads, commands are there.

Python blocks run in a folder with `image.npy`, `image.tif` (with a pixel size of 0.1 Å) and `SrTiO3.cif`. Commands are
never run: their targets, options and files are looked up.
"""

import re
import shlex
import shutil
from functools import cache

import numpy as np
import pytest
import yaml
from pages import REPOSITORY, Block, blocks
from rsciio.tiff import file_writer
from snakemake.cli import get_argument_parser
from stembench.config import load_config
from stembench.errors import InputError
from stembench.planning import Layout, Template

pytestmark = pytest.mark.slow

#: Options of plugins that need not be installed.
OF_PLUGINS = ("--storage-", "--kubernetes-")


def each(*languages: str):
    found = list(blocks(*languages))
    return pytest.mark.parametrize("block", found, ids=map(str, found))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder such as a reader works in."""
    made = tmp_path_factory.mktemp("snippets")
    y, x = np.indices((96, 112))
    lattice = [(x0, y0) for x0 in range(16, 110, 20) for y0 in range(16, 90, 20)]
    clean = sum(50 * np.exp(-((x - x0) ** 2 + (y - y0) ** 2) / (2 * 4**2)) for x0, y0 in lattice)
    image = np.random.default_rng(0).poisson(clean + 5).astype(np.uint16)
    np.save(made / "image.npy", image)
    sides = {"y": image.shape[0], "x": image.shape[1]}
    axes = [
        {"name": name, "size": size, "scale": 0.01, "offset": 0, "units": "nm", "navigate": False}
        for name, size in sides.items()
    ]
    file_writer(made / "image.tif", {"data": image, "axes": axes, "metadata": {}, "original_metadata": {}})
    shutil.copy(REPOSITORY / "structures" / "SrTiO3.cif", made)
    return made


@each("python")
def test_python_runs(block: Block, folder, monkeypatch):
    monkeypatch.chdir(folder)
    code = compile("\n" * block.line + block.text, str(block.page), "exec")  # tracebacks name the line of the page
    exec(code, {"__name__": "__main__"})


@each("yaml")
def test_yaml_is_a_configuration(block: Block):
    try:
        load_config(yaml.safe_load(block.text))
    except (yaml.YAMLError, InputError) as error:
        pytest.fail(f"{block}: {error}", pytrace=False)


@each("shell")
def test_commands_have_targets_options_and_files_that_are_there(block: Block):
    for command in commands(block.text):
        mistake = ""
        try:
            check_command(command)
        except AssertionError as error:
            mistake = str(error).partition("\n")[0]
        if mistake:
            pytest.fail(f"{block}: `{shlex.join(command)}`: {mistake}", pytrace=False)


def test_plain_blocks_say_what_they_are():
    """A block without a language escapes these tests."""
    for page in {block.page for block in blocks("python", "yaml", "shell", "text")}:
        fences = re.findall(r"^```(.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
        assert all(fences[::2]), page


def commands(text: str) -> list[list[str]]:
    """Commands of a block, without what stands before and after them in a line."""
    lines = text.replace("\\\n", " ").splitlines()
    words = [shlex.split(line, comments=True) for line in lines]
    return [command for line in words for command in _split(line, "&&") if command]


def _split(words: list[str], at: str) -> list[list[str]]:
    parts: list[list[str]] = [[]]
    for word in words:
        if word == at:
            parts.append([])
        elif parts[-1] or not re.match(r"[A-Z_]+=", word):  # variables before a command
            parts[-1].append(word)
    return parts


def check_command(command: list[str]) -> None:
    """Check that what a command names is there."""
    match command:
        case ["make", *arguments]:
            check_make(arguments)
        case ["snakemake", *arguments]:
            check_snakemake(arguments)
        case [("python" | ".venv/bin/python"), script, *_] if not script.startswith("-"):
            assert (REPOSITORY / script).exists(), f"there is no {script}"
        case ["conda", "env", "create", *arguments]:
            file = arguments[arguments.index("--file") + 1]
            assert (REPOSITORY / file).exists(), f"there is no {file}"


@cache
def makefile() -> tuple[set[str], set[str]]:
    """Targets and variables of the Makefile."""
    text = (REPOSITORY / "Makefile").read_text()
    targets = " ".join(re.findall(r"^\.PHONY:(.*)$", text, re.MULTILINE)).split()
    return set(targets), set(re.findall(r"\$[({]{1,2}(\w+)", text))


def check_make(arguments: list[str]) -> None:
    targets, variables = makefile()
    for argument in arguments:
        name, equals, _ = argument.partition("=")
        assert name in (variables if equals else targets), f"make knows no {'variable' if equals else 'target'} {name}"


def check_snakemake(arguments: list[str]) -> None:
    parser = get_argument_parser()
    for action in parser._actions:
        if action.dest in ("executor", "default_storage_provider"):
            action.choices = None
    of_plugins = [at for at, word in enumerate(arguments) if word.startswith(OF_PLUGINS)]
    arguments = [word for at, word in enumerate(arguments) if not {at, at - 1} & set(of_plugins)]
    try:
        known, unknown = parser.parse_known_args(arguments)
    except SystemExit:
        raise AssertionError("Snakemake refuses these options") from None
    strange = [word for word in unknown if word.startswith("-")]
    assert not strange, f"Snakemake knows no {strange[0]}"
    settings = {}
    for setting in known.config or ():
        key, equals, value = setting.partition("=")
        assert equals, f"--config takes {key} for a setting; write targets before it, or another option between"
        settings[key] = yaml.safe_load(value)
    load_config(settings)
    for option in ("set_threads", "set_resources", "slurm_array_jobs"):
        given = getattr(known, option, None)
        for rule in given.split(",") if isinstance(given, str) else given if isinstance(given, list | dict) else ():
            name = rule.partition(":")[0].partition("=")[0]
            assert name in rules(), f"there is no rule {name}"
    profile = known.workflow_profile
    assert not profile or (REPOSITORY / profile).exists(), f"there is no profile {profile}"
    for target in known.targets:
        assert target in rules() or made_by_the_workflow(target), f"there is no target {target}"


@cache
def rules() -> set[str]:
    """Names of all rules."""
    files = [REPOSITORY / "Snakefile", *(REPOSITORY / "rules").glob("*.smk")]
    return set(re.findall(r"^(?:rule|use rule \w+ as) (\w+)", "\n".join(map(_read, files)), re.MULTILINE))


def _read(path) -> str:
    return path.read_text(encoding="utf-8")


def made_by_the_workflow(path: str) -> bool:
    """Whether a path is that of a product, at any scale."""
    layout = Layout("{scale}")
    templates = [value for name in dir(Layout) if isinstance(value := getattr(layout, name), Template)]
    templates += [*layout.table("{table}"), *layout.figure("{figure}"), *layout.model_figure("validation")]
    patterns = [re.sub(r"\\{\w+\\}", "[^/]+", re.escape(template)) for template in templates]
    return any(re.fullmatch(pattern, path) for pattern in patterns)
