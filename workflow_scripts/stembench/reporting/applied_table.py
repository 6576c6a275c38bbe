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
# What the first page of the report shows, by the heading.
_SHOWN = {
    "image": "image",
    "pixel size [A]": "pixel_size_A",
    "columns": "columns",
    "median confidence": "median_confidence",
    "a [A]": "a_A",
    "b [A]": "b_A",
    "angle [deg]": "angle_deg",
}


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
    """The main columns of the table, with refusals in full, for the first page of the report."""
    rows = [[*_SHOWN, "refused"]]
    for row in table.to_dict("records"):
        rows.append([_literal(_cell(row[key])) for key in (*_SHOWN.values(), "refusal")])
    lines = [".. list-table::", "   :header-rows: 1", ""]
    for row in rows:
        lines += [f"   {'*' if number == 0 else ' '} - {cell}".rstrip() for number, cell in enumerate(row)]
    return "\n".join(lines) + "\n"


def _cell(value: Any) -> str:
    if pd.isna(value):
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _literal(text: str) -> str:
    """Text in which no sign has a meaning of its own."""
    return "".join(f"\\{sign}" if sign in "\\*`_|<>" else sign for sign in " ".join(text.split()))
