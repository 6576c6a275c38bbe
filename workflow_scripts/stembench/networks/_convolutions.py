"""What the U-Nets of the papers are made of."""

from torch import nn


def convolved_twice(channels_in: int, channels_out: int, bias: bool = True) -> nn.Sequential:
    """Two 3 x 3 convolutions that keep the frame, each followed by a norm and a ReLU."""
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, 3, padding=1, bias=bias),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(),
        nn.Conv2d(channels_out, channels_out, 3, padding=1, bias=bias),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(),
    )
