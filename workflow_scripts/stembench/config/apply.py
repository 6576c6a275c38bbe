"""What the user's own images are read with."""

from __future__ import annotations

from pydantic import Field

from stembench.config.base import FolderPath, Section


class Apply(Section):
    """How columns are found in the user's own images, by the target `apply`."""

    localise: FolderPath | None = Field(
        None,
        description="Folder of the network that finds columns: one of `workflow_scripts/stembench/weights/`, or one "
        "that was trained here, such as results/demo/models/sfin/localise/physical/seed0; null: the best of all",
    )
    denoise: FolderPath | None = Field(None, description="Folder of the network that denoises, likewise")
    refine: bool = Field(
        False, description="Whether 2-D Gaussians are fitted from the columns that the network finds, and compared"
    )
