"""The benchmark's tables, from the evaluation of each method on each test set."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from stembench.evaluation.displacement_response import response_metrics, response_sums
from stembench.evaluation.intervals import Resampled, paired_difference, with_intervals
from stembench.evaluation.lattice_precision import AXES, DENOISER, spacing_metrics, spacing_sums
from stembench.evaluation.metrics import (
    detection_metrics,
    detection_sums,
    enhancement_metrics,
    enhancement_sums,
    precision_metrics,
)
from stembench.localisation import DEFAULT_LOCALISER
from stembench.products import read_json, whole

#: How every row begins.
IDENTITY = ("method", "kind", "task", "train_dataset", "scale", "width", "n_seeds", "testset", "subset")
#: How every row on detection begins.
LOCALISED = (*IDENTITY, "localiser")

_METHOD = ("method", "kind", "task", "train_dataset", "scale", "width", "note")
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
_SUBSETS = ("counts_per_px", "material", "condition", "pixel_size_A")
_PIXEL_SIZES_A = (0, 0.05, 0.08, 0.16, np.inf)  # ends of the bands of `pixel_size_A`; the default training lies in one
_DETECTION_COMPARED = ("f1", "rmse_pm", "mutualnn_f1", "mutualnn_jaccard", "mutualnn_chamfer_px")
_IMAGES_COMPARED = ("psnr_db", "ssim")
_LOWER_IS_BETTER = ("rmse_pm", "mutualnn_chamfer_px")
_COMPARISON = (*IDENTITY, "baseline", "metric", "difference", "low", "high", "significant", "gain_percent")
_LOSSES = ("train_loss", "validation_loss")
_APPLIED = ("macs_per_px", "inference_ms_per_megapixel", "peak_memory_mib", "image_px", "threads", "device")
_LATTICE_METRICS = ("mean_pm", "sd_pm", "response_slope")


def read_detection(methods: Sequence[dict], *, weak_strength: float, rim: float) -> pd.DataFrame:
    """Sums over each image and `part` of its columns.

    A part is `all` that are resolved and not hidden; of these `strength=bright` and `strength=weak`, and in particles
    `rim=edge` and `rim=inside`; and the others, `unresolved=true` and `hidden=true`.

    Parameters
    ----------
    methods : sequence of dict
        For each evaluation its `folder` and the row's beginning: `method`, `kind`, `task`, `train_dataset`, `scale`,
        `width`, `seed`, `testset`, `localiser`.
    weak_strength : float
        Columns weaker than this fraction of the brightest are weak.
    rim : float
        Columns this near to a particle's outline are its edge [A].
    """
    rows = []
    for method in methods:
        images = pd.read_parquet(Path(method["folder"]) / "images.parquet")
        outcomes = pd.read_parquet(Path(method["folder"]) / "columns.parquet")
        clear, weak = outcomes.resolved & ~outcomes.hidden, outcomes.strength < weak_strength
        parts = {
            "all": clear,
            "strength=bright": clear & ~weak,
            "strength=weak": clear & weak,
            "rim=edge": clear & (outcomes.rim_A <= rim),
            "rim=inside": clear & (outcomes.rim_A > rim),
            "unresolved=true": ~outcomes.resolved & ~outcomes.hidden,
            "hidden=true": outcomes.hidden,
        }
        by_image = {part: dict(list(outcomes[chosen].groupby("sample"))) for part, chosen in parts.items()}
        for _, image in images.iterrows():
            for part, found in by_image.items():
                if part != "all" and image["sample"] not in found:
                    continue
                found = found.get(image["sample"], outcomes.iloc[:0])
                rows.append(_image_row(method, image) | {"part": part} | detection_sums(found, image.pixel_size_A))
    return pd.DataFrame(rows)


def read_enhancement(methods: Sequence[dict]) -> pd.DataFrame:
    """Sums over each image; parameters as for `read_detection`."""
    rows = []
    for method in methods:
        for _, image in pd.read_parquet(Path(method["folder"]) / "images.parquet").iterrows():
            rows.append(_image_row(method, image) | enhancement_sums(image))
    return pd.DataFrame(rows)


def _image_row(method: dict, image: pd.Series) -> dict:
    known = {k: v for k, v in method.items() if k != "folder"} | {k: image.get(k, np.nan) for k in _IMAGE}
    band = np.searchsorted(_PIXEL_SIZES_A, image.pixel_size_A)
    known["pixel_size_A"] = f"{_PIXEL_SIZES_A[band - 1]:g}-{_PIXEL_SIZES_A[band]:g}"
    return known | {"note": image.get("note", "")}


def detection_table(results: pd.DataFrame, resamplings: int, least_units: int = 1) -> pd.DataFrame:
    """`detection.csv`, `generalisation.csv`: a row a method, test set and subset.

    Columns closer than the probe's FWHM stand apart. A test set is divided by a property of its images where each
    subset has `least_units` structures.
    """
    rows = []
    for identity, subset, part in _parts(results[results.part == "all"], least_units):
        rows.append(_row(identity, subset, part, detection_metrics, resamplings))
    others = results[(results.part != "all") & (results.tp + results.fn > 0)]
    for name in others.part.unique():
        for identity, part in _by_method(others[others.part == name]):
            rows.append(_row(identity, name, part, detection_metrics, resamplings))
    return _sorted(rows)


def enhancement_table(results: pd.DataFrame, resamplings: int) -> pd.DataFrame:
    """`enhancement.csv` and studies of images: a row a method, test set, imaging mode and subset."""
    rows = []
    for identity, subset, part in _parts(results):
        for mode, members in part.groupby("mode"):
            row = _row(identity, subset, members, enhancement_metrics, resamplings)
            rows.append({**{k: row.pop(k) for k in IDENTITY}, "mode": mode, **row})
    return _sorted(rows)


def precision_table(results: pd.DataFrame, resamplings: int) -> pd.DataFrame:
    """`precision_vs_dose.csv`: resolved columns in images whose noise is Poisson's alone."""
    poisson = results[(results.part == "all") & results.shot_noise_alone.eq(True) & (results.kind != "floor")]
    rows = []
    for identity, part in _by_method(poisson):
        for counts, level in part.groupby("counts_per_px"):
            row = _row(identity, f"counts_per_px={counts:g}", level, precision_metrics, resamplings)
            dose = {
                "dose_e_per_A2": level.dose_e_per_A2.mean(),
                "counts_per_px_peak": counts,
                "peak_snr_db": 10 * np.log10(counts),  # 20 log10(peak / sigma) with sigma^2 = peak
            }
            rows.append({**{k: row.pop(k) for k in LOCALISED}, **dose, **row})
    empty = [*LOCALISED, "counts_per_px_peak", "rmse_pm", "crlb_pm", "f1"]
    return pd.DataFrame(rows, columns=None if rows else empty)


def cost_table(trainings: Sequence[dict]) -> pd.DataFrame:
    """`cost.csv`: what training each network took, and what applying it takes.

    Parameters
    ----------
    trainings : sequence of dict
        For each its `folder` (with `model.json` and `history.csv`), its `cost` (the JSON of
        `evaluation.inference_cost`, empty where there was nothing to measure) and the row's beginning, as for
        `read_detection`.
    """
    rows = []
    for training in trainings:
        record = read_json(Path(training["folder"]) / "model.json")
        history = pd.read_csv(Path(training["folder"]) / "history.csv")
        sizes = ("samples_seen", "crop_px", "batch_images", "precision")
        known = {key: record.get("training", {}).get(key) for key in sizes}
        known |= {"parameters": record["parameters"], "training_s": history.seconds.sum()}
        measured = read_json(training["cost"])
        known |= {key: measured.get(key) for key in _APPLIED}
        rows.append(training | known | {"note": record.get("not_trained", record.get("note"))})
    table = pd.DataFrame(rows)
    identity = list(_METHOD)
    grouped = table.groupby([*identity, "crop_px", "batch_images", "precision"], sort=False, dropna=False)
    table = grouped.agg(
        n_seeds=("seed", "nunique"),
        parameters=("parameters", "first"),
        samples_seen=("samples_seen", "first"),
        training_s=("training_s", "mean"),
        training_s_seed_sd=("training_s", "std"),
        **{key: (key, "first") for key in _APPLIED},
    ).reset_index()
    table.insert(table.columns.get_loc(_APPLIED[0]), "samples_per_s", table.samples_seen / table.training_s)
    table = table.assign(testset="", subset="all")
    return table[[*IDENTITY, *(column for column in table if column not in (*IDENTITY, "note")), "note"]]


def loss_table(trainings: Sequence[dict]) -> pd.DataFrame:
    """`loss.csv`: the loss of the last epoch on training and validation images, by the loss that was trained with.

    Parameters
    ----------
    trainings : sequence of dict
        As for `cost_table`.
    """
    rows = []
    for training in trainings:
        record = read_json(Path(training["folder"]) / "model.json")
        history = pd.read_csv(Path(training["folder"]) / "history.csv")
        known = {"loss": record.get("training", {}).get("loss"), "note": record.get("not_trained", record.get("note"))}
        last = dict(history[list(_LOSSES)].iloc[-1]) if len(history) else dict.fromkeys(_LOSSES, np.nan)
        rows.append(training | {"testset": training["train_dataset"]} | known | last)
    grouped = pd.DataFrame(rows).groupby([*_METHOD, "testset", "loss"], sort=False, dropna=False)
    losses = grouped[list(_LOSSES)]
    spread = losses.std().add_suffix("_seed_sd")
    table = losses.mean().join(spread).assign(n_seeds=grouped.seed.nunique(), subset="all").reset_index()
    values = [f"{name}{end}" for name in _LOSSES for end in ("", "_seed_sd")]
    return table[[*IDENTITY, "loss", *values, "note"]]


def detection_comparison(results: pd.DataFrame, resamplings: int) -> pd.DataFrame:
    """Paired differences of each network from each baseline and, on whole test sets, from each other network.

    F1 everywhere; on whole test sets the RMSE and the published variants as well. Resolved columns, networks by their
    default localiser.
    """
    return _comparison(by_default(results[results.part == "all"]), detection_metrics, _DETECTION_COMPARED, resamplings)


def by_default(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of classical methods, and those of networks by the localiser by which they are compared."""
    return rows[(rows.kind != "network") | (rows.localiser == DEFAULT_LOCALISER)]


def enhancement_comparison(results: pd.DataFrame, resamplings: int) -> pd.DataFrame:
    """Paired differences of PSNR [dB] and, on whole test sets, SSIM; rows as for `detection_comparison`."""
    return _comparison(results, enhancement_metrics, _IMAGES_COMPARED, resamplings)


def study_comparison(results: pd.DataFrame, resamplings: int) -> pd.DataFrame:
    """Paired differences of a study's rows from its first one, on whole test sets, as the other comparisons have them.

    Parameters
    ----------
    results : DataFrame
        As `read_detection` or `read_enhancement` gives them.
    resamplings : int
        Bootstrap samples.
    """
    metrics: Callable = enhancement_metrics
    compared: Sequence[str] = _IMAGES_COMPARED
    if "part" in results:
        results, metrics, compared = results[results.part == "all"], detection_metrics, _DETECTION_COMPARED
    rows = []
    for _, members in results.groupby("testset", sort=False):
        parts = list(_by_method(members))
        resampled = [Resampled.of(_sums(part), metrics, resamplings) for _, part in parts]
        (reference, _), first = parts[0], resampled[0]
        for (identity, part), ours in zip(parts[1:], resampled[1:]):
            rows += [_compared(identity, "all", part, ours, reference["method"], first, metric) for metric in compared]
    return _sorted([row for row in rows if np.isfinite(row["difference"])], _COMPARISON)


def _comparison(results: pd.DataFrame, metrics: Callable, compared: Sequence[str], resamplings: int) -> pd.DataFrame:
    """Subsets are compared by the first metric alone."""
    by_set: dict[tuple, list] = {}
    for identity, subset, part in _parts(results[results.kind != "floor"]):
        resampled = Resampled.of(_sums(part), metrics, resamplings)
        by_set.setdefault((identity["testset"], subset), []).append((identity, part, resampled))
    rows = []
    for (_, subset), members in by_set.items():
        for identity, part, ours in members:
            for other, _, theirs in members:
                whole_set, network = subset == "all", other["kind"] == "network"
                if identity["kind"] != "network" or other is identity or (network and not whole_set):
                    continue
                for metric in compared if whole_set else compared[:1]:
                    rows.append(_compared(identity, subset, part, ours, other["method"], theirs, metric))
    return _sorted([row for row in rows if np.isfinite(row["difference"])], _COMPARISON)


def _compared(
    identity: dict, subset: str, part: pd.DataFrame, ours: Resampled, other: str, theirs: Resampled, metric: str
) -> dict:
    difference = paired_difference(ours, theirs, metric, lower_is_better=metric in _LOWER_IS_BETTER)
    return _beginning(identity, subset, part) | {"baseline": other, "metric": metric} | difference


def lattice_precision_table(methods: Sequence[dict], resamplings: int) -> pd.DataFrame:
    """`lattice_precision.csv`: a row a method and axis of each lab image of one crystal.

    Spacings have intervals over blocks of the image, the response to displacements over displaced columns.

    Parameters
    ----------
    methods : sequence of dict
        For each evaluation its `folder`, the `image` and the row's beginning, as for `read_detection`.
    resamplings : int
        Bootstrap samples.
    """
    rows = []
    for identity, seeds in _by_method(pd.DataFrame(methods).assign(note="")):
        rows += [_lattice_row(identity, seeds, {"axis": axis}, resamplings) for axis in AXES]
    return _sorted(rows)


def localisation_after_denoising_table(methods: Sequence[dict], resamplings: int) -> pd.DataFrame:
    """`localisation_after_denoising.csv`: `lattice_precision.csv` for each denoiser, and the frames for 1 pm.

    `frames_for_1pm` is the least number of frames as precise as this one whose mean has spacings of an SD of 1 pm, if
    the errors of frames are independent: (`sd_pm` / 1 pm)^2, rounded up.

    Parameters
    ----------
    methods : sequence of dict
        As for `lattice_precision_table`, and `images`, the folder of the denoised images.
    resamplings : int
        Bootstrap samples.
    """
    rows = []
    for identity, seeds in _by_method(pd.DataFrame(methods).assign(note="")):
        shown = pd.read_parquet(Path(seeds.images.iloc[0]) / "samples.parquet")[list(DENOISER)].drop_duplicates()
        for denoised in shown.to_dict("records"):
            for axis in AXES:
                row = _lattice_row(identity, seeds, denoised | {"axis": axis}, resamplings)
                ends = ("", "_low", "_high")
                rows.append(row | {f"frames_for_1pm{end}": np.ceil(row[f"sd_pm{end}"] ** 2) for end in ends})
    return _sorted(rows)


def precision_after_denoising_table(methods: Sequence[dict], resamplings: int) -> pd.DataFrame:
    """`precision_after_denoising.csv`: a row a denoiser and dose of each simulated test set.

    Parameters
    ----------
    methods : sequence of dict
        For each evaluation the row's beginning, as for `read_detection`, and `images`, the Parquet file of the sums
        over the columns of each image by `denoiser` and dose.
    resamplings : int
        Bootstrap samples.
    """
    rows = []
    for method in methods:
        images = pd.read_parquet(method["images"]).assign(seed=method["seed"])
        identity = {key: method[key] for key in (*_METHOD[:-1], "testset")} | {"note": ""}
        levels = images.groupby([*DENOISER, "counts_per_px"], sort=False) if len(images) else ()
        for (*named, counts), level in levels:
            sums = level.drop(columns=list(DENOISER))
            row = _row(identity, f"counts_per_px={counts:g}", sums, precision_metrics, resamplings)
            beginning = {key: row.pop(key) for key in IDENTITY} | dict(zip(DENOISER, named))
            rows.append(beginning | {"counts_per_px_peak": counts} | row)
    return _sorted(rows)


def _lattice_row(identity: dict, seeds: pd.DataFrame, shown: dict[str, str], resamplings: int) -> dict:
    """What the seeds of a method found where the columns that are `shown` have these values."""
    spaced = _read_shown(seeds, "spacings", shown, spacing_sums)
    displaced = _read_shown(seeds, "responses", shown, response_sums)
    row = _beginning(identity, "all", seeds) | {"image": seeds.image.iloc[0]} | shown
    for metrics, part in ((spacing_metrics, spaced), (response_metrics, displaced)):
        values = _row(identity, "all", part, metrics, resamplings)
        counted = {f"{'response_' * (part is displaced)}n": round(part.n.sum() / row["n_seeds"])}
        row |= {key: values[key] for key in values if key.startswith(_LATTICE_METRICS)} | counted
    return row


def _read_shown(seeds: pd.DataFrame, name: str, shown: dict[str, str], sums: Callable) -> pd.DataFrame:
    """Sums of what each seed of a method found there, as `_row` takes them."""
    tables = []
    for method in seeds.itertuples():
        found = pd.read_parquet(Path(method.folder) / f"{name}.parquet")
        there = (found[list(shown)] == pd.Series(shown)).all(axis=1)
        tables.append(sums(found[there]).assign(seed=method.seed, sample=0))
    return pd.concat(tables)


def _by_method(results: pd.DataFrame) -> Iterator[tuple[dict, pd.DataFrame]]:
    keys = [key for key in (*_METHOD, "localiser", "testset") if key in results]
    for values, part in results.groupby(keys, sort=False, dropna=False):
        yield dict(zip(keys, values)), part


def _parts(results: pd.DataFrame, least_units: int = 1) -> Iterator[tuple[dict, str, pd.DataFrame]]:
    """Each method and test set, whole and by subset."""
    for identity, part in _by_method(results):
        yield identity, "all", part
        for key in _SUBSETS:
            units = part.groupby(key).structure.nunique()
            if len(units) > 1 and units.min() >= least_units:
                for value, members in part.groupby(key):
                    shown = f"{value:g}" if isinstance(value, float) else value
                    yield identity, f"{key}={shown}", members


def _beginning(identity: dict, subset: str, part: pd.DataFrame) -> dict:
    row = identity | {"n_seeds": part.seed.nunique(), "subset": subset}
    return {key: row[key] for key in LOCALISED if key in row}


def _sums(part: pd.DataFrame) -> pd.DataFrame:
    """Sums alone, with what a bootstrap resamples: the structure that images share."""
    known = {*_METHOD, *_IMAGE, "seed", "testset", "localiser", "part"}
    return part[[column for column in part if column not in known]].assign(unit=part.structure.to_numpy())


def _row(identity: dict, subset: str, part: pd.DataFrame, metrics: Callable, resamplings: int) -> dict:
    row = _beginning(identity, subset, part) | {"n_images": part["sample"].nunique()}
    row["n_units"] = part.structure.nunique()
    if "tp" in part:
        row["n_columns"] = int((part.tp + part.fn).sum() / row["n_seeds"])
    values = with_intervals(_sums(part), metrics, resamplings)
    several = list(part.groupby("seed")) if row["n_seeds"] > 1 else []
    seeds = [metrics(_sums(one).drop(columns="unit").sum().to_frame().T).iloc[0] for _, one in several]
    for name in [name for name in values if not name.endswith(("_low", "_high"))]:
        spread = np.std([seed[name] for seed in seeds], ddof=1) if seeds else np.nan
        row |= {name: values[name], f"{name}_low": values[f"{name}_low"], f"{name}_high": values[f"{name}_high"]}
        row[f"{name}_seed_sd"] = spread
    return row | {"note": identity["note"]}


def _sorted(rows: list[dict], columns: Sequence[str] = IDENTITY) -> pd.DataFrame:
    """A table of rows, or an empty one with the least columns it has."""
    table = pd.DataFrame(rows, columns=None if rows else columns)
    kinds = table.kind.map({"network": 0, "baseline": 1, "floor": 2})
    return table.assign(_kind=kinds).sort_values(["testset", "_kind"], kind="stable").drop(columns="_kind")


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
    hidden = [c for c in table if c.endswith(("_low", "_high", "_seed_sd")) or c in ("low", "high", "significant")]
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
