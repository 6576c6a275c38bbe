"""All images of a microscopist's folder in one table: what was found in each, or why it was refused."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

_TOLD = ("pixel_size_A", "pixel_size_source", "signal", "mode", "material", "zone")
_WHOLE_NUMBERS = ("frames", "columns", "columns_in_lattice")
_STRAINS = ("strain_xx", "strain_yy", "strain_xy")
COLUMNS = (
    *(
        "image",
        "file",
        *_TOLD,
        "frames",
        "columns",
        "median_confidence",
        "columns_in_lattice",
        "a_A",
        "b_A",
        "angle_deg",
    ),
    *("pixel_size_factor", *(f"{strain}_sd_percent" for strain in _STRAINS), "remarks", "refusal"),
)


def applied_table(
    images: Mapping[str, str], refused: Mapping[str, str], found: Sequence[tuple[Mapping[str, Any], pd.DataFrame]]
) -> pd.DataFrame:
    """A row per image; of a stack whose frames are kept, lattice and strain are those of the first.

    Parameters
    ----------
    images : mapping of str
        The file of each image by its name, in order.
    refused : mapping of str
        Why images were refused.
    found : sequence of (mapping, DataFrame)
        Content of `summary.json` and `columns.csv` of each of the others, in order.

    Returns
    -------
    DataFrame
        With COLUMNS. `pixel_size_factor` is what the pixel size must be multiplied by to fit the named structure;
        strains are SDs against the median lattice [%].
    """
    accepted, rows = iter(found), []
    for image, file in images.items():
        row = {"refusal": refused[image]} if image in refused else _row(*next(accepted))
        rows.append({"image": image, "file": file} | row)
    return pd.DataFrame(rows, columns=COLUMNS).astype(dict.fromkeys(_WHOLE_NUMBERS, "Int64"))


def _row(summary: Mapping[str, Any], columns: pd.DataFrame) -> dict[str, Any]:
    attributes, strain = summary["image"], summary.get("strain") or {}
    error = (summary.get("structure") or {}).get("pixel_size_error_percent")
    lengths = {f"{axis}_A": summary[axis]["length_A"] for axis in "ab" if summary.get(axis)}
    sds = {
        f"{key}_sd_percent": 100 * strain[key]["sd"] for key in _STRAINS if strain.get(key, {}).get("sd") is not None
    }
    remarks = [*attributes.get("remarks", ()), *summary.get("remarks", ())]
    return {
        **{key: attributes.get(key) for key in _TOLD},
        "frames": 1 + len(summary["frames"]),
        "columns": len(columns),
        "median_confidence": columns.confidence.median(),
        "columns_in_lattice": summary.get("columns_in_lattice"),
        **lengths,
        "angle_deg": summary.get("angle_deg"),
        "pixel_size_factor": None if error is None else 1 / (1 + error / 100),
        **sds,
        "remarks": "; ".join(remark.rstrip(".") for remark in remarks),
        "refusal": summary.get("corrections_refused"),
    }


def as_restructured_text(table: pd.DataFrame) -> str:
    """What the report begins with: images with their columns and lattice, and after them each refusal in full."""
    rows = [["image", "pixel size", "columns", "confidence", "lattice"]]
    for row in table[table["columns"].notna()].itertuples():
        lattice = "" if pd.isna(row.angle_deg) else f"{row.a_A:.3f} Å, {row.b_A:.3f} Å, {row.angle_deg:.1f}°"
        confidence = "" if pd.isna(row.median_confidence) else f"{row.median_confidence:.2f}"
        rows.append([_literal(row.image), f"{row.pixel_size_A:.4g} Å", f"{row.columns}", confidence, lattice])
    lines = []
    if len(rows) > 1:  # a table needs more than its head
        lines = [".. list-table::", "   :header-rows: 1", ""]
        lines += [f"   {' ' if number else '*'} - {cell}".rstrip() for row in rows for number, cell in enumerate(row)]
    refused = [_literal(reason) for reason in table.refusal.dropna()]
    lines += ["", "Refused:", "", *(f"- {reason}" for reason in refused)] if refused else []
    return "\n".join(lines) + "\n"


def _literal(text: str) -> str:
    """Text in which no sign has a meaning of its own."""
    return "".join(f"\\{sign}" if sign in "\\*`_|<>" else sign for sign in " ".join(text.split()))
