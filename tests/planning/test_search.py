"""Searches of the code: paths and names of methods are written and read in planning and nowhere else."""

import ast
import io
import re
import sys
import tokenize
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from stembench.planning import Layout, Template

REPOSITORY = Path(__file__).parents[2]
LIBRARY = REPOSITORY / "workflow_scripts" / "stembench"
PLANNING = LIBRARY / "planning"
FILES = [
    REPOSITORY / "Snakefile",
    *sorted((REPOSITORY / "rules").glob("*.smk")),
    *sorted((REPOSITORY / "workflow_scripts").glob("*.py")),
    *sorted(path for path in LIBRARY.rglob("*.py") if PLANNING not in path.parents),
]
NAMES = [str(path.relative_to(REPOSITORY)) for path in FILES]
#: Names of logs and benchmarks, which are no products.
LOGS = re.compile(r"LAYOUT\.(log|benchmark)\([^)]*\)")
#: What users read: descriptions of settings, whose paths another test compares with the layout, and messages.
PROSE = {
    "workflow_scripts/stembench/config/apply.py": r"results/demo/models/sfin/localise/physical/seed0",
    "workflow_scripts/stembench/config/tree.py": r"results/\{scale\}/tables/\{study\}\.csv",
    "workflow_scripts/stembench/config/scales.py": r"results/\{\} is a folder of no scale",
    "workflow_scripts/stembench/reporting/dataset_card.py": r"From the folder that holds `results/`",
}
PATH = re.compile(r"results/|\bseed\{|_seed\{|/seed\d|(?<!-)-seed|_prior-")


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def strings(path: Path) -> list[tuple[int, str]]:
    """Line and text of the string literals of a file, f-strings among them, but no docstrings; logs are left out."""
    if path.suffix == ".py":
        tree = parsed(path)
        said = {
            id(node.body[0].value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            and node.body
            and isinstance(node.body[0], ast.Expr)
        }
        parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
        return [
            (node.lineno, _text(node))
            for node in ast.walk(tree)
            if isinstance(node, ast.JoinedStr | ast.Constant) and id(node) not in said | parts
        ]
    text = path.read_text(encoding="utf-8")
    text = LOGS.sub(lambda found: "None" + "\n" * found[0].count("\n"), text)
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return [
        (token.start[0], token.string)
        for token in tokens
        if tokenize.tok_name[token.type] in ("STRING", "FSTRING_MIDDLE") and not token.string.startswith('"""')
    ]


def _text(node: ast.JoinedStr | ast.Constant) -> str:
    """The text of a literal, with {} for what an f-string fills in; that of a number is empty."""
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return node.value if isinstance(node.value, str) else ""


def test_no_path_of_a_product_and_no_name_of_a_method_is_written_outside_planning():
    found = [
        f"{name}:{line}: {text}"
        for name in NAMES
        for line, text in strings(REPOSITORY / name)
        if PATH.search(re.sub(PROSE.get(name, "(?!)"), "", text))
    ]
    assert found == []


@pytest.mark.parametrize("name", PROSE)
def test_prose_that_is_allowed_is_there(name):
    assert any(re.search(PROSE[name], text) for _, text in strings(REPOSITORY / name))


def test_paths_in_the_descriptions_of_settings_are_those_of_the_layout():
    layout = Layout("demo")
    model = layout.model.path(network="sfin", task="localise", dataset="physical", seed=0)
    assert model == PROSE["workflow_scripts/stembench/config/apply.py"]
    table = Template(layout.table("{study}")[0]).replace(layout.folder, "results/{scale}")
    assert table == re.sub(r"\\", "", PROSE["workflow_scripts/stembench/config/tree.py"])


def splits_a_name(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("split", "rsplit", "partition", "rpartition")
        and bool(node.args)
        and isinstance(node.args[0], ast.Constant)
        and node.args[0].value in ("-", "-seed", "_prior")
    )


def test_no_text_is_split_as_the_name_of_a_method_is_outside_planning():
    found = [
        f"{name}:{node.lineno}"
        for name in NAMES
        if name.endswith(".py")
        for node in ast.walk(parsed(REPOSITORY / name))
        if splits_a_name(node)
    ]
    assert found == []


def test_the_search_finds_what_it_is_for(tmp_path):
    script = tmp_path / "script.py"
    script.write_text('"""results/"""\nfolder = f"results/{scale}/models"\nname = f"{network}-{data}-seed{n}"\n')
    assert [line for line, text in strings(script) if PATH.search(text)] == [2, 3]
    rules = tmp_path / "rules.smk"
    rules.write_text('"""results/"""\nrule a:\n    input: "results/a"\n    log: LAYOUT.log("a", "x_seed{seed}")\n')
    assert [line for line, text in strings(rules) if PATH.search(text)] == [3]


def test_rules_take_no_text_apart():
    apart = re.compile(r"\.(r?split|r?partition)\(|re\.(match|search|fullmatch|sub)\(")
    assert [name for name in NAMES if not name.endswith(".py") and apart.search((REPOSITORY / name).read_text())] == []


def test_what_all_rules_share_is_short():
    assert len((REPOSITORY / "rules" / "common.smk").read_text().splitlines()) < 150


def test_no_script_hides_a_package():
    """The folder of a script goes first where Python looks for modules."""
    taken = {*sys.stdlib_module_names, *packages_distributions()}
    assert {path.stem for path in (REPOSITORY / "workflow_scripts").glob("*.py")} & taken == set()
