"""The one exception that stands for a user's mistake."""

_LONGEST = 200


class InputError(ValueError):
    """Something the user gave cannot be used; the message names the file or key and the remedy.

    Scripts end with this message alone. Any other exception is a defect and keeps its traceback.
    """


class CannotLoadError(InputError):
    """A package that a network needs does not load in this environment; its rows say so, and the rest goes on."""


def in_short(told: object) -> str:
    """What an error or a user said, as part of a message: one line, and not a long one."""
    line = " ".join(str(told).split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}..."
