"""The series of images that an emi file of TIA describes: in the ser files beside it, or else in the file itself."""

import re
import struct
from collections.abc import Iterator
from dataclasses import replace
from glob import escape
from pathlib import Path

import numpy as np

from stembench.errors import InputError
from stembench.lab.limits import check_bytes, is_large
from stembench.lab.signals import Axis, Signal, of_rosettasciio
from stembench.lab.units import beam_energy

_ACQUIRED = re.compile(rb"Acquire ([\x20-\x7e]{1,40}?)(?: Scanning)?(?: Display\d*)?[p`\x00-\x1f]")
_VOLTAGE = re.compile(rb"<AcceleratingVoltage>([0-9.eE+]{1,20})<")
# An array of two dimensions as an emi file holds it: type, bytes that follow, width, height, rows from the bottom on.
_IMAGE = re.compile(rb"\x22([\x01-\x08])\x02(.{4})(.{4})(.{4})", re.DOTALL)
_TYPES = ("u1", "<u2", "<u4", "i1", "<i2", "<i4", "<f4", "<f8")  # as ser files number them, from 1
# Steps along x and y [m], and the space that they are in, all behind the values.
_STEPS = {"x": b"\x41\x00\x20\x01", "y": b"\x41\x00\x30\x01"}
_BEHIND = 300


def read_emi(path: Path) -> list[Signal]:
    """Return the signals of an emi file, each entitled by the detector that the file names for it.

    Raises
    ------
    InputError
        If no ser file lies beside it, and it holds no image itself.
    """
    from rsciio.tia import file_reader

    check_bytes(path, (path.stat().st_size,), np.dtype("u1"))
    content = path.read_bytes()
    signals = [
        replace(
            of_rosettasciio(signal), title=_of_series(content, str(signal["metadata"]["General"]["original_filename"]))
        )
        for signal in file_reader(str(path), lazy=any(map(is_large, path.parent.glob(f"{escape(path.stem)}_*.ser"))))
    ]
    signals = signals or list(_inside(content))
    if not signals:
        raise InputError(
            f"{path}: describes images that are in {path.stem}_1.ser and so on; copy the ser files of the same name "
            "beside it"
        )
    return signals


def _of_series(content: bytes, series: str) -> str:
    """The detector named last before the place where an emi file names a ser file."""
    place = content.find(b"_" + series.rpartition("_")[2].encode())
    return _detector(content, max(place, 0))


def _detector(content: bytes, place: int) -> str:
    named = _ACQUIRED.findall(content[:place])
    return named[-1].decode("ascii") if named else ""


def _inside(content: bytes) -> Iterator[Signal]:
    """The images that TIA keeps in the emi file as well."""
    voltage = _VOLTAGE.search(content)
    energy = beam_energy(voltage[1], "V") if voltage else None
    for found in _IMAGE.finditer(content):
        dtype = np.dtype(_TYPES[found[1][0] - 1])
        length, width, height = struct.unpack("<3I", b"".join(found.group(2, 3, 4)))
        end = found.end() + length - 8
        if not width * height or length - 8 != width * height * dtype.itemsize or end > len(content):
            continue
        values = np.frombuffer(content, dtype, width * height, found.end()).reshape(height, width)[::-1]
        behind = content[end : end + _BEHIND]
        kind = "Diffraction" if b"Reciprocal Space" in behind else ""
        axes = [Axis(name, "m", _step(behind, _STEPS[name])) for name in "yx"]
        yield Signal(values, axes, _detector(content, found.start()), kind, energy)


def _step(behind: bytes, tag: bytes) -> float:
    place = behind.find(tag)
    number = behind[place + len(tag) : place + len(tag) + 8]
    return float(struct.unpack("<d", number)[0]) if place >= 0 and len(number) == 8 else 0.0
