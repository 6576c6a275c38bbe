"""Registries: every file of a folder is an entry, named after its file."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Generic, TypeVar

from stembench.errors import InputError

Entry = TypeVar("Entry")

_LIBRARY = Path(__file__).parent
#: Files that hold what the entries share; so does each whose name begins with an underscore.
_NO_ENTRIES = {"base", "registry"}


class Registry(Generic[Entry]):
    """The entries of one kind. Their names are read from the folder; an entry's file is imported when it is loaded.

    Parameters
    ----------
    package : str
        The package whose files are the entries (`stembench.networks`).
    variable : str
        What each file calls its entry (`NETWORK`).
    kind : str
        What messages call an entry (`network`).
    """

    def __init__(self, package: str, variable: str, kind: str) -> None:
        self.package, self.variable, self.kind = package, variable, kind
        folder = _LIBRARY.joinpath(*package.split(".")[1:])
        self.names = tuple(sorted({path.stem for path in folder.glob("[a-z]*.py")} - _NO_ENTRIES))

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names."""
        return iter(self.names)

    def __contains__(self, name: object) -> bool:
        """Return whether an entry has this name."""
        return name in self.names

    def checked(self, name: str) -> str:
        """Return a name that is an entry's.

        Raises
        ------
        InputError
            If no entry has this name; the message lists the known ones and the folder for a new one.
        """
        if name not in self.names:
            known, folder = ", ".join(self.names), f"workflow_scripts/{self.package.replace('.', '/')}/"
            raise InputError(f"there is no {self.kind} {name!r}; known are {known}; a new one is a file in {folder}")
        return name

    def module(self, name: str) -> str:
        """Return the module behind an entry, for the digest of the code that a rule runs."""
        return f"{self.package}.{self.checked(name)}"

    def load(self, name: str) -> Entry:
        """Import the file of an entry and return the entry.

        Raises
        ------
        InputError
            If no entry has this name.
        """
        return getattr(import_module(self.module(name)), self.variable)
