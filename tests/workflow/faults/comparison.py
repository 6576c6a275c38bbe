"""Compare what two runs made, byte for byte, but for what tells time."""

import filecmp
import json
from fnmatch import fnmatch
from pathlib import Path

import pandas as pd

#: What is not compared, and why.
LEFT_OUT = {
    "*/logs/*": "a rerun's log says that it goes on",
    "*/benchmarks/*": "times",
    "*/rates.csv": "times",
    "*.snakemake_timestamp": "Snakemake's mark of a folder's date",
    "*/report.html": "Snakemake's report shows when each job ran",
    "*/tables/cost.md": "as cost.csv",
    "*/tables/cost.tex": "as cost.csv",
    "*/tables/summary.md": "as summary.csv",
    "*/tables/summary.tex": "as summary.csv",
}
_APPLYING = {"inference_ms_per_megapixel", "peak_memory_mib"}
#: What tells time or memory among other things: columns of tables and keys of JSON that are not compared.
TIMES = {
    "*/models/*/history.csv": {"seconds"},
    "*/tables/cost.csv": {"training_s", "training_s_seed_sd", "samples_per_s"} | _APPLYING,
    "*/tables/summary.csv": {"training_s"},
    "*/cost/*.json": {"passes"} | _APPLYING,
}


def differences(one: Path, other: Path) -> list[str]:
    """What differs between two folders `results`, and what a killed job left in the second."""
    files, others = _files(one), _files(other)
    found = [f"in one alone: {name}" for name in sorted(files ^ others)]
    found += [f"left: {name}" for name in sorted(others) if "partial" in name or "/checkpoints/" in name]
    return found + [f"differs: {name}" for name in sorted(files & others) if not _equal(one / name, other / name, name)]


def _files(folder: Path) -> set[str]:
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    return {name for name in names if not any(fnmatch(name, pattern) for pattern in LEFT_OUT)}


def _equal(one: Path, other: Path, name: str) -> bool:
    times = next((times for pattern, times in TIMES.items() if fnmatch(name, pattern)), None)
    if times is None:
        return filecmp.cmp(one, other, shallow=False)
    if name.endswith(".json"):
        return _without(one, times) == _without(other, times)
    tables = [pd.read_csv(path) for path in (one, other)]
    assert times <= set(tables[0].columns), name
    return tables[0].drop(columns=list(times)).equals(tables[1].drop(columns=list(times)))


def _without(path: Path, keys: set[str]) -> dict:
    content = json.loads(path.read_text())
    assert keys <= set(content), path
    return {key: value for key, value in content.items() if key not in keys}
