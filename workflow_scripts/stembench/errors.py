"""The one exception that stands for a user's mistake."""


class InputError(ValueError):
    """Something the user gave cannot be used; the message names the file or key and the remedy.

    Scripts end with this message alone. Any other exception is a defect and keeps its traceback.
    """


class CannotLoadError(InputError):
    """A package that a network needs does not load in this environment; its rows say so, and the rest goes on."""


def in_short(told: object, longest: int = 200) -> str:
    """What an error or a user said, as part of a message: one line of so many characters at most."""
    line = " ".join(str(told).split())
    return line if len(line) <= longest else f"{line[:longest]}..."
