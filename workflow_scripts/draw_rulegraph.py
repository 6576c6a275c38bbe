"""Write the rule graph into the README: the rules by stage, without arrows that follow from others."""

import re
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

import networkx as nx

BEGINNING, END = "<!-- written by `make rulegraph` -->\n", "<!-- the end of what it writes -->\n"
#: Rules that need everything.
_LAST = {"all", "report"}
#: Names of rules as files declare them; empty for a rule in a loop.
_DECLARED = re.compile(r"^(?:use rule \w+ as|rule) (\w+)|^ +rule:$", re.MULTILINE)


def stages(folder: Path, rules: Collection[str]) -> dict[str, list[str]]:
    """Return which of some rules each stage has, in the order of their files.

    Rules that a loop makes get their names when Snakemake reads them; they stand where the loop does.
    """
    names = re.findall(r'^include: "rules/(\w+)\.smk"', (folder / "Snakefile").read_text(), re.MULTILINE)
    texts = {name: (folder / f"rules/{name}.smk").read_text() for name in names}
    found = {name: _DECLARED.findall(text) for name, text in texts.items()}
    looped = sorted(set(rules) - {rule for declared in found.values() for rule in declared} - _LAST)
    placed = {
        name: [rule for one in declared for rule in ([one] if one else looped) if rule in rules]
        for name, declared in found.items()
    }
    return {name: placed_rules for name, placed_rules in placed.items() if placed_rules}


def rule_graph(folder: Path) -> nx.DiGraph:
    """Return Snakemake's rule graph of the demo: an edge from each rule to every rule that needs it."""
    command = [sys.executable, "-m", "snakemake", "--rulegraph", "mermaid-js"]
    drawn = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout
    names = dict(re.findall(r"^\t(id\d+)\[(\w+)\]", drawn, re.MULTILINE))
    edges = re.findall(r"^\t(id\d+) --> (id\d+)", drawn, re.MULTILINE)
    return nx.DiGraph((names[needed], names[by]) for needed, by in edges)


def mermaid(folder: Path) -> str:
    """Return the graph as a block of Markdown."""
    graph = rule_graph(folder)
    shown = nx.transitive_reduction(graph.subgraph(set(graph) - _LAST))
    lines = ["```mermaid", "flowchart LR"]
    for stage, rules in stages(folder, shown).items():
        lines += [f"  subgraph {stage}", *(f"    {rule}" for rule in rules), "  end"]
    lines += [f"  {needed} --> {by}" for needed, by in sorted(shown.edges)]
    return "\n".join([*lines, "```\n"])


if __name__ == "__main__":
    readme = Path("README.md")
    before, written = readme.read_text().split(BEGINNING)
    readme.write_text(before + BEGINNING + mermaid(Path()) + END + written.split(END)[1])
