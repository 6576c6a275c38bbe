"""The images that all networks are ranked on, and that the shipped one is trained on."""

from stembench.config.datasets import Dataset, PhysicalNoise
from stembench.config.imaging import DrawnProbe

#: Name of the dataset `GENERAL`, whatever else the configuration calls so.
RANKED_ON = "general"
#: What the network that ships is trained on, and what all networks are ranked by: whatever a microscope may show, at
#: the one scale to which images are resampled, labelled as far as an image shows it.
GENERAL = Dataset(
    arrangements=(
        *("periodic", "defects", "particle", "wedge", "embedded", "straight_interface", "grain_boundary", "random"),
        *("occluded", "covered", "strained", "polar", "dislocation", "stacking_fault", "antiphase_boundary", "twin"),
        *("moire", "decahedron", "icosahedron"),
        *("particle", "wedge"),  # once more: rims one atom thick
        *("lattice",) * 4,
        *("empty", "tilted") * 3,
    ),
    thickness_A=(2.0, 150.0),
    conditions=("200keV_24mrad",),
    probe=DrawnProbe(
        energy_keV=(60.0, 300.0),
        semiangle_mrad=(12.0, 32.0),
        source_size_A=(0.5, 2.2),
        source_tail=(0.0, 0.3),
        source_tail_A=(2.3, 4.0),
    ),
    mistilt_mrad=(0.0, 2.0),
    pixel_size_A=(0.13, 0.17),
    background=2.0,
    noise=PhysicalNoise(
        shot_noise_alone=0.2,
        drift_A=(0.0, 0.6),
        shear_deg=(0.0, 1.0),
        jitter_A=(0.0, 0.15),
        pickup_A=(0.0, 0.1),
        jumps=(0, 1),
        odd_even_A=(0.0, 0.1),
        flyback_stretch=(0.0, 0.05),
        dead_lines=(0, 1),
        hot_lines=(0, 1),
        frames=(1, 2),
        counts_per_px=(0.7, 1000.0),
        afterglow=(0.0, 0.3),
        gain=(1.0, 20.0),
        offset=(0.0, 20.0),
        readout_e=(0.0, 0.5),
        clip_low=(0.0, 0.05),
        clip_high=(0.0, 0.1),
        bits=(8, 16),
        smoothing_px=(0.0, 1.2),
    ),
    seed=6,
)
