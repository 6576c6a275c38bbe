"""One file per figure of the benchmark; the folder is the registry. `stembench.reporting.base` says what it holds."""

from typing import TYPE_CHECKING

from stembench.registry import Registry

if TYPE_CHECKING:
    from stembench.reporting.base import Figure

#: Every figure.
FIGURES: "Registry[Figure]" = Registry("stembench.reporting.figures", "FIGURE", "figure")
