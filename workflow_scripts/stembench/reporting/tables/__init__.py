"""One file per table of the benchmark; the folder is the registry. `stembench.reporting.base` says what it holds."""

from typing import TYPE_CHECKING

from stembench.registry import Registry

if TYPE_CHECKING:
    from stembench.reporting.base import Table

#: Every table.
TABLES: "Registry[Table]" = Registry("stembench.reporting.tables", "TABLE", "table")
