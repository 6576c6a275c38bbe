"""Networks with random weights and norms, for comparison with computations written by hand."""

import torch
from torch import nn


def drawn(network: nn.Module) -> nn.Module:
    """A network or a part of one in use, in double precision, with signals that reach its end and norms that matter."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
        elif isinstance(module, nn.BatchNorm2d):
            for part in (module.weight, module.running_var):
                nn.init.uniform_(part, 0.5, 1.5)
            for part in (module.bias, module.running_mean):
                nn.init.normal_(part, 0, 0.1)
    return network.double().eval()


def parts(network: nn.Module) -> list[torch.Tensor]:
    """Its tensors in their order, but for the counters of its norms."""
    return [tensor for name, tensor in network.state_dict().items() if not name.endswith("num_batches_tracked")]
