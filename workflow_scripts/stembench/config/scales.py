"""Scales: counts, sizes and steps."""

from typing import Annotated

from pydantic import Field

from stembench.config.base import Section
from stembench.config.networks import Task


class Scale(Section):
    """Counts, sizes and steps, and nothing else."""

    image_px: int = Field(
        description="Edge of a simulated image", ge=64, le=1024, multiple_of=16, json_schema_extra={"unit": "px"}
    )
    train_images: int = Field(description="Training images a dataset", ge=5, le=1_000_000)
    validation_images: int = Field(description="Validation images a dataset", ge=5, le=1_000_000)
    test_images: int = Field(description="Test images a dataset", ge=5, le=1_000_000)
    held_out_images: int = Field(description="Images of held-out materials a dataset", ge=0, le=1_000_000)
    generalisation_images: int = Field(description="Images a test set of `generalisation`", ge=5, le=1_000_000)
    shard_images: int = Field(description="Images a shard, each shard one job", ge=1, le=100_000)
    width: float = Field(
        description="Channels of a network as a fraction of the published, where its recipe says nothing", gt=0, le=1
    )
    crop_px: int = Field(
        description="Edge of a training crop, where a recipe says nothing",
        ge=32,
        le=1024,
        multiple_of=16,
        json_schema_extra={"unit": "px"},
    )
    batch_images: int = Field(description="Crops a training step, where a recipe says nothing", ge=1, le=1024)
    samples_seen: dict[Task, Annotated[int, Field(ge=1, le=1_000_000_000)]] = Field(
        description="Crops that every network of a task sees, the same for all"
    )
    epochs: int = Field(
        description="Parts that a training is told in, each with a validation and a checkpoint", ge=1, le=10_000
    )
    seeds: int = Field(description="Trainings of each network, from different random numbers", ge=1, le=10)
    lab_draws: int = Field(description="Noise draws of each block of a lab image at each dose", ge=1, le=100)
    phonons: int = Field(description="Frozen-phonon configurations of a multislice tile; 0 for atoms at rest", ge=0)
    thickest_A: float = Field(
        description="Thickest specimen of a multislice tile", ge=1, le=5000, json_schema_extra={"unit": "A"}
    )
    bootstrap: int = Field(description="Resamplings behind each confidence interval", ge=100, le=100_000)
    studies: bool = Field(False, description="Whether `studies` are part of the tables and the report")
