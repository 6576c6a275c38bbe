"""What the scan and the detector of the `physical` recipe do to one image: drawn, and named for its metadata."""

from typing import Any

import numpy as np

from stembench.config import PhysicalNoise
from stembench.noise.scan import Scan

_MAINS_WAVES = 3  # the mains and two harmonics
_PICKUP_PEAK = 3  # of pick-up at most, over its RMS
_BESIDE_SHOT_NOISE = {
    **dict.fromkeys(("drift_x_A", "drift_y_A", "shear_deg", "jitter_A", "pickup_A", "odd_even_A"), 0.0),
    **dict.fromkeys(("flyback_stretch", "afterglow", "readout_e", "clip_low", "clip_high", "smoothing_px"), 0.0),
    **dict.fromkeys(("jumps", "dead_lines", "hot_lines"), 0),
    "frames": 1,
    "bits": 0,
}


def reach_px(noise: PhysicalNoise, rows: int, pixel_size: float) -> float:
    """How far displaced rows reach beyond a frame of so many rows [px]; four SDs of what is normal."""
    normal = 4 * (noise.jitter_A[1] + noise.jump_A[1] * np.sqrt(noise.jumps[1]))
    bounded = noise.drift_A[1] / 2 + _PICKUP_PEAK * noise.pickup_A[1] + noise.odd_even_A[1] / 2
    shear = np.tan(np.deg2rad(noise.shear_deg[1])) * rows / 2
    return (normal + bounded) / pixel_size + shear + noise.flyback_stretch[1] * noise.flyback_px[1]


def drawn_scans(
    noise: PhysicalNoise,
    rows: int,
    pixel_size: float,
    scene_rng: np.random.Generator,
    rng: np.random.Generator,
) -> tuple[dict[str, Any], tuple[Scan, ...]]:
    """Draw the scan and the detector of an image.

    Parameters
    ----------
    noise : PhysicalNoise
        The recipe.
    rows : int
        Rows of the image, and pixels of a row.
    pixel_size : float
        [A].
    scene_rng, rng : numpy.random.Generator
        Of what the images of a dose series share, and of the image's own.

    Returns
    -------
    drawn : dict
        Everything drawn, by its name in the metadata; `bits` is 0 where levels are whole numbers. Drift is the mean
        over the frames, phases are the first frame's.
    scans : tuple of Scan
        One a frame.
    """

    def whole(ends: tuple[int, int], source: np.random.Generator) -> int:
        return int(source.integers(ends[0], ends[1], endpoint=True))

    def either(ends: tuple[float, float]) -> float:
        return scene_rng.uniform(*ends) * scene_rng.choice([-1, 1])

    alone = bool(scene_rng.uniform() < noise.shot_noise_alone)
    dwell = float(np.exp(scene_rng.uniform(*np.log(noise.dwell_us))))
    length, heading = scene_rng.uniform(*noise.drift_A), scene_rng.uniform(0, 2 * np.pi)
    drawn: dict[str, Any] = {
        "dwell_us": dwell,
        "shear_deg": either(noise.shear_deg),
        "mains_Hz": noise.mains_Hz,
        **{f"mains_phase_{wave + 1}_rad": scene_rng.uniform(0, 2 * np.pi) for wave in range(_MAINS_WAVES)},
        "jitter_A": scene_rng.uniform(*noise.jitter_A),
        "afterglow": scene_rng.uniform(*noise.afterglow),
        "afterglow_px": scene_rng.uniform(*noise.afterglow_px),
        "readout_e": scene_rng.uniform(*noise.readout_e),
        "line_us": rows * dwell + scene_rng.uniform(*noise.flyback_us),
        "pickup_A": scene_rng.uniform(*noise.pickup_A),
        "pickup_rad": scene_rng.uniform(0, np.pi),
        "jump_A": scene_rng.uniform(*noise.jump_A),
        "odd_even_A": either(noise.odd_even_A),
        "flyback_stretch": either(noise.flyback_stretch),
        "flyback_px": scene_rng.uniform(*noise.flyback_px),
        "gain": scene_rng.uniform(*noise.gain),
        "offset": scene_rng.uniform(*noise.offset),
        "clip_low": scene_rng.uniform(*noise.clip_low),
        "clip_high": scene_rng.uniform(*noise.clip_high),
    }
    drawn["smoothing_px"] = scene_rng.uniform(*noise.smoothing_px) if noise.smoothing_px[1] else 0.0
    drawn = {name: float(value) for name, value in drawn.items()}
    drawn |= {
        "shot_noise_alone": alone,
        "frames": whole(noise.frames, scene_rng),
        "jumps": whole(noise.jumps, scene_rng),
        "bits": whole(noise.bits, scene_rng) if noise.bits else 0,
        "dead_lines": whole(noise.dead_lines, rng),
        "hot_lines": whole(noise.hot_lines, rng),
    }
    drifts, phases = [(length, heading)], [[drawn[f"mains_phase_{wave + 1}_rad"] for wave in range(_MAINS_WAVES)]]
    if alone:
        drawn |= _BESIDE_SHOT_NOISE
        drifts = [(0.0, 0.0)]
    for _ in range(1, drawn["frames"]):
        drifts.append((scene_rng.uniform(*noise.drift_A), scene_rng.uniform(0, 2 * np.pi)))
        phases.append(scene_rng.uniform(0, 2 * np.pi, _MAINS_WAVES).tolist())
    paths = np.array([[length * np.cos(heading), length * np.sin(heading)] for length, heading in drifts])
    drawn |= dict(zip(("drift_x_A", "drift_y_A"), paths.mean(0).tolist()))

    shear = float(np.tan(np.deg2rad(drawn["shear_deg"])))
    pickup = drawn["pickup_A"] / pixel_size * np.array([np.cos(drawn["pickup_rad"]), np.sin(drawn["pickup_rad"])])

    def jumped() -> tuple[tuple[int, float, float], ...]:
        sizes = scene_rng.normal(0, drawn["jump_A"] / pixel_size, (drawn["jumps"], 2)).tolist()
        return tuple((int(scene_rng.integers(1, rows)), x, y) for x, y in sizes)

    def lines(count: int) -> tuple[int, ...]:
        return tuple(rng.choice(rows, min(count, rows), replace=False).tolist()) if count else ()

    scans = tuple(
        Scan(
            rows=rows,
            step=(float(x / pixel_size / rows + shear), float(y / pixel_size / rows)),
            pickup=(float(pickup[0]), float(pickup[1])),
            periods_per_row=1e-6 * drawn["line_us"] * noise.mains_Hz,
            phases=tuple(waves),
            jumps=jumped(),
            odd_even=drawn["odd_even_A"] / pixel_size,
            stretch=drawn["flyback_stretch"],
            settling=drawn["flyback_px"],
            jitter=rng.normal(0, drawn["jitter_A"] / pixel_size, (rows, 2)) if drawn["jitter_A"] else None,
            dead=lines(drawn["dead_lines"]),
            hot=lines(drawn["hot_lines"]),
        )
        for (x, y), waves in zip(paths, phases)
    )
    return drawn, scans
