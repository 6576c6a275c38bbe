"""The pages on make targets and command lines list what there is."""

import re

from pages import REPOSITORY
from snakemake.cli import get_argument_parser
from test_snippets import makefile, rules

REFERENCE = REPOSITORY / "docs" / "reference"


def first_cells(page: str, heading: str = "") -> set[str]:
    """First cells of the tables of a page, or of one of its sections."""
    text = (REFERENCE / page).read_text(encoding="utf-8")
    if heading:
        text = text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return set(re.findall(r"^\| `([^`]+)`", text, re.MULTILINE))


def test_every_target_of_make_is_described():
    variables = first_cells("make_targets.md", "Variables")
    assert first_cells("make_targets.md") - variables == makefile()[0]
    assert variables <= makefile()[1]


def test_every_target_of_snakemake_is_described():
    listed = first_cells("command_line.md", "Targets of Snakemake")
    files = [REPOSITORY / "Snakefile", *(REPOSITORY / "rules").glob("*.smk")]
    text = "\n\n\n".join(path.read_text(encoding="utf-8") for path in files)
    blocks = re.findall(r"^rule (\w+):\n((?:(?: .*)?\n)*)", text, re.MULTILINE)
    assert len(blocks) > 40
    assert {name for name, body in blocks if "\n    output:" not in f"\n{body}"} <= listed <= rules()


def test_options_of_snakemake_are_there():
    options = {option for action in get_argument_parser()._actions for option in action.option_strings}
    assert {cell.split()[0] for cell in first_cells("command_line.md", "Options")} <= options


def test_scripts_are_there():
    for command in first_cells("command_line.md", "Scripts"):
        assert (REPOSITORY / command.split()[1]).exists(), command
