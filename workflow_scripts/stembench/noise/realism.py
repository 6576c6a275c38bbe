"""How near synthetic noise comes to the noise of a real image, on crops that calibration never saw.

Calibration sees the left half of each image. The right half is divided into its upper and its lower part. Real crops of
one part are compared with synthetic crops of the other: that part's own lattice under the noise of each model,
calibrated on the left half, the published default, and TEMImageNet's. So no comparison shows one lattice twice, and
what a classifier learns of a lattice misleads it on the other part. The lattice is an estimate, which keeps a little
noise and loses a little signal, and the same under every model.

Crops are drawn at random, over and over. The floor is one part, real, against the other part, real; noise that cannot
be told from the real one has the distance of the floor. Images of datasets are compared as they are, by what does not
depend on their lattice.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from scipy import constants, ndimage, stats

from stembench.imaging.detectors import DARK_FIELD, Mode
from stembench.noise.calibrated import (
    PUBLISHED,
    SPLINE_SD,
    NoiseParameters,
    calibrated_noise,
    smooth_gradient,
    tukey_variates,
    uniform_variates,
    unit_streaks,
)
from stembench.noise.calibration import calibrate, parameters_of
from stembench.noise.crop_statistics import DATASET, FLOOR, LEARNT, NOISES, STATISTICS
from stembench.noise.decomposition import GREY_PERCENTILES
from stembench.noise.lattice import lattice_estimate
from stembench.noise.physical import shifted_rows, shot_noise
from stembench.noise.suitability import MIN_SIDE_PX
from stembench.noise.two_sample import linear_scores, network_scores

_CROP_PX = 64
_SHOWN_PX = 128  # edge of the window that a figure shows
_MAX_CROPS = 256  # of the largest images a random part is enough, and takes seconds instead of minutes
_HALVINGS = 100
_DRAWN = 0.75  # of the crops of each part, in each draw
_DATASET_IMAGES = 24

# TEMImageNet's scan and shot noise: jitter from its files; dwell time, current and mains frequency inferred from them
# (doi 10.1038/s41598-021-84499-w); its rows have 256 px.
_JITTER_A = (0.20, 0.29)
_DWELL_S, _BEAM_A, _MAINS_HZ, _ROW_PX = 16e-6, 30e-12, 60, 256


def assess_instruments(
    instruments: Mapping[str, Mapping[str, xr.DataArray]],
    dark_field_fraction: float,
    bright_field_fraction: float,
    datasets: Mapping[str, Mapping[str, np.ndarray]] | None = None,
) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """Assess every instrument, and keep of each image what a figure shows.

    Parameters
    ----------
    instruments : mapping of mapping of DataArray, dims (y, x)
        Raw lab images by instrument and name. Those that are too small are left out.
    dark_field_fraction, bright_field_fraction : float
        Fraction of the incident beam at grey level 255.
    datasets : mapping of mapping of ndarray, shape (images, rows, columns)
        By instrument, images of the datasets that carry its noise, by name.

    Returns
    -------
    table : DataFrame
        Rows of `distances`, each beginning with `instrument`, `image`, and ending with the image's `pixel_size_A`.
    crops : dict of ndarray, shape (1 + noises, rows, columns)
        Of each `instrument/image` a window of the real image, and the same under each of `NOISES` [grey].
    """
    tables, crops = [], {}
    for instrument, shown in instruments.items():
        images = {name: image for name, image in shown.items() if can_be_assessed(image)}
        if not images:
            continue
        shown_with = {
            name: [_full_range(each) for each in stack[:_DATASET_IMAGES]]
            for name, stack in (datasets or {}).get(instrument, {}).items()
            if min(stack.shape[1:]) >= _CROP_PX
        }
        table, versions = assess(images, dark_field_fraction, bright_field_fraction, datasets=shown_with)
        table.insert(0, "instrument", instrument)
        pixel_sizes = {name: image.attrs["pixel_size_A"] for name, image in images.items()}
        tables.append(table.assign(pixel_size_A=table.image.map(pixel_sizes)))
        for name, version in versions.items():
            window = _brightest(version["real"])
            crops[f"{instrument}/{name}"] = np.stack([version[noise][window] for noise in ("real", *NOISES)])
    empty = pd.DataFrame(columns=["instrument", "image", "noise", "statistic", "pixel_size_A"])
    return pd.concat(tables) if tables else empty, crops


def _full_range(image: np.ndarray) -> np.ndarray:
    """An image on the grey scale of real ones."""
    low, high = np.percentile(image, GREY_PERCENTILES)
    return (image.astype(float) - low) * (255 / max(high - low, 1e-12))


def _brightest(grey: np.ndarray) -> tuple[slice, slice]:
    """Return the window with most of the specimen or, in bright field, most of the light."""
    edge = [min(n, _SHOWN_PX) for n in grey.shape]
    means = ndimage.uniform_filter(grey, edge)
    inner = tuple(slice(n // 2, size - n // 2 + 1) for n, size in zip(edge, grey.shape))
    y, x = np.unravel_index(means[inner].argmax(), means[inner].shape)
    return slice(y, y + edge[0]), slice(x, x + edge[1])


def can_be_assessed(image: np.ndarray | xr.DataArray) -> bool:
    """Whether half of an image is large enough to calibrate on."""
    rows, columns = image.shape
    return rows >= 2 * MIN_SIDE_PX and columns // 2 >= 2 * MIN_SIDE_PX


def seen_half(image: np.ndarray) -> np.ndarray:
    """The left half, for calibration."""
    return image[:, : image.shape[1] // 2]


def unseen_half(image: np.ndarray) -> np.ndarray:
    """The right half, raw, on the grey scale of the left half: nothing of it enters what is compared with it."""
    low, high = np.percentile(seen_half(image), GREY_PERCENTILES)
    return (image[:, image.shape[1] // 2 :] - low) * (255 / (high - low))


def synthetic_versions(
    grey: np.ndarray,
    parameters: NoiseParameters,
    mode: Mode,
    pixel_size: float,
    beam_fraction: float,
    rng: np.random.Generator,
) -> dict[str, np.ndarray]:
    """The lattice of a real image under each of `NOISES`.

    Parameters
    ----------
    grey : ndarray, shape (rows, columns)
        Real image [grey].
    parameters : NoiseParameters
        Calibrated on other pixels of the instrument.
    mode : str
        Detector; the published noise is that of HAADF for dark fields and of BF for bright ones.
    pixel_size : float
        [A].
    beam_fraction : float
        Fraction of the incident beam at grey level 255, which gives TEMImageNet's current a meaning.
    rng : numpy.random.Generator
        Source of randomness.
    """
    lattice = lattice_estimate(grey)
    published = PUBLISHED["HAADF" if mode in DARK_FIELD else "BF"]
    return {
        "calibrated": calibrated_noise(lattice, parameters, rng),
        "published": published_noise(lattice, published, rng),
        "temimagenet": temimagenet_noise(lattice, pixel_size, beam_fraction, rng),
    }


def published_noise(grey: np.ndarray, parameters: NoiseParameters, rng: np.random.Generator) -> np.ndarray:
    """SFIN's noise as its authors render it: knots whose SD is a steep function of the fitted line's.

    The line's SD s at gradients 0 and 40 becomes one of 4 (s + 0.6) - 16 at the knots, mixed by clip(gradient / 80,
    0, 1). Source: published code of arXiv 2504.02555. Parameters as for `calibrated.calibrated_noise`.
    """
    flat, steep = np.maximum(4 * (parameters.scan_sd(np.array([0.0, 40.0])) + 0.6) - 16, 0)
    mixed = np.clip(smooth_gradient(grey) / 80, 0, 1)
    scanned = grey + unit_streaks(grey.shape, rng) * SPLINE_SD * (flat + (steep - flat) * mixed)
    points = tukey_variates(uniform_variates(grey.shape, rng), parameters.tukey_lambda)
    return scanned + parameters.pointwise_sd(scanned) * points


def temimagenet_noise(
    grey: np.ndarray, pixel_size: float, beam_fraction: float, rng: np.random.Generator
) -> np.ndarray:
    """TEMImageNet's row jitter and shot noise, 16 us a pixel at 30 pA, on grey levels that are 0 without electrons.

    Its jitter swells with the mains: dx = N(0, 1) jitter sin(2 pi f t + phase), dy likewise.
    Source: doi 10.1038/s41598-021-84499-w. Parameters as for `synthetic_versions`.
    """
    electrons = _DWELL_S * _BEAM_A / constants.e
    rows_a_period = 1 / (_MAINS_HZ * _ROW_PX * _DWELL_S)
    phases = rng.uniform(0, 2 * np.pi, 2)
    wave = np.sin(2 * np.pi * np.arange(len(grey))[:, None] / rows_a_period + phases)
    jitter = rng.normal(0, rng.uniform(*_JITTER_A) / pixel_size, (len(grey), 2))
    scanned = shifted_rows(grey, jitter * wave)
    counts = shot_noise(scanned * (beam_fraction / 255), electrons / pixel_size**2, pixel_size, rng)
    return counts * (255 / (beam_fraction * electrons))


def assess(
    images: Mapping[str, xr.DataArray],
    dark_field_fraction: float,
    bright_field_fraction: float,
    seed: int = 0,
    datasets: Mapping[str, Sequence[np.ndarray]] | None = None,
) -> tuple[pd.DataFrame, dict[str, dict[str, np.ndarray]]]:
    """Calibrate an instrument on the left halves of its images, and compare synthetic noise on the right halves.

    Parameters
    ----------
    images : mapping of str to DataArray, dims (y, x)
        Lab images by name, raw; each passes `can_be_assessed`. Attributes `pixel_size_A` and `mode` are used.
    dark_field_fraction, bright_field_fraction : float
        Fraction of the incident beam at grey level 255.
    seed : int
        Of the calibration, the synthetic noise and the crops.
    datasets : mapping of str to sequence of ndarray
        As for `distances`.

    Returns
    -------
    table : DataFrame
        Rows of `distances`, each beginning with `image`.
    versions : dict of dict of ndarray
        By image: `real`, and its lattice under each of `NOISES`, right halves [grey].

    Raises
    ------
    InputError
        If an image cannot be calibrated on; the message names it.
    """
    raw = {name: np.asarray(image, float) for name, image in images.items()}
    parameters = parameters_of(calibrate({name: seen_half(image) for name, image in raw.items()}, seed))
    tables, versions = [], {}
    for number, (name, image) in enumerate(images.items()):
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(number,)))
        mode, real = image.attrs["mode"], unseen_half(raw[name])
        fraction = dark_field_fraction if mode in DARK_FIELD else bright_field_fraction
        made = [
            synthetic_versions(half, parameters, mode, image.attrs["pixel_size_A"], fraction, rng)
            for half in _halves(real)
        ]
        synthetic = {noise: np.concatenate([each[noise] for each in made]) for noise in NOISES}
        table = distances(real, synthetic, rng, datasets)
        table.insert(0, "image", name)
        tables.append(table)
        versions[name] = {"real": real, **synthetic}
    return pd.concat(tables), versions


def distances(
    real: np.ndarray,
    synthetic: Mapping[str, np.ndarray],
    rng: np.random.Generator,
    datasets: Mapping[str, Sequence[np.ndarray]] | None = None,
) -> pd.DataFrame:
    """Distances of synthetic images from a real one.

    Parameters
    ----------
    real : ndarray, shape (rows, columns)
        [grey].
    synthetic : mapping of str to ndarray, shape (rows, columns)
        By the name of the noise, `calibrated` among them; the upper and the lower half each of its own lattice.
    rng : numpy.random.Generator
        Draws the crops; every noise is compared on the same ones.
    datasets : mapping of str to sequence of ndarray
        Whole images of datasets by name [grey], at least 64 px a side, which are compared by the statistics `of_noise`.

    Returns
    -------
    DataFrame
        A row a noise (`FLOOR` and datasets last) and statistic of `STATISTICS` and of `LEARNT`, and `all` of them:
        `unit`, `n_crops`, `distance` (the mean over random crops) with the 2.5 and 97.5 percentiles, `distance_low` and
        `distance_high`; `over_floor`, the distance as a multiple of the floor's; and `calibrated_nearer`, the fraction
        of draws in which calibrated noise is nearer than the row's. The distance of `all` is the geometric mean of the
        statistics' distances, each over the floor's mean, so that every statistic counts the same. Datasets have no
        `all` and no `calibrated_nearer`.
    """
    versions = {**synthetic, FLOOR: real}
    parts = {name: [_Part.of(half) for half in _halves(image)] for name, image in versions.items()}
    chosen = [rng.permutation(len(part.crops))[: _MAX_CROPS // 2] for part in parts[FLOOR]]
    parts = {name: [part.only(kept) for part, kept in zip(each, chosen)] for name, each in parts.items()}
    draws = [_drawn(number % 2, [len(kept) for kept in chosen], rng) for number in range(_HALVINGS)]
    seed = int(rng.integers(2**31))
    drawn, floors = {}, {}
    for statistic, compared in STATISTICS.items():
        measured = {name: [compared.measure(*part) for part in each] for name, each in parts.items()}
        for name, one in measured.items():
            drawn[name, statistic] = np.array(
                [compared.distance(one[n][first], measured[FLOOR][1 - n][second]) for n, first, second in draws]
            )
        floors[statistic] = drawn[FLOOR, statistic].mean()
        for name, images in (datasets or {}).items() if compared.of_noise else ():
            whole = compared.measure(*_together([_Part.of(image) for image in images]))
            share = min(len(whole), max(2, int(_DRAWN * len(whole))))
            picked = [rng.permutation(len(whole))[:share] for _ in draws]
            drawn[DATASET + name, statistic] = np.array(
                [
                    compared.distance(whole[crops], measured[FLOOR][1 - n][other])
                    for crops, (n, _, other) in zip(picked, draws)
                ]
            )
    for statistic in LEARNT:
        for name in synthetic:
            drawn[name, statistic], chance = _told(statistic, parts[name], parts[FLOOR], draws, seed)
            if name == "calibrated":
                drawn[FLOOR, statistic] = chance
        floors[statistic] = drawn[FLOOR, statistic].mean()
    for name in versions:
        relative = np.array([drawn[name, statistic] / floors[statistic] for statistic in floors])
        drawn[name, "all"] = np.exp(np.log(np.maximum(relative, 1e-12)).mean(0))
    floors["all"] = drawn[FLOOR, "all"].mean()
    units = {name: compared.unit for name, compared in STATISTICS.items()}
    rows = []
    for (name, statistic), values in drawn.items():
        low, high = np.percentile(values, [2.5, 97.5])
        others = name not in ("calibrated", FLOOR) and not name.startswith(DATASET)
        rows.append(
            {
                "noise": name,
                "statistic": statistic,
                "unit": units.get(statistic, ""),
                "n_crops": sum(map(len, chosen)),
                "distance": values.mean(),
                "distance_low": low,
                "distance_high": high,
                "over_floor": values.mean() / floors[statistic],
                "calibrated_nearer": np.mean(drawn["calibrated", statistic] < values) if others else np.nan,
            }
        )
    return pd.DataFrame(rows)


class _Part(NamedTuple):
    """Crops of a part of an image and of the estimate of its lattice, shape (crops, edge, edge) each."""

    crops: np.ndarray
    lattices: np.ndarray

    @classmethod
    def of(cls, image: np.ndarray) -> "_Part":
        return cls(_crops(image), _crops(lattice_estimate(image)))

    def only(self, kept: np.ndarray) -> "_Part":
        return _Part(self.crops[kept], self.lattices[kept])


def _together(parts: Sequence[_Part]) -> _Part:
    return _Part(*(np.concatenate(each) for each in zip(*parts)))


def _halves(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Upper and lower half."""
    return image[: len(image) // 2], image[len(image) // 2 :]


def _drawn(part: int, counts: Sequence[int], rng: np.random.Generator) -> tuple[int, np.ndarray, np.ndarray]:
    """A part, crops of it, and crops of the other part."""
    first, second = (rng.permutation(n)[: max(2, int(_DRAWN * n))] for n in (counts[part], counts[1 - part]))
    return part, first, second


def _told(
    statistic: str, synthetic: Sequence[_Part], real: Sequence[_Part], draws: Sequence[tuple], seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """How well a classifier tells synthetic from real crops in each draw, and how well chance does.

    It learns on synthetic crops of one part and real ones of the other, and is asked about the synthetic crops of the
    other and the real ones of the one. |2 AUC - 1|: 0 if it cannot tell them, 1 if it always can. Chance is the
    classifier's view of real crops that are called synthetic at random.
    """
    scored = {"classifier": linear_scores, "network": network_scores}[statistic]
    scores = []
    for part in (0, 1):
        learnt = synthetic[1 - part].crops, real[part].crops
        asked = np.concatenate([synthetic[part].crops, real[1 - part].crops])
        found = scored(learnt, asked, seed)
        scores.append(np.split(found, [len(synthetic[part].crops)]))
    told, chance = [], []
    for part, first, second in draws:
        made, seen = scores[part][0][first], scores[part][1][second]
        told.append(_separation(made, seen))
        chance.append(_separation(*np.array_split(seen, 2)))
    return np.array(told), np.array(chance)


def _separation(first: np.ndarray, second: np.ndarray) -> float:
    above = stats.mannwhitneyu(first.ravel(), second.ravel()).statistic
    return float(abs(2 * above / (first.size * second.size) - 1))


def _crops(image: np.ndarray) -> np.ndarray:
    """Square crops side by side, shape (crops, edge, edge)."""
    down, across = (n // _CROP_PX for n in image.shape)
    whole = image[: down * _CROP_PX, : across * _CROP_PX]
    return whole.reshape(down, _CROP_PX, across, _CROP_PX).swapaxes(1, 2).reshape(-1, _CROP_PX, _CROP_PX)
