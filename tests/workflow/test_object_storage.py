"""The commands of docs/how_to/object_storage.md: their options, rules and files exist. The plugins are not needed."""

import re
import shlex

import pytest
from snakemake.cli import get_argument_parser
from stembench.planning.layout import RESULTS

OF_PLUGINS = {"--storage-s3-endpoint-url"}


@pytest.fixture(scope="module")
def page(repository) -> str:
    return (repository / "docs" / "how_to" / "object_storage.md").read_text().replace("\\\n", "")


def test_its_commands_have_options_and_rules_that_are_there(finished, page):
    commands = [shlex.split(line)[1:] for line in re.findall(r"^snakemake .+$", page, re.MULTILINE)]
    assert len(commands) == 2
    parser = get_argument_parser()
    (executor,) = (action for action in parser._actions if action.dest == "executor")
    executor.choices = ["kubernetes"]
    rules = {*finished.look("--list-rules").stdout.split()}
    for command in commands:
        known, unknown = parser.parse_known_args(command)
        assert {word for word in unknown if word.startswith("--")} == OF_PLUGINS
        assert {setting.partition(":")[0] for setting in known.set_resources or ()} <= rules


def test_every_file_that_the_workflow_brings_as_input_is_in_a_folder_that_it_copies(finished, page):
    copied = tuple(f"{folder}/" for folder in re.findall(r"^aws s3 sync (\S+) ", page, re.MULTILINE))
    lines = [line.split("\t") for line in finished.look("--detailed-summary").stdout.splitlines() if "\t" in line]
    column = lines[0].index("input-file(s)")
    read = {path for line in lines[1:] for path in line[column].split(",")} - {"", "-"}
    brought = {path for path in read if not path.startswith(f"{RESULTS}/")}
    assert brought
    assert not [path for path in brought if not path.startswith(copied)]
