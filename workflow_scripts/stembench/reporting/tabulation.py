"""What tables share: evaluations read, rows with intervals, paired differences, and how a table is written."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd

from stembench.evaluation.displacement_response import response_metrics, response_sums
from stembench.evaluation.intervals import Resampled, discoveries, paired_difference, with_intervals
from stembench.evaluation.lattice_precision import spacing_metrics, spacing_sums
from stembench.evaluation.metrics import (
    IMAGE_QUALITY,
    PUBLISHED_SCORES,
    compared_metrics,
    enhancement_metrics,
    grouped_detection_sums,
)
from stembench.evaluation.rows import Kind
from stembench.localisation import DEFAULT_LOCALISER
from stembench.products import read_parquet, whole

#: How every row begins.
IDENTITY = ("method", "kind", "task", "train_dataset", "scale", "width", "n_seeds", "testset", "subset")
#: How every row on detection begins.
LOCALISED = (*IDENTITY, "localiser")
#: What tells methods apart, and why one has no values.
METHOD = ("method", "kind", "task", "train_dataset", "scale", "width", "note")
_IMAGE = (
    "sample",
    "structure",
    "material",
    "condition",
    "pixel_size_A",
    "counts_per_px",
    "shot_noise_alone",
    "dose_e_per_A2",
    "mode",
)
_COLUMN_KEY = ["sample", "true_x_A", "true_y_A"]  # what tells true columns of a test set apart
_SUBSETS = ("counts_per_px", "material", "condition", "pixel_size_A")
_PIXEL_SIZES_A = (0, 0.05, 0.08, 0.16, np.inf)  # ends of the bands of `pixel_size_A`; the default training lies in one
_VISIBILITIES = (5, 10, 30, np.inf)  # ends of the bands of `visibility`; 5 is what labels begin at by default
_READ = ("network", "oracle")  # whose maps may be read by several localisers
_COMPARED = ("network", "external", "oracle")  # with baselines, and on whole test sets with each other
#: Metrics of whole test sets in comparisons; of subsets the first.
DETECTION_COMPARED = ("f1", "rmse_common_pm", "mutualnn_f1", "mutualnn_jaccard", "mutualnn_chamfer_px")
IMAGES_COMPARED = IMAGE_QUALITY
_LOWER_IS_BETTER = ("rmse_common_pm", "mutualnn_chamfer_px")
COMPARISON = (*IDENTITY, "baseline", "metric", "difference", "low", "high", "p", "significant", "gain_percent")
_LATTICE_METRICS = ("mean_pm", "sd_pm", "response_slope")


def read_detection(methods: Sequence[Mapping], *, weak_strength: float, rim: float) -> pd.DataFrame:
    """Return sums over each image and `part` of its columns.

    A part is `all` that are resolved and not hidden; of these `strength=bright` and `strength=weak`, bands of
    `visibility`, and in particles `rim=edge` and `rim=inside`; and the others, `unresolved=true` and `hidden=true`.

    Parameters
    ----------
    methods : sequence of mapping
        For each evaluation its `folder` and the row's beginning: `method`, `kind`, `task`, `train_dataset`, `scale`,
        `width`, `seed`, `testset`, `localiser`.
    weak_strength : float
        Columns weaker than this fraction of the brightest are weak.
    rim : float
        Columns this near to a particle's outline are its edge [A].
    """
    tables, found_by_all = [], _found_by_all(methods)
    for method in methods:
        images = read_parquet(Path(method["folder"]) / "images.parquet")
        outcomes = read_parquet(Path(method["folder"]) / "columns.parquet")
        clear, weak = outcomes.resolved & ~outcomes.hidden, outcomes.strength < weak_strength
        parts = {
            "all": clear,
            "strength=bright": clear & ~weak,
            "strength=weak": clear & weak,
            **{
                f"visibility={low:g}-{high:g}": clear & (outcomes.visibility >= low) & (outcomes.visibility < high)
                for low, high in pairwise(_VISIBILITIES)
            },
            "rim=edge": clear & (outcomes.rim_A <= rim),
            "rim=inside": clear & (outcomes.rim_A > rim),
            "unresolved=true": ~outcomes.resolved & ~outcomes.hidden,
            "hidden=true": outcomes.hidden,
        }
        image = pd.Index(images["sample"]).get_indexer(outcomes["sample"])
        chosen = [np.flatnonzero(rows & (image >= 0)) for rows in parts.values()]
        groups = [image[rows] * len(parts) + number for number, rows in enumerate(chosen)]
        rows, group = np.concatenate(chosen), np.concatenate(groups)
        common = np.isin(_column_keys(outcomes), found_by_all.get(method["testset"], [])) & _is_compared(method)
        sums = grouped_detection_sums(outcomes.iloc[rows], group, len(images) * len(parts), common[rows])
        for name in PUBLISHED_SCORES:  # of whole images
            scores = np.full((len(images), len(parts)), np.nan)
            scores[:, 0] = images[name]
            sums[name], sums[f"{name}_images"] = (
                np.nan_to_num(scores).ravel(),
                np.isfinite(scores).ravel().astype(float),
            )
        shown = np.bincount(group, minlength=len(sums)) > 0
        shown[:: len(parts)] = True  # an image without a column counts in `all`
        known = _image_rows(method, images).loc[np.repeat(images.index, len(parts))[shown]]
        known = known.assign(part=np.tile(list(parts), len(images))[shown])
        tables.append(pd.concat([known.reset_index(drop=True), sums[shown].reset_index(drop=True)], axis=1))
    return pd.concat(tables, ignore_index=True)


def _is_compared(method: Mapping) -> bool:
    """Return whether the columns that all compared methods found are those of this one too."""
    return method["kind"] != "floor" and (method["kind"] not in _READ or method["localiser"] in ("", DEFAULT_LOCALISER))


def _found_by_all(methods: Sequence[Mapping]) -> dict[str, np.ndarray]:
    """Return by test set the keys of the true columns that every compared method found; some finding none do not count.

    These are methods that cannot be had in this environment.
    """
    common: dict[str, np.ndarray] = {}
    for method in filter(_is_compared, methods):
        outcomes = read_parquet(Path(method["folder"]) / "columns.parquet", ["outcome", *_COLUMN_KEY])
        found = _column_keys(outcomes[outcomes.outcome == "tp"])
        if len(found):
            common[method["testset"]] = np.intersect1d(common.get(method["testset"], found), found)
    return common


def _column_keys(outcomes: pd.DataFrame) -> np.ndarray:
    """Return a number for each true column, the same for all methods."""
    return pd.util.hash_pandas_object(outcomes[_COLUMN_KEY], index=False).to_numpy()


def read_enhancement(methods: Sequence[Mapping]) -> pd.DataFrame:
    """Return sums over each image; parameters as for `read_detection`."""
    tables = []
    for method in methods:
        images = read_parquet(Path(method["folder"]) / "images.parquet")
        sums = images[list(IMAGE_QUALITY)]
        tables.append(_image_rows(method, images).assign(images=1.0, **sums))
    return pd.concat(tables, ignore_index=True)


def _image_rows(method: Mapping, images: pd.DataFrame) -> pd.DataFrame:
    """Return what is known of each image of an evaluation."""
    known = {key: np.nan if value is None else value for key, value in method.items() if key != "folder"}
    shown = {key: images[key] if key in images else np.nan for key in _IMAGE}
    band = np.searchsorted(_PIXEL_SIZES_A, images.pixel_size_A)
    shown["pixel_size_A"] = [f"{_PIXEL_SIZES_A[end - 1]:g}-{_PIXEL_SIZES_A[end]:g}" for end in band]
    return pd.DataFrame(known | shown | {"note": images.get("note", "")}, index=images.index)


def detection_table(results: pd.DataFrame, resamplings: int, least_units: int = 1) -> pd.DataFrame:
    """Return a table on detection: one row per method, test set and subset.

    Columns closer than the probe's FWHM stand apart. `n_common` are columns that all compared methods found. A test
    set is divided by a property of its images where each subset has `least_units` structures.
    """
    rows = []
    for identity, subset, part in by_subset(results[results.part == "all"], least_units):
        rows.append(metric_row(identity, subset, part, compared_metrics, resamplings))
    others = results[(results.part != "all") & (results.tp + results.fn > 0)]
    for name in others.part.unique():
        for identity, part in by_method(others[others.part == name]):
            rows.append(metric_row(identity, name, part, compared_metrics, resamplings))
    return in_order(rows)


def enhancement_table(results: pd.DataFrame, resamplings: int) -> pd.DataFrame:
    """Return a table on enhancement: one row per method, test set, imaging mode and subset."""
    rows = []
    for identity, subset, part in by_subset(results):
        for mode, members in part.groupby("mode"):
            row = metric_row(identity, subset, members, enhancement_metrics, resamplings)
            rows.append({**{k: row.pop(k) for k in IDENTITY}, "mode": mode, **row})
    return in_order(rows)


def by_default(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of classical methods, and those of networks by the localiser by which they are compared."""
    return rows[~rows.kind.isin(_READ) | rows.localiser.fillna("").isin(["", DEFAULT_LOCALISER])]


def comparison(results: pd.DataFrame, metrics: Callable, compared: Sequence[str], resamplings: int) -> pd.DataFrame:
    """Return paired differences of each network from each baseline and, on whole test sets, from each other network.

    Parameters
    ----------
    results : DataFrame
        As `read_detection` or `read_enhancement` gives them.
    metrics : callable
        From sums to metrics.
    compared : sequence of str
        Metrics that are compared on whole test sets; subsets are compared by the first alone.
    resamplings : int
        Bootstrap samples.
    """
    by_set: dict[tuple, list] = {}
    for identity, subset, part in by_subset(results[results.kind != "floor"]):
        trained = f"{identity['method']} {identity['train_dataset']}"
        resampled = Resampled.of(resampled_sums(part), metrics, resamplings, trained)
        by_set.setdefault((identity["testset"], subset), []).append((identity, part, resampled))
    rows = []
    for (_, subset), members in by_set.items():
        for identity, part, ours in members:
            for other, _, theirs in members:
                whole_set, alike = subset == "all", other["kind"] in _COMPARED
                if identity["kind"] not in _COMPARED or other is identity or (alike and not whole_set):
                    continue
                for metric in compared if whole_set else compared[:1]:
                    rows.append(compared_row(identity, subset, part, ours, other["method"], theirs, metric))
    return comparison_table(rows)


def comparison_table(rows: list[dict]) -> pd.DataFrame:
    """Return the table of paired differences, with `significant` corrected for their number.

    That number is of all differences in a metric on a test set.
    """
    table = in_order([row for row in rows if np.isfinite(row["difference"])], COMPARISON)
    if len(table):
        significant = pd.Series(None, table.index, object)
        for members in table.groupby(["testset", "metric"]).groups.values():
            significant[members] = discoveries(table.p[members].to_numpy(float))
        table.insert(table.columns.get_loc("p") + 1, "significant", significant)
    return table


def compared_row(
    identity: dict, subset: str, part: pd.DataFrame, ours: Resampled, other: str, theirs: Resampled, metric: str
) -> dict:
    """Return the row of a paired difference."""
    difference = paired_difference(ours, theirs, metric, lower_is_better=metric in _LOWER_IS_BETTER)
    return beginning(identity, subset, part) | {"baseline": other, "metric": metric} | difference


def lattice_row(identity: dict, seeds: pd.DataFrame, shown: dict[str, str], resamplings: int) -> dict:
    """Return what the seeds of a method found where the columns that are `shown` have these values."""
    spaced = _read_shown(seeds, "spacings", shown, spacing_sums)
    displaced = _read_shown(seeds, "responses", shown, response_sums)
    row = beginning(identity, "all", seeds) | {"image": seeds.image.iloc[0]} | shown
    for metrics, part in ((spacing_metrics, spaced), (response_metrics, displaced)):
        values = metric_row(identity, "all", part, metrics, resamplings)
        counted = {f"{'response_' * (part is displaced)}n": round(part.n.sum() / row["n_seeds"])}
        row |= {key: values[key] for key in values if key.startswith(_LATTICE_METRICS)} | counted
    return row


def _read_shown(seeds: pd.DataFrame, name: str, shown: dict[str, str], sums: Callable) -> pd.DataFrame:
    """Return sums over what each seed of a method found there, as `metric_row` takes them."""
    tables = []
    for method in seeds.itertuples():
        found = read_parquet(Path(method.folder) / f"{name}.parquet")
        there = (found[list(shown)] == pd.Series(shown)).all(axis=1)
        tables.append(sums(found[there]).assign(seed=method.seed, sample=0))
    return pd.concat(tables)


def by_method(results: pd.DataFrame) -> Iterator[tuple[dict, pd.DataFrame]]:
    """Yield the beginning of a row of each method on each test set, and its images."""
    keys = [key for key in (*METHOD, "localiser", "testset") if key in results]
    for values, part in results.groupby(keys, sort=False, dropna=False):
        yield dict(zip(keys, values)), part


def by_subset(results: pd.DataFrame, least_units: int = 1) -> Iterator[tuple[dict, str, pd.DataFrame]]:
    """Yield the images of each method and test set, whole and by subset."""
    for identity, part in by_method(results):
        yield identity, "all", part
        for key in _SUBSETS:
            units = part.groupby(key).structure.nunique()
            if len(units) > 1 and units.min() >= least_units:
                for value, members in part.groupby(key):
                    shown = f"{value:g}" if isinstance(value, float) else value
                    yield identity, f"{key}={shown}", members


def beginning(identity: dict, subset: str, part: pd.DataFrame) -> dict:
    """Return the beginning of a row, in the order of all tables."""
    row = identity | {"n_seeds": part.seed.nunique(), "subset": subset}
    return {key: row[key] for key in LOCALISED if key in row}


def resampled_sums(part: pd.DataFrame) -> pd.DataFrame:
    """Return sums alone, with what a bootstrap resamples: `seed`, and as `unit` the structure that images share."""
    known = {*METHOD, *_IMAGE, "testset", "localiser", "part"}
    return part[[column for column in part if column not in known]].assign(unit=part.structure.to_numpy())


def metric_row(identity: dict, subset: str, part: pd.DataFrame, metrics: Callable, resamplings: int) -> dict:
    """Return a row: each metric with its 95 % interval and its SD over seeds."""
    row = beginning(identity, subset, part) | {"n_images": part["sample"].nunique()}
    row["n_units"] = part.structure.nunique()
    if "tp" in part:
        row["n_columns"] = int((part.tp + part.fn).sum() / row["n_seeds"])
    values = with_intervals(resampled_sums(part), metrics, resamplings)
    if "rmse_common_pm" in values:
        row["n_common"] = int(part.common.sum() / row["n_seeds"])
    several = list(part.groupby("seed")) if row["n_seeds"] > 1 else []
    seeds = [
        metrics(resampled_sums(one).drop(columns=["unit", "seed"]).sum().to_frame().T).iloc[0] for _, one in several
    ]
    for name in [name for name in values if not name.endswith(("_low", "_high"))]:
        spread = np.std([seed[name] for seed in seeds], ddof=1) if seeds else np.nan
        row |= {name: values[name], f"{name}_low": values[f"{name}_low"], f"{name}_high": values[f"{name}_high"]}
        row[f"{name}_seed_sd"] = spread
    return row | {"note": identity["note"]}


def in_order(rows: list[dict], columns: Sequence[str] = IDENTITY) -> pd.DataFrame:
    """Return a table of rows sorted by test set and kind, or an empty one with the least columns it has."""
    table = pd.DataFrame(rows, columns=None if rows else columns)
    kinds = table.kind.map({kind: number for number, kind in enumerate(get_args(Kind))})
    return (
        table.assign(_kind=kinds)
        .sort_values(["testset", "_kind"], kind="stable", ignore_index=True)
        .drop(columns="_kind")
    )


def write_table(table: pd.DataFrame, destinations: Sequence[str]) -> None:
    """Write a table as CSV (every column), and as Markdown and LaTeX (each value with its interval).

    In these a difference that is not significant is marked n.s.
    """
    shown = _shown(table)
    writers = {
        ".csv": partial(table.to_csv, index=False),
        ".md": partial(shown.to_markdown, index=False),
        ".tex": partial(shown.to_latex, index=False, escape=True),
    }
    for destination in destinations:
        with whole(destination) as path:
            writers[Path(destination).suffix](path)


def _shown(table: pd.DataFrame) -> pd.DataFrame:
    hidden = [c for c in table if c.endswith(("_low", "_high", "_seed_sd")) or c in ("low", "high", "p", "significant")]
    shown = table.drop(columns=hidden)
    for column in shown.select_dtypes("float"):
        values = [_number(value) for value in table[column]]
        low, high = ("low", "high") if column == "difference" else (f"{column}_low", f"{column}_high")
        if low in table:
            bounds = zip(table[low], table[high])
            values = [f"{v} [{_number(a)}, {_number(b)}]" if np.isfinite(a) else v for v, (a, b) in zip(values, bounds)]
        if column == "difference":
            marks = table.significant.map({True: "", False: " n.s."}).fillna("")
            values = [value + mark for value, mark in zip(values, marks)]
        shown[column] = values
    return shown.fillna("")


def _number(value: float) -> str:
    return "" if not np.isfinite(value) else f"{value:.4g}" if abs(value) < 1e4 else f"{value:.0f}"
