"""One file a published network, and the registry that names them.

A network is a `torch.nn.Module` built from a width factor. Its file says where it was published, how many parameters
it has at width 1, how its input is normalised, and by what the sides of its input must be divisible.
"""
