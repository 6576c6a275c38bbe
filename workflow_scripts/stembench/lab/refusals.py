"""Images of the user that cannot be used: a product that says why, so that the user's other images are finished."""

import csv
from pathlib import Path

from stembench.errors import InputError
from stembench.products import read_json, whole, write_checksums, write_json

_REFUSAL = "refused.json"


def write_refusal(folder: str | Path, file: str, reason: str) -> None:
    """Write, in place of an image, why it was refused.

    Parameters
    ----------
    folder : str or Path
        Of the image that was to be.
    file : str
        Name of the image's file.
    reason : str
        What is wrong, with the file and the remedy.
    """
    with whole(folder) as partial:
        partial.mkdir()
        write_json(partial / _REFUSAL, {"file": file, "reason": reason})
        write_checksums(partial)


def refusal_of(folder: str | Path) -> str | None:
    """Return why the image was refused whose folder this is, None if it was not."""
    path = Path(folder) / _REFUSAL
    return read_json(path)["reason"] if path.exists() else None


def check_refusals(summary: str | Path) -> None:
    """See that none of the user's images is refused.

    Parameters
    ----------
    summary : str or Path
        The table of all images.

    Raises
    ------
    InputError
        With the reason of each refusal.
    """
    with open(summary, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    if reasons := [row["refusal"] for row in rows if row["refusal"]]:
        first = f"refused: {len(reasons)} of {len(rows)} images, or their corrections; all others are finished"
        raise InputError("\n".join([first, *reasons]))
