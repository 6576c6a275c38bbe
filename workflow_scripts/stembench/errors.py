"""The one exception that stands for a user's mistake."""


class InputError(ValueError):
    """A file or setting cannot be used; the message names the file or key and the remedy.

    Scripts end with this message only. Any other exception is a defect of stembench and keeps its traceback.
    """


class CannotLoadError(InputError):
    """A package that a network needs does not load in this environment.

    Tables note this in the rows of the network, and the workflow continues.
    """


def in_short(told: object, longest: int = 200) -> str:
    """What an error or a user said, as part of a message: one line of so many characters at most."""
    line = " ".join(str(told).split())
    return line if len(line) <= longest else f"{line[:longest]}..."
