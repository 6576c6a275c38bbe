"""Why a file is not read, and what to do: an end too early, a missing package, or whatever its reader says."""

import re
from pathlib import Path

from stembench.errors import InputError, in_short

#: What to do with a file that no reader reads.
AS_TIF = "export the image as tif"

_ENDS_EARLY = re.compile(
    "truncat|unexpected end|end of file|end-of-file|eof|requires a buffer|smaller than (the )?requested|premature|"
    "broken (data )?stream|mmap length|not enough data|incomplete|cannot reshape|too short|less than|could only read",
    re.IGNORECASE,
)
# As tifffile and RosettaSciIO say it where they raise another error, or a reader's own process ends with it.
_MISSING = re.compile(r"(?:requires the|The|No module named) '(\w+)'(?: package| library was not found|$)")


def unreadable(path: Path, error: Exception | str) -> InputError:
    """Return the message on a file that its reader does not read.

    Parameters
    ----------
    path : Path
        The file.
    error : Exception or str
        What the reader raised, or the last that it said.
    """
    reason = in_short(error) or type(error).__name__
    missing = _MISSING.search(reason)
    if isinstance(error, ImportError) or missing:
        name = missing[1] if missing else getattr(error, "name", None) or reason
        return InputError(f"{path}: reading it needs the package {name}; install it, or {AS_TIF}")
    if isinstance(error, MemoryError):
        return InputError(f"{path}: does not fit into memory ({reason}); crop, bin or split it")
    if isinstance(error, (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError)):
        return InputError(f"{path}: cannot be opened ({reason}); correct its path or its permissions")
    if isinstance(error, EOFError) or _ENDS_EARLY.search(reason):
        return InputError(f"{path}: cannot be read ({reason}); check that the file is complete")
    return InputError(
        f"{path}: cannot be read ({reason}); it is damaged or of an unknown kind: open it with the program that saved "
        f"it, and {AS_TIF}"
    )
