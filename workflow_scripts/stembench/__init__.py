"""stembench: from crystal structures to benchmarked networks for atomic-resolution STEM images.

The library knows nothing of Snakemake; every function can be used in a notebook with this folder on the path.
"""

__version__ = "0.1.0"
