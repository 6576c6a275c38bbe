"""What was found in a microscopist's own image, as a page in plain words."""

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

import pandas as pd

from stembench.evaluation.lattice_precision import AXES

_UNSURE = 0.5  # confidence below which columns are counted apart
_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>
body {{ font: 15px/1.45 sans-serif; margin: 2em; max-width: 48em; }}
th {{ text-align: left; font-weight: normal; color: #555; padding: .15em 1.5em .15em 0; vertical-align: top; }}
</style></head><body>
<h1>{title}</h1>
<table>
{rows}
</table>
{remarks}</body></html>
"""


def applied_summary(name: str, attributes: Mapping[str, Any], summary: Mapping[str, Any], columns: pd.DataFrame) -> str:
    """A page of HTML that says what was found, with numbers and units, and what to beware of.

    Parameters
    ----------
    name : str
        Of the image.
    attributes : mapping
        Of the image: `pixel_size_A`, and what else is known of `file_pixel_size_x_A`, `file_pixel_size_y_A`, `mode`,
        `material`, `zone`, `remarks`.
    summary : mapping
        Of `application.lattice.analyse`; where they are there also `network`, `denoiser` (what networks are called)
        and `refinement` (of `application.refinement`). Whatever is absent is not spoken of.
    columns : DataFrame
        All columns, with `confidence`, `uncertainty_pm` and `origin` where they are known.
    """
    told = [
        *_image(attributes),
        *_networks(summary),
        *_columns(summary, columns),
        *_lattice(summary),
        *_structure(summary.get("structure")),
        *_refinement(summary.get("refinement")),
    ]
    rows = "\n".join(f"<tr><th>{escape(what)}</th><td>{escape(text)}</td></tr>" for what, text in told)
    sentences = [*attributes.get("remarks", ()), *summary.get("remarks", ())]
    items = "".join(f"<li>{escape(sentence)}</li>\n" for sentence in sentences)
    remarks = f"<h2>Remarks</h2>\n<ul>\n{items}</ul>\n" if items else ""
    return _PAGE.format(title=escape(name), rows=rows, remarks=remarks)


def _image(attributes: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    pixel_size = f"{attributes['pixel_size_A']:.5g} Å"
    own = [attributes.get(f"file_pixel_size_{axis}_A") for axis in "xy"]
    if own[0] and own[1] and own[0] != own[1]:
        pixel_size += f", resampled from {own[0]:.5g} Å along x and {own[1]:.5g} Å along y"
    yield "pixel size", pixel_size
    if attributes.get("mode"):
        yield "mode", str(attributes["mode"])
    if attributes.get("material"):
        zone = f" [{attributes['zone']}]" if attributes.get("zone") else ""
        yield "specimen, as named", f"{attributes['material']}{zone}"


def _networks(summary: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, what in (("network", "columns found by"), ("denoiser", "denoised by")):
        if summary.get(key):
            yield what, str(summary[key])


def _columns(summary: Mapping[str, Any], columns: pd.DataFrame) -> Iterator[tuple[str, str]]:
    number = f"{len(columns)}"
    if "frame" in columns and columns.frame.nunique() > 1:
        number += f" in {columns.frame.nunique()} frames"
    if summary.get("columns_in_lattice") is not None:
        number += f"; {summary['columns_in_lattice']} of {summary.get('columns', len(columns))} in the lattice"
    yield "columns", number
    if "origin" in columns and (columns.origin != "network").any():
        counts = columns.origin.value_counts()
        yield "of them by you", ", ".join(f"{counts[key]} {key}" for key in ("added", "moved") if key in counts)
    if "confidence" in columns and len(columns):
        unsure = (columns.confidence < _UNSURE).sum()
        yield f"confidence below {_UNSURE}", f"{unsure} ({100 * unsure / len(columns):.1f} %)"
    if "uncertainty_pm" in columns and columns.uncertainty_pm.notna().any():
        yield "median uncertainty", f"± {columns.uncertainty_pm.median():.1f} pm (68 %) of each coordinate"


def _lattice(summary: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for axis in AXES:
        if vector := summary.get(axis):
            length = _with_error(vector["length_A"], vector.get("length_A_se"), 4)
            yield f"lattice vector {axis}", f"{length} Å: x {vector['x_A']:.4f}, y {vector['y_A']:.4f} Å"
    if summary.get("angle_deg") is not None:
        yield "angle between them", f"{_with_error(summary['angle_deg'], summary.get('angle_deg_se'), 2)}°"
    for axis, spacing in (summary.get("spacings") or {}).items():
        if spacing.get("sd_pm") is not None:
            numbers = f"mean {spacing['mean_pm']:.1f} pm, SD {spacing['sd_pm']:.1f} pm"
            yield f"spacings along {axis}", f"{numbers} ({spacing['n']} pairs)"
    for key, strain in (summary.get("strain") or {}).items():
        if strain["sd"] is not None:
            unit, factor = ("°", 1) if key == "rotation_deg" else (" %", 100)
            what = "rotation" if key == "rotation_deg" else key.replace("_", " ")
            numbers = f"mean {factor * strain['mean']:.3f}{unit}, SD {factor * strain['sd']:.3f}{unit}"
            yield f"{what} against the median lattice", numbers
    for part in summary.get("sublattices") or ():
        species = f" ({part['species']})" if part.get("species") else ""
        text = f"{part['number']} columns"
        if part.get("fraction_a") is not None:
            text += f" at {part['fraction_a']:.3f} a, {part['fraction_b']:.3f} b"
        if part.get("displacement_rms_pm") is not None:
            text += f", RMS displacement {part['displacement_rms_pm']:.1f} pm"
        yield f"sublattice {part['name']}{species}", text


def _structure(structure: Mapping[str, Any] | None) -> Iterator[tuple[str, str]]:
    if structure is None:
        return
    if not structure.get("fits"):
        yield "named structure", "does not fit the columns; see the remarks"
        return
    if structure.get("a_A") is not None:
        a, b, angle = (structure[key] for key in ("a_A", "b_A", "angle_deg"))
        yield "named structure", f"a {a:.4f} Å, b {b:.4f} Å, angle {angle:.2f}°"
    if (off := structure.get("pixel_size_error_percent")) is not None:
        error = _with_error(abs(off), structure.get("pixel_size_error_percent_se"), 2)
        yield "pixel size by the structure", f"{error} % too {'large' if off > 0 else 'small'}"
    for axis in "xy":
        if (scale := structure.get(f"scale_{axis}")) is not None:
            told = _with_error(scale, structure.get(f"scale_{axis}_se"), 4)
            yield f"measured lengths along {axis}", f"{told} of the true ones"
    if structure.get("rms_pm") is not None:
        text = f"{structure['rms_pm']:.1f} pm RMS"
        if structure.get("fraction_explained") is not None:
            text += f", {100 * structure['fraction_explained']:.1f} % of the columns explained"
        yield "columns against the structure", text
    if structure.get("not_seen"):
        yield "columns that are not seen", ", ".join(structure["not_seen"])


def _refinement(compared: Mapping[str, Any] | None) -> Iterator[tuple[str, str]]:
    if not compared:
        return
    if compared.get("mean_shift_pm") is not None:
        yield "refined by the profile of the image", f"columns went {compared['mean_shift_pm']:.1f} pm on average"
    for axis in AXES:
        before, after = (compared.get(key, {}).get(f"sd_pm_{axis}") for key in ("network", "refined"))
        if before is not None and after is not None:
            yield f"SD of spacings along {axis}", f"{before:.1f} pm by the network, {after:.1f} pm refined"


def _with_error(value: float, error: float | None, digits: int) -> str:
    return f"{value:.{digits}f}" + (f" ± {error:.{digits}f}" if error is not None else "")
