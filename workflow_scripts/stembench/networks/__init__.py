"""One file a published network; the folder is the registry.

A network is a `torch.nn.Module` built from a width factor. Its class says where it was published (`source`), how many
parameters it has at width 1 (`published_parameters`), by what the sides of its input must be divisible (`divisor`), how
that input is normalised (`normalisation`), and starts from a mean output (`start_from`). Its file calls it `NETWORK`.
"""

from pathlib import Path

#: Every file of this folder but these two is a network, named after the file.
NETWORKS = sorted({path.stem for path in Path(__file__).parent.glob("[a-z]*.py")} - {"base", "registry"})
