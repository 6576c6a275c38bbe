"""Each message that docs/troubleshooting.md quotes is one that the workflow or Snakemake still prints."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import snakemake
import snakemake_executor_plugin_slurm

REPOSITORY = Path(__file__).parents[2]
PAGE = (REPOSITORY / "docs" / "troubleshooting.md").read_text()
#: In place of what differs from one message to the next.
_VARIABLE = "\0"
_SHORTEST = 10  # letters of the longest fixed part of a quotation


def quotations() -> list[str]:
    blocks = re.findall("^```text\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


def texts_of(file: Path) -> Iterator[str]:
    """The texts in a file of Python, those with values in them as one."""
    for node in ast.walk(ast.parse(file.read_text())):
        match node:
            case ast.Constant(value=str(text)):
                yield text
            case ast.JoinedStr(values=parts):
                yield "".join(str(part.value) if isinstance(part, ast.Constant) else _VARIABLE for part in parts)


@cache
def messages() -> list[str]:
    packages = [Path(str(package.__file__)).parent for package in (snakemake, snakemake_executor_plugin_slurm)]
    python = [file for folder in (REPOSITORY / "workflow_scripts", *packages) for file in folder.rglob("*.py")]
    texts = [text for file in python for text in texts_of(file)]
    # Rules are no plain Python: lines of a text that follow one another are joined.
    others = [
        file.read_text()
        for file in (REPOSITORY / "Makefile", REPOSITORY / "Snakefile", *REPOSITORY.glob("rules/*.smk"))
    ]
    texts += [re.sub(r'"\s*\n\s*f?"', "", text) for text in others]
    return [" ".join(text.split()) for text in texts]


def fixed_parts(quotation: str) -> list[str]:
    return [part for part in (part.strip() for part in quotation.split("…")) if part]


@pytest.mark.parametrize("quotation", quotations())
def test_a_quoted_message_is_printed_somewhere(quotation):
    parts = fixed_parts(quotation)
    assert max(map(len, parts)) >= _SHORTEST, "quote more of the message"
    in_order = re.compile(".*?".join(map(re.escape, parts)))
    assert any(in_order.search(text) for text in messages()), "no source holds this message any more; quote the new one"


def test_no_message_is_quoted_twice():
    assert len(set(quotations())) == len(quotations())
