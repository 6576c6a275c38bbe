"""stembench: from crystal structures to benchmarked networks for atomic-resolution STEM images.

The stable interface is what this module offers; all other modules may change in any version:

- `read` reads an image file, with its pixel size;
- `find_columns` finds the atomic columns of an image, each with a confidence and an error bar;
- `denoise` denoises an image;
- `read_crystal` reads a crystal structure from a CIF;
- `project_structure` projects a crystal along a zone axis.

A name, argument, column or attribute of this interface is removed only after two minor versions in which its use gives
a `FutureWarning` that names the replacement.

These functions load on first use, so `import stembench` is quick. The library knows nothing of Snakemake.
"""

from typing import TYPE_CHECKING

__all__ = ["__version__", "denoise", "find_columns", "project_structure", "read", "read_crystal"]
__version__ = "0.1.0"

if TYPE_CHECKING:
    from stembench._interface import denoise, find_columns, project_structure, read, read_crystal
else:

    def __getattr__(name: str) -> object:
        """Return a function of the interface."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        return getattr(import_module("stembench._interface"), name)

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
