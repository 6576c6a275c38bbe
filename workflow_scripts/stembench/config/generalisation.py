"""Test sets beyond what networks are trained on."""

from __future__ import annotations

from pydantic import Field

from stembench.config.base import Name, Section
from stembench.config.datasets import Dataset, PhysicalNoise
from stembench.config.evaluation import DetectionBaseline


class Testset(Dataset):
    """A recipe of test images."""

    share: float = Field(1.0, description="Images as a fraction of the scale's count; 0: no such set", ge=0, le=10)
    noise: PhysicalNoise = Field(PhysicalNoise(test_counts_per_px=(10.0,)), description="Noise recipe")


class Generalisation(Section):
    """How methods are tested beyond what networks are trained on, for the table `generalisation`."""

    tuned_on: Name = Field(
        "physical", description="Dataset whose validation images tune the methods, for the nearest dose"
    )
    baselines: tuple[DetectionBaseline, ...] = Field(
        ("smoothed_maxima", "background_subtracted_maxima", "random_points"), description="Classical finders of columns"
    )
    wrong_prior: tuple[Name, ...] = Field(
        ("structural_prior",),
        description="Networks that are also tested with another material's structure",
    )
    shown: tuple[Name, ...] = Field(
        ("halo", "particle", "held_out"), description="Test sets for which a figure shows the columns found"
    )
    testsets: dict[Name, Testset] = Field(
        {
            **{
                name: Testset(arrangements=(name,))
                for name in (
                    "periodic",
                    "defects",
                    "wedge",
                    "embedded",
                    "straight_interface",
                    "grain_boundary",
                    "random",
                )
            },
            **{name: Testset(arrangements=(name,), label_hidden=True) for name in ("occluded", "occluded_by_crystal")},
            "particle": Testset(arrangements=("particle",), materials=("Au", "Pt", "PtFe"), pixel_size_A=(0.14, 0.156)),
            "background_steps": Testset(arrangements=("straight_interface",), background=3.0, backgrounds=("step",)),
            "held_out": Testset(materials="held_out"),
            "halo": Testset(conditions=("200keV_20mrad_halo",)),
            "aberrated": Testset(
                conditions=("200keV_24mrad_defocus", "200keV_24mrad_astigmatism", "200keV_24mrad_coma")
            ),
            "pixel_sizes": Testset(pixel_size_A=(0.03, 0.3), share=2),
            "multislice": Testset(
                forward_model="multislice", materials=("SrTiO3",), zones=("001",), conditions=("200keV_24mrad",)
            ),
            "dose_sweep": Testset(
                materials=("Si", "SrTiO3", "TiO2"),
                share=1.75,
                noise=PhysicalNoise(test_counts_per_px=(0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0)),
            ),
        },
        description="Recipes of test sets by name, with the keys of `datasets`. Their number of images is that of a "
        "test split",
    )
