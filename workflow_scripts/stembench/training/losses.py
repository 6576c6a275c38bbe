"""Loss functions of the papers, between maps and targets of shape (batch, maps, y, x); some take logits of maps."""

from collections.abc import Callable

import torch
from torch.nn import functional

_CLEAR = 0.003  # an RMSE that is as good as none


def modified_chi_square(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Mean over the batch's pixels of (I - I_gt)^2 / (I_gt + max(I_gt) / 10).

    Source: Lin et al. (2021), doi 10.1038/s41598-021-84499-w, eq. 1, there as a sum. The maximum is each sample's own
    and not below a tenth, so that an empty target has a finite loss.

    Parameters
    ----------
    output, target : Tensor, shape (batch, maps, y, x)
        Values in [0, 1].
    """
    largest = target.amax(dim=(1, 2, 3), keepdim=True).clamp(min=0.1)
    return ((output - target) ** 2 / (target + largest / 10)).mean()


def rmse(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Mean over the samples of each one's root mean square error; as PSNR, it heeds the clear samples as the noisy.

    Parameters
    ----------
    output, target : Tensor, shape (batch, maps, y, x)
        Values in [0, 1].
    """
    # The root has no slope at zero.
    return ((output - target) ** 2).mean(dim=(1, 2, 3)).clamp(min=1e-10).sqrt().mean()


def log_rmse(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Mean over the samples of ln(1 + RMSE / 0.003), which heeds a clear sample as much as a noisy one.

    It is PSNR in other units, except that it ends at 0 and its slope stays finite where a sample has no error.

    Parameters
    ----------
    output, target : Tensor, shape (batch, maps, y, x)
        Values of a standard deviation of about 1.
    """
    errors = ((output - target) ** 2).mean(dim=(1, 2, 3)).clamp(min=1e-10).sqrt()
    return torch.log1p(errors / _CLEAR).mean()


#: By the names that recipes give them.
LOSSES: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "modified_chi_square": modified_chi_square,
    "mse": functional.mse_loss,
    "rmse": rmse,
    "log_rmse": log_rmse,
    "l1": functional.l1_loss,
    "bce": functional.binary_cross_entropy_with_logits,
}
#: Those that take a map before its sigmoid, which has no gradient where a network is sure.
ON_LOGITS = ("bce",)
