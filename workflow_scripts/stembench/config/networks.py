"""What networks are trained for."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from stembench.config.base import Name, Section

Task = Literal["localise", "denoise_background"]


class Network(Section):
    """What a network of the registry is trained for."""

    tasks: tuple[Task, ...] = Field(
        ("localise", "denoise_background"), description="Tasks it is trained for", min_length=1
    )
    datasets: tuple[Name, ...] = Field(("physical",), description="Datasets it is trained on", min_length=1)
    learning_rate: float = Field(4e-3, description="Highest learning rate of the one-cycle schedule", gt=0, le=1)
