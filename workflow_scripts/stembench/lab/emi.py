"""The series of images that an emi file of TIA describes; pixels are in the ser files beside it."""

import re
from dataclasses import replace
from pathlib import Path

from stembench.errors import InputError
from stembench.lab.signals import Signal, of_rosettasciio

_ACQUIRED = re.compile(rb"Acquire ([\x20-\x7e]{1,40}?)(?: Scanning)?(?: Display\d*)?[p`\x00-\x1f]")


def read_emi(path: Path) -> list[Signal]:
    """Return the signals of an emi file, each entitled by the detector that the file names for its series.

    Raises
    ------
    InputError
        If no ser file lies beside it.
    """
    from rsciio.tia import file_reader

    content = path.read_bytes()
    signals = []
    for signal in file_reader(str(path), lazy=True):
        of = of_rosettasciio(signal)
        series = str(signal["metadata"]["General"]["original_filename"])
        signals.append(replace(of, title=of.title or _detector(content, series)))
    if not signals:
        raise InputError(
            f"{path}: describes images that are in {path.stem}_1.ser and so on; copy the ser files of the same name "
            "beside it"
        )
    return signals


def _detector(content: bytes, series: str) -> str:
    """The detector named last before the place where an emi file names a series."""
    number = series.rpartition("_")[2].encode()
    end = content.find(b"_" + number)
    named = _ACQUIRED.findall(content[: max(end, 0)])
    return named[-1].decode("ascii") if named else ""
