"""One file a published network; the folder is the registry.

A network is a `torch.nn.Module` built from a width factor. Its class says where it was published (`source`), how many
parameters it has at width 1 (`published_parameters`), by what the sides of its input must be divisible (`divisor`), how
that input is normalised (`normalisation`), and starts from a mean output (`start_from`). Its file calls it `NETWORK`.
"""
