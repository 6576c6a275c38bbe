"""The first page of the report: what every reader of a number should know."""

from collections.abc import Sequence
from pathlib import Path

from stembench.products import provenance, read_json
from stembench.reporting.applied_table import as_restructured_text


def first_page(
    introduction: str | Path,
    scale: str,
    records: Sequence[str],
    costs: Sequence[str],
    left_out: Sequence[str],
    images: Sequence[str] = (),
) -> str:
    """Return the page in reStructuredText.

    Parameters
    ----------
    introduction : str or Path
        Text of the page, with `{scale}` where the scale's name stands.
    scale : str
        The scale that was run.
    records : sequence of str
        `model.json` of each trained network.
    costs : sequence of str
        The table `cost.csv`, if there is one.
    left_out : sequence of str
        Sentences on what the report lacks, and why.
    images : sequence of str
        The table `summary.csv` of the user's images, if the report is on these.
    """
    import pandas as pd

    parts = [Path(introduction).read_text(encoding="utf-8").replace("{scale}", scale)]
    parts += [as_restructured_text(pd.read_csv(path, dtype={"columns": "Int64"})) for path in images]
    parts.append(_fields(scale, records, costs))
    if left_out:
        parts.append("Left out:\n\n" + "".join(f"- {sentence}\n" for sentence in left_out))
    return "\n".join(parts)


def _fields(scale: str, records: Sequence[str], costs: Sequence[str]) -> str:
    import pandas as pd

    made = [provenance(), *(read_json(record).get("provenance", {}) for record in records)]
    versions = {name: number for one in made for name, number in one.get("packages", {}).items()}
    told = {"Scale": scale}
    for path in costs:
        table = pd.read_csv(path)
        told["Networks"] = ", ".join(dict.fromkeys(table.method))
        told["Seeds per network"] = ", ".join(map(str, sorted(set(table.n_seeds))))
        told["Width of the published"] = ", ".join(map(str, sorted(set(table.width))))
        told["Devices"] = ", ".join(sorted(set(table.device.dropna()))) or "none"
    told["Versions"] = ", ".join(f"{name} {versions[name]}" for name in sorted(versions))
    told["stembench"] = f"{made[0]['stembench']}, commit {made[0]['git_commit'] or 'unknown'}"
    return "".join(f":{name}: {text}\n" for name, text in told.items())
