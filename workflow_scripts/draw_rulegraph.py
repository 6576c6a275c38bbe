"""Draw the rules by stage, without arrows that follow from others, into docs/pictures/rulegraph.dot and .svg."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import networkx as nx
from snakemake.api import SnakemakeApi
from snakemake.settings.types import OutputSettings, Quietness, ResourceSettings

DOT = Path("docs/pictures/rulegraph.dot")
#: What needs everything.
_LAST = {"all", "report"}
#: Fill of the stages, in run order.
_COLOURS = ("#e8eef7", "#e6f2ee", "#fbf0e1", "#f6e9ee", "#eef1dd", "#ece8f6", "#e3f1f6", "#f4ece4")
_STYLE = """  rankdir=LR; newrank=true; ranksep=0.45; nodesep=0.12; bgcolor=transparent; fontname="sans-serif"
  node [shape=box, style="rounded,filled", fillcolor=white, color="#6b7785", fontname="sans-serif", fontsize=12,
        height=0.3, margin="0.1,0.03"]
  edge [color="#6b7785", arrowsize=0.6]"""


def stages(folder: Path) -> dict[str, list[str]]:
    """Return the rules of each stage that has some, in run order, as Snakemake parses them."""
    found: dict[str, list[str]] = {}
    with SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api:
        workflow = api.workflow(ResourceSettings(), snakefile=folder / "Snakefile", workdir=folder)._workflow
        for rule in workflow.rules:
            found.setdefault(Path(rule.snakefile).stem, []).append(rule.name)
    return found


def rule_graph(folder: Path) -> nx.DiGraph:
    """Return what Snakemake draws of the demo: an edge from each rule to every one that needs it."""
    command = [sys.executable, "-m", "snakemake", "--rulegraph", "mermaid-js"]
    drawn = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout
    names = dict(re.findall(r"^\t(id\d+)\[(\w+)\]", drawn, re.MULTILINE))
    edges = re.findall(r"^\t(id\d+) --> (id\d+)", drawn, re.MULTILINE)
    return nx.DiGraph((names[needed], names[by]) for needed, by in edges if needed != by)  # tables that take tables


def dot(folder: Path) -> str:
    """Return the graph in the language of Graphviz."""
    graph = rule_graph(folder)
    shown = nx.transitive_reduction(graph.subgraph(set(graph) - _LAST))
    lines = ["digraph rules {", _STYLE]
    for colour, (stage, rules) in zip(_COLOURS, stages(folder).items()):
        drawn = [rule for rule in rules if rule in shown]
        lines += [f"  subgraph cluster_{stage} {{", f'    label="{stage}"; style=filled; color="{colour}"']
        lines += [*(f'    {rule} [label="{_label(rule)}"]' for rule in drawn), "  }"]
    lines += [f"  {needed} -> {by}" for needed, by in sorted(shown.edges)]
    return "\n".join([*lines, "}\n"])


def _label(rule: str) -> str:
    """Return the name of a rule in lines of at most some 24 letters."""
    lines = [""]
    for part in re.split(r"(?<=_)", rule):
        if len(lines[-1] + part) > 24:
            lines.append("")
        lines[-1] += part
    return "\\n".join(lines)


if __name__ == "__main__":
    if not shutil.which("dot"):
        sys.exit("Graphviz is not installed: its command `dot` draws the picture; on Debian: apt-get install graphviz")
    DOT.write_text(dot(Path()))
    subprocess.run(["dot", "-Tsvg", DOT, "-o", DOT.with_suffix(".svg")], check=True)
