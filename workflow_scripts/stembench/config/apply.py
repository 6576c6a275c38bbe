"""What the user's own images are read with."""

from __future__ import annotations

from pydantic import Field

from stembench.config.base import FolderPath, Section


class Apply(Section):
    """How columns are found in the user's own images, by the target `apply`."""

    localise: FolderPath | None = Field(
        None,
        description="Folder of the network that finds columns, in `weights/` or one that the workflow trains such as "
        "results/demo/models/sfin/localise/physical/seed0; null takes the best that is there",
    )
    denoise: FolderPath | None = Field(None, description="Folder of the network that denoises, likewise")
    refine: bool = Field(
        False, description="Whether 2-D Gaussians are fitted from the columns that the network finds, and compared"
    )
