"""Write the rule graph into the README: the rules by stage, without arrows that follow from others."""

import re
import subprocess
import sys
from pathlib import Path

import networkx as nx
from snakemake.api import SnakemakeApi
from snakemake.settings.types import OutputSettings, Quietness, ResourceSettings

BEGINNING, END = "<!-- written by `make rulegraph` -->\n", "<!-- the end of what it writes -->\n"
#: What needs everything.
_LAST = {"all", "report"}


def stages(folder: Path) -> dict[str, list[str]]:
    """The rules of each stage that has some, in run order, as Snakemake parses them."""
    found: dict[str, list[str]] = {}
    with SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api:
        workflow = api.workflow(ResourceSettings(), snakefile=folder / "Snakefile", workdir=folder)._workflow
        for rule in workflow.rules:
            found.setdefault(Path(rule.snakefile).stem, []).append(rule.name)
    return found


def rule_graph(folder: Path) -> nx.DiGraph:
    """What Snakemake draws of the demo: an edge from each rule to every one that needs it."""
    command = [sys.executable, "-m", "snakemake", "--rulegraph", "mermaid-js"]
    drawn = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout
    names = dict(re.findall(r"^\t(id\d+)\[(\w+)\]", drawn, re.MULTILINE))
    edges = re.findall(r"^\t(id\d+) --> (id\d+)", drawn, re.MULTILINE)
    return nx.DiGraph((names[needed], names[by]) for needed, by in edges if needed != by)  # tables that take tables


def mermaid(folder: Path) -> str:
    """The graph as a block of Markdown."""
    graph = rule_graph(folder)
    shown = nx.transitive_reduction(graph.subgraph(set(graph) - _LAST))
    lines = ["```mermaid", "flowchart LR"]
    for stage, rules in stages(folder).items():
        lines += [f"  subgraph {stage}", *(f"    {rule}" for rule in rules if rule in shown), "  end"]
    lines += [f"  {needed} --> {by}" for needed, by in sorted(shown.edges)]
    return "\n".join([*lines, "```\n"])


if __name__ == "__main__":
    readme = Path("README.md")
    before, written = readme.read_text().split(BEGINNING)
    readme.write_text(before + BEGINNING + mermaid(Path()) + END + written.split(END)[1])
