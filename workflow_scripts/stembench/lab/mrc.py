"""Images and stacks in MRC files."""

import struct
from dataclasses import replace
from pathlib import Path

from stembench.errors import InputError
from stembench.lab.limits import is_large
from stembench.lab.signals import Signal, of_rosettasciio

_HEAD_BYTES = 1024
_BYTES_OF_MODES = {0: 1, 1: 2, 2: 4, 4: 8, 6: 2, 12: 2}  # MRC2014, https://www.ccpem.ac.uk/mrc_format/mrc2014.php
_BIG_ENDIAN = b"\x11\x11"  # the machine stamp


def read_mrc(path: Path) -> list[Signal]:
    """Return the image, or the stack, of an MRC file in the order of bytes that it states.

    Raises
    ------
    InputError
        If the file is shorter than it says, for which RosettaSciIO would take hours.
    """
    from rsciio.mrc import file_reader

    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    order = ">" if head[212:214] == _BIG_ENDIAN else "<"
    columns, rows, sections, mode = struct.unpack(f"{order}4I", head[:16])
    (extended,) = struct.unpack(f"{order}I", head[92:96])
    length = _HEAD_BYTES + extended + columns * rows * sections * _BYTES_OF_MODES.get(mode, 1)
    if length > path.stat().st_size:
        raise InputError(f"{path}: ends before the last of its pixels; check that the file is complete")
    options = {} if order == "<" else {"endianness": order}
    signals = map(of_rosettasciio, file_reader(str(path), lazy=is_large(path), metadata_file=None, **options))
    # It takes the order of bytes for that of the head alone.
    return [replace(signal, stored=signal.stored.view(signal.stored.dtype.newbyteorder(order))) for signal in signals]
