"""Write the tables of results into docs/results.md and README.md from the table `summary` of a run: `make results`."""

import re
import sys
from math import floor, isnan, log10
from pathlib import Path
from textwrap import fill

import pandas as pd
from stembench.planning import Layout

PAGE, README = Path("docs/results.md"), Path("README.md")
BEGINNING, END = "<!-- results: written by make results -->\n", "<!-- end of results -->"
#: Measures by column of the table, with what their columns are called here.
F1_LOW, F1_HIGH, ERROR, GAIN = "f1_at_3_counts", "f1_at_10_counts", "rmse_over_crlb", "gain_db"
TITLES = {
    F1_LOW: "F1 at 3 counts/px",
    F1_HIGH: "F1 at 10 counts/px",
    ERROR: "error over the Cramér-Rao bound",
    GAIN: "PSNR over the best filter [dB]",
}
KINDS = {
    "network": "network",
    "external": "external",
    "oracle": "told the structure",
    "baseline": "classical",
    "floor": "random",
}


def page(summary: pd.DataFrame) -> str:
    """Return the page on results."""
    found, enhanced = measured(summary, F1_LOW), measured(summary, GAIN)
    parts = ["<!-- written by make results -->", "# Results", _run(summary)]
    parts += [
        "Brackets are 95 % intervals from a bootstrap over structures. All methods see the same images and are tuned "
        "on the same validation images. The page on [metrics](explanation/metrics.md) explains the numbers. The "
        "[tables](reference/products.md#tables) of a run hold all test sets, doses and materials.",
    ]
    if len(found):
        parts += [
            "## Columns found",
            "F1 is 1 if every column is found and no other. An error of 1 is the Cramér-Rao bound, the smallest that "
            "an unbiased method can reach. Counts are electrons in the pixel at the peak of the brightest column.",
            table(found, [F1_LOW, F1_HIGH, ERROR]),
        ]
    if len(enhanced):
        parts += [
            "## Images denoised",
            "Noise and background are removed; gain and offset of each image are free. 0 is the best of the tuned "
            "filters.",
            table(enhanced, [GAIN]),
        ]
    trained = summary[summary.kind == "network"].dropna(subset="parameters")
    if len(trained):
        parts += ["## Networks", "Training times are wall times of the run.", _networks(trained)]
    return "\n\n".join(_wrapped(part) for part in parts) + "\n"


def block(summary: pd.DataFrame) -> str:
    """Return the table of the README: every network, and the best classical method of each task."""
    found, enhanced = measured(summary, F1_LOW), measured(summary, GAIN)
    kept = [rows[rows.kind == "network"] for rows in (found, enhanced)]
    for rows, measure in ((found, F1_LOW), (enhanced, GAIN)):
        classical = rows[rows.kind == "baseline"]
        kept.append(classical.nlargest(1, measure))
    merged = pd.concat(kept).groupby(["method", "kind"], sort=False).first().reset_index()
    merged["kind"] = pd.Categorical(merged.kind, list(KINDS))
    merged = merged.sort_values("kind", kind="stable")
    merged["kind"] = merged.kind.astype(str)
    return f"{table(merged, [F1_LOW, ERROR, GAIN])}\n\n{_wrapped(f'*{_run(summary)} Brackets: 95 % intervals.*')}\n"


def measured(summary: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Return the rows that have a measure."""
    return summary[summary[measure].notna()] if measure in summary else summary.iloc[:0]


def table(rows: pd.DataFrame, measures: list[str]) -> str:
    """Return measures with their intervals as a table in Markdown."""
    measures = [measure for measure in measures if measure in rows and rows[measure].notna().any()]
    lines = [
        f"| method | kind | {' | '.join(map(TITLES.get, measures))} |",
        f"| --- | --- |{' ---: |' * len(measures)}",
    ]
    decimals = {measure: _decimals(rows, measure) for measure in measures}
    for _, row in rows.iterrows():
        cells = [_with_interval(row, measure, decimals[measure]) for measure in measures]
        lines.append(f"| `{row.method}` | {KINDS[row.kind]} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _decimals(rows: pd.DataFrame, measure: str) -> int:
    """Return how many decimals mean something: one digit of the narrowest half interval, two where it begins with 1."""
    half = ((rows[f"{measure}_high"] - rows[f"{measure}_low"]) / 2).min() if f"{measure}_low" in rows else float("nan")
    if isnan(half) or half <= 0:
        return 2
    place = floor(log10(half))
    return max(0, -place + (half < 2 * 10**place))


def _with_interval(row: pd.Series, measure: str, decimals: int) -> str:
    value, low, high = (row.get(f"{measure}{end}", float("nan")) for end in ("", "_low", "_high"))
    if isnan(value):
        return ""
    shown = f"{value:.{decimals}f}"
    return shown if isnan(low) else f"{shown} [{low:.{decimals}f}, {high:.{decimals}f}]"


def _networks(rows: pd.DataFrame) -> str:
    lines = ["| network | task | weights | training |", "| --- | --- | ---: | ---: |"]
    for row in rows.itertuples():
        minutes = "" if isnan(row.training_s) else f"{row.training_s / 60:.1f} min"
        lines.append(f"| `{row.method}` | {row.task} | {round(row.parameters, -3):,.0f} | {minutes} |")
    return "\n".join(lines)


def _run(summary: pd.DataFrame) -> str:
    """Return the sentences that say which run the numbers are of."""
    (scale,) = summary.scale.unique()
    networks = summary[summary.kind == "network"]
    width = networks.width.max() if len(networks) else 1
    told = f"From the {scale}" if scale == "demo" else f"From a run at scale `{scale}`"
    if width < 1:
        return (
            f"{told}: networks with {100 * width:g} % of the published channels, trained for minutes. The numbers "
            "compare methods at that budget and say nothing about networks at full width."
        )
    return f"{told}: networks with the published channels, {int(networks.n_seeds.max())} trainings each."


def _wrapped(part: str) -> str:
    """Return a paragraph in lines of 120 letters; tables stay as they are."""
    if part.startswith(("|", "#", "<")):
        return part
    return fill(part, 120, break_long_words=False, break_on_hyphens=False)


def with_block(readme: str, written: str) -> str:
    """Return the README with its table of results."""
    if BEGINNING not in readme or END not in readme:
        sys.exit(f"{README} has no lines {BEGINNING.strip()} and {END}, between which the table of results goes")
    return re.sub(f"(?<={re.escape(BEGINNING)}).*?(?={re.escape(END)})", lambda _: written, readme, flags=re.DOTALL)


if __name__ == "__main__":
    source = Path(Layout(sys.argv[1]).table("summary")[0])
    if not source.exists():
        sys.exit(f"there is no {source}; run the workflow at that scale first, such as by: make demo")
    results = pd.read_csv(source)
    PAGE.write_text(page(results), encoding="utf-8")
    README.write_text(with_block(README.read_text(encoding="utf-8"), block(results)), encoding="utf-8")
