"""What the user's own images are read with."""

from __future__ import annotations

from pydantic import Field

from stembench.config.base import FolderPath, Section


class Apply(Section):
    """How columns are found in the user's own images, by the target `apply`."""

    localise: FolderPath | None = Field(
        None,
        description="Folder of the network that finds columns; null: the best available. A folder in "
        "`workflow_scripts/stembench/weights/`, or of a training such as "
        "`results/demo/models/sfin/localise/physical/seed0`",
    )
    denoise: FolderPath | None = Field(
        None, description="Folder of the network that denoises; null: the best available"
    )
    refine: bool = Field(True, description="Whether the image's own profile is fitted to the columns")
