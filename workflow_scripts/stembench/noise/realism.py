"""How near synthetic noise comes to the noise of a real image, on crops that calibration never saw.

Calibration sees the left half of each image. The right half is compared with images of its own lattice under the noise
of each model: calibrated on the left half, the published default, and TEMImageNet's. The lattice is an estimate, which
keeps a little noise and loses a little signal, and the same under every model.

The crops of the right half are divided in two at random, over and over. One half of them, real, is compared with the
other half, synthetic; the floor is one half, real, against the other half, real. So no model is favoured by showing
the very specimen it is compared with, and noise that cannot be told from the real one has the distance of the floor.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from scipy import constants, fft, ndimage, signal
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.metrics import roc_auc_score

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
from stembench.noise.decomposition import GREY_PERCENTILES, MAX_GRADIENT, SMOOTH_PX, gradient_magnitude
from stembench.noise.lattice import lattice_estimate
from stembench.noise.physical import row_jitter, shot_noise
from stembench.noise.suitability import MIN_SIDE_PX

#: What real noise is compared with; each name is a row of the table.
NOISES = ("calibrated", "published", "temimagenet")
#: One half of the real crops against the other.
FLOOR = "real_halves"

_CROP_PX = 64
_SHOWN_PX = 128  # edge of the window that a figure shows
_MAX_CROPS = 256  # of the largest images a random part is enough, and takes seconds instead of minutes
_HALVINGS = 100
_HISTOGRAM = np.arange(-128, 128.5, 0.5)  # edges [grey]; what lies beyond counts as at the end
_GRADIENT_STEP = 3.0
_MIN_PIXELS_A_BIN = 200  # as in the published trend
_LAGS_PX = 8
_PATCH_PX = 8
_ROUNDING = 1 / 12  # variance of rounding to whole grey levels, which keeps the logarithm finite

# TEMImageNet's scan and shot noise: jitter from its files; dwell time, current and mains frequency inferred from them
# (doi 10.1038/s41598-021-84499-w); its rows have 256 px.
_JITTER_A = (0.20, 0.29)
_DWELL_S, _BEAM_A, _MAINS_HZ, _ROW_PX = 16e-6, 30e-12, 60, 256


@dataclass(frozen=True)
class Statistic:
    """A distance between two sets of crops.

    Attributes
    ----------
    label, unit : str
        For a figure; an empty unit is a number between 0 and 1 or a correlation.
    measure : callable
        Crops, shape (crops, rows, columns) [grey], to what is compared of each, shape (crops, ...).
    distance : callable
        Two such arrays to a number that is 0 for equals.
    """

    label: str
    unit: str
    measure: Callable[[np.ndarray], np.ndarray]
    distance: Callable[[np.ndarray, np.ndarray], float]


def assess_instruments(
    instruments: Mapping[str, Mapping[str, xr.DataArray]], dark_field_fraction: float, bright_field_fraction: float
) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """Assess every instrument, and keep of each image what a figure shows.

    Parameters
    ----------
    instruments : mapping of mapping of DataArray, dims (y, x)
        Raw lab images by instrument and name. Those that are too small are left out.
    dark_field_fraction, bright_field_fraction : float
        Fraction of the incident beam at grey level 255.

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
        table, versions = assess(images, dark_field_fraction, bright_field_fraction)
        table.insert(0, "instrument", instrument)
        pixel_sizes = {name: image.attrs["pixel_size_A"] for name, image in images.items()}
        tables.append(table.assign(pixel_size_A=table.image.map(pixel_sizes)))
        for name, version in versions.items():
            window = _brightest(version["real"])
            crops[f"{instrument}/{name}"] = np.stack([version[noise][window] for noise in ("real", *NOISES)])
    empty = pd.DataFrame(columns=["instrument", "image", "noise", "statistic", "pixel_size_A"])
    return pd.concat(tables) if tables else empty, crops


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

    Source: doi 10.1038/s41598-021-84499-w. Parameters as for `synthetic_versions`.
    """
    electrons = _DWELL_S * _BEAM_A / constants.e
    rows_a_period = 1 / (_MAINS_HZ * _ROW_PX * _DWELL_S)
    scanned = row_jitter(grey, rng.uniform(*_JITTER_A) / pixel_size, rows_a_period, rng)
    counts = shot_noise(scanned * (beam_fraction / 255), electrons / pixel_size**2, pixel_size, rng)
    return counts * (255 / (beam_fraction * electrons))


def assess(
    images: Mapping[str, xr.DataArray], dark_field_fraction: float, bright_field_fraction: float, seed: int = 0
) -> tuple[pd.DataFrame, dict[str, dict[str, np.ndarray]]]:
    """Calibrate an instrument on the left halves of its images, and compare synthetic noise on the right halves.

    Parameters
    ----------
    images : mapping of str to DataArray, dims (y, x)
        Lab images by name, raw; each passes `can_be_assessed`. Attributes `pixel_size_A` and `mode` are used.
    dark_field_fraction, bright_field_fraction : float
        Fraction of the incident beam at grey level 255.
    seed : int
        Of the calibration, the synthetic noise and the halving.

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
        synthetic = synthetic_versions(real, parameters, mode, image.attrs["pixel_size_A"], fraction, rng)
        table = distances(real, synthetic, rng)
        table.insert(0, "image", name)
        tables.append(table)
        versions[name] = {"real": real, **synthetic}
    return pd.concat(tables), versions


def distances(real: np.ndarray, synthetic: Mapping[str, np.ndarray], rng: np.random.Generator) -> pd.DataFrame:
    """Distances of synthetic images from a real one.

    Parameters
    ----------
    real : ndarray, shape (rows, columns)
        [grey].
    synthetic : mapping of str to ndarray, shape (rows, columns)
        By the name of the noise, `calibrated` among them.
    rng : numpy.random.Generator
        Chooses and halves the crops; every noise is compared on the same halves.

    Returns
    -------
    DataFrame
        A row a noise (`FLOOR` last) and statistic of `STATISTICS`, and `all` of them: `unit`, `n_crops`, `distance`
        (the mean over random halves) with the 2.5 and 97.5 percentiles over the halves, `distance_low` and
        `distance_high`; `over_floor`, the distance as a multiple of the floor's; and `calibrated_nearer`, the fraction
        of halvings in which calibrated noise is nearer than the row's. The distance of `all` is the geometric mean of
        the statistics' distances, each over the floor's mean, so that every statistic counts the same.
    """
    versions = {**synthetic, FLOOR: real}
    crops = {name: _crops(image) for name, image in versions.items()}
    chosen = rng.permutation(len(crops[FLOOR]))[:_MAX_CROPS]
    halvings = [np.array_split(rng.permutation(len(chosen)), 2) for _ in range(_HALVINGS)]
    drawn, floors = {}, {}
    for statistic, compared in STATISTICS.items():
        measured = {name: compared.measure(stack[chosen]) for name, stack in crops.items()}
        for name, one in measured.items():
            drawn[name, statistic] = np.array(
                [compared.distance(one[first], measured[FLOOR][second]) for first, second in halvings]
            )
        floors[statistic] = drawn[FLOOR, statistic].mean()
    for name in versions:
        relative = np.array([drawn[name, statistic] / floors[statistic] for statistic in STATISTICS])
        drawn[name, "all"] = np.exp(np.log(np.maximum(relative, 1e-12)).mean(0))
    floors["all"] = drawn[FLOOR, "all"].mean()
    units = {name: compared.unit for name, compared in STATISTICS.items()}
    rows = []
    for (name, statistic), values in drawn.items():
        low, high = np.percentile(values, [2.5, 97.5])
        nearer = np.mean(drawn["calibrated", statistic] < values)
        rows.append(
            {
                "noise": name,
                "statistic": statistic,
                "unit": units.get(statistic, ""),
                "n_crops": len(chosen),
                "distance": values.mean(),
                "distance_low": low,
                "distance_high": high,
                "over_floor": values.mean() / floors[statistic],
                "calibrated_nearer": np.nan if name in ("calibrated", FLOOR) else nearer,
            }
        )
    return pd.DataFrame(rows)


def _crops(image: np.ndarray) -> np.ndarray:
    """Square crops side by side, shape (crops, edge, edge)."""
    down, across = (n // _CROP_PX for n in image.shape)
    whole = image[: down * _CROP_PX, : across * _CROP_PX]
    return whole.reshape(down, _CROP_PX, across, _CROP_PX).swapaxes(1, 2).reshape(-1, _CROP_PX, _CROP_PX)


def _row_spectrum(crops: np.ndarray) -> np.ndarray:
    """Mean power of the rows at each frequency above 0."""
    return signal.periodogram(crops, window="hann", axis=2)[1].mean(axis=1)[:, 1:]


def _column_spectrum(crops: np.ndarray) -> np.ndarray:
    return _row_spectrum(crops.swapaxes(1, 2))


def _log_spectral_distance(first: np.ndarray, second: np.ndarray) -> float:
    """RMS over frequencies of the ratio of two mean power spectra [dB]; doi 10.1109/TASSP.1976.1162849."""
    return float(np.sqrt(np.mean((10 * np.log10(first.mean(0) / second.mean(0))) ** 2)))


def _pointwise_histogram(crops: np.ndarray) -> np.ndarray:
    """Histogram of the published decomposition's pointwise noise."""
    noise = crops - ndimage.gaussian_filter1d(crops, SMOOTH_PX, axis=2)
    noise = np.clip(noise, _HISTOGRAM[0], _HISTOGRAM[-1])
    return np.array([np.histogram(each, _HISTOGRAM)[0] for each in noise])


def _wasserstein_distance(first: np.ndarray, second: np.ndarray) -> float:
    """Area between two cumulative histograms, which is their Wasserstein-1 distance [grey]."""
    first, second = (np.cumsum(each.sum(0)) / each.sum() for each in (first, second))
    return float(np.abs(first - second).sum() * (_HISTOGRAM[1] - _HISTOGRAM[0]))


def _scan_noise_moments(crops: np.ndarray) -> np.ndarray:
    """Pixels, sum and sum of squares of the published decomposition's scan noise in bins of the gradient."""
    edges = np.arange(0, MAX_GRADIENT + _GRADIENT_STEP / 2, _GRADIENT_STEP)
    moments = []
    for crop in crops:
        smooth = ndimage.gaussian_filter(crop, SMOOTH_PX)
        noise = ndimage.gaussian_filter1d(crop, SMOOTH_PX, axis=1) - smooth
        gradient = gradient_magnitude(smooth)
        moments.append([np.histogram(gradient, edges, weights=noise**power)[0] for power in (0, 1, 2)])
    return np.array(moments)


def _gradient_distance(first: np.ndarray, second: np.ndarray) -> float:
    """RMS difference of scan-noise SD over the gradients that both show [grey], each gradient counting the same."""
    moments = np.stack([first.sum(0), second.sum(0)])
    shared = moments[:, :, (moments[:, 0] >= _MIN_PIXELS_A_BIN).all(axis=0)]
    means, squares = shared[:, 1] / shared[:, 0], shared[:, 2] / shared[:, 0]
    sds = np.sqrt(np.maximum(squares - means**2, 0))
    return float(np.sqrt(np.mean((sds[0] - sds[1]) ** 2)))


def _autocovariance(crops: np.ndarray) -> np.ndarray:
    """2-D autocovariance of what a Gaussian blur leaves, at lags of up to 8 px."""
    rest = crops - ndimage.gaussian_filter(crops, (0, SMOOTH_PX, SMOOTH_PX))
    rest -= rest.mean(axis=(1, 2), keepdims=True)
    lags = slice(_CROP_PX - 1 - _LAGS_PX, _CROP_PX + _LAGS_PX)
    return signal.fftconvolve(rest, rest[:, ::-1, ::-1], axes=(1, 2))[:, lags, lags]


def _autocorrelation_distance(first: np.ndarray, second: np.ndarray) -> float:
    """RMS difference of autocorrelation over the lags but zero."""
    first, second = (each.sum(0) / each.sum(0)[_LAGS_PX, _LAGS_PX] for each in (first, second))
    return float(np.sqrt(np.sum((first - second) ** 2) / (first.size - 1)))


def _patch_features(crops: np.ndarray) -> np.ndarray:
    """Logarithmic power of each patch's cosine transform but its mean, shape (crops, patches, features)."""
    patches = _patches(crops)
    power = fft.dctn(patches, axes=(2, 3), norm="ortho") ** 2
    features = np.log(power + _ROUNDING).astype(np.float32)  # twice as fast to classify
    return features.reshape(*patches.shape[:2], -1)[:, :, 1:]


def _patches(crops: np.ndarray) -> np.ndarray:
    n = _CROP_PX // _PATCH_PX
    tiled = crops.reshape(len(crops), n, _PATCH_PX, n, _PATCH_PX).swapaxes(2, 3)
    return tiled.reshape(len(crops), n * n, _PATCH_PX, _PATCH_PX)


def _classifier_distance(first: np.ndarray, second: np.ndarray) -> float:
    """Classifier two-sample test: how well a linear discriminant that learns on half of the crops tells the others.

    |2 AUC - 1|: 0 if it cannot, 1 if it always can. Source: Lopez-Paz & Oquab, arXiv 1610.06545.
    """
    learnt, asked = zip(*(np.array_split(each, 2) for each in (first, second)))
    classifier = LinearDiscriminantAnalysis(solver="lsqr").fit(*_labelled(learnt))
    patches, labels = _labelled(asked)
    return float(abs(2 * roc_auc_score(labels, classifier.decision_function(patches)) - 1))


def _labelled(classes: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    flat = [each.reshape(-1, each.shape[-1]) for each in classes]
    return np.concatenate(flat), np.repeat([0, 1], [len(each) for each in flat])


#: Row and column spectra, pointwise distribution and gradient dependence; the last two calibration never fits.
STATISTICS = {
    "row_spectrum": Statistic("Row spectrum", "dB", _row_spectrum, _log_spectral_distance),
    "column_spectrum": Statistic("Column spectrum", "dB", _column_spectrum, _log_spectral_distance),
    "pointwise": Statistic("Pointwise distribution", "grey", _pointwise_histogram, _wasserstein_distance),
    "gradient": Statistic("Gradient dependence", "grey", _scan_noise_moments, _gradient_distance),
    "autocorrelation": Statistic("2-D autocorrelation", "", _autocovariance, _autocorrelation_distance),
    "classifier": Statistic("Classifier", "", _patch_features, _classifier_distance),
}
