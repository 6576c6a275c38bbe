from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import ndimage, stats
from stembench.noise import realism, two_sample
from stembench.noise.calibrated import NoiseParameters, calibrated_noise
from stembench.noise.crop_statistics import DATASET, FLOOR, LEARNT, NOISES, STATISTICS
from stembench.noise.physical import shifted_rows
from stembench.noise.realism import assess, can_be_assessed, distances, temimagenet_noise, unseen_half

pytestmark = pytest.mark.slow

RIGHT = NoiseParameters(0.15, 4.0, 0.03, 9.0, 0.13)
WRONG = {
    "scan slope": replace(RIGHT, scan_slope=0.3),
    "scan intercept": replace(RIGHT, scan_intercept=9.0),
    "pointwise intercept": replace(RIGHT, pointwise_intercept=14.0),
    "Tukey lambda": replace(RIGHT, tukey_lambda=-0.3),
    "row jitter": replace(RIGHT, jitter_x_px=0.9),
}


@pytest.fixture(scope="module", autouse=True)
def few_halvings():
    """Enough of them to tell a difference as large as those here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(realism, "_HALVINGS", 40)
        yield


@pytest.fixture(scope="module")
def lattice() -> np.ndarray:
    """A square lattice of columns on the grey scale, 512 x 512."""
    y, x = np.mgrid[:512, :512]
    return 30 + 48 * (2 + np.cos(2 * np.pi * x / 23.1) + np.cos(2 * np.pi * y / 21.7))


@pytest.fixture(scope="module")
def instrument_table(lattice) -> pd.DataFrame:
    """`assess` of an image with known noise."""
    noisy = calibrated_noise(lattice, RIGHT, np.random.default_rng(0))
    image = xr.DataArray(noisy, attrs={"pixel_size_A": 0.1, "mode": "HAADF"})
    table, versions = assess({"mine": image}, 0.1, 0.5)
    assert set(versions["mine"]) == {"real", *NOISES}
    return table


@pytest.fixture(scope="module")
def compared(lattice) -> pd.DataFrame:
    """Right and wrong noise on a known lattice against right noise, by noise and statistic."""
    lattice = lattice[:, :256]
    noises = {"calibrated": RIGHT, **WRONG}
    real, *synthetic = (
        calibrated_noise(lattice, noise, np.random.default_rng(seed))
        for seed, noise in enumerate([RIGHT, *noises.values()])
    )
    table = distances(real, dict(zip(noises, synthetic)), np.random.default_rng(0))
    return table.set_index(["noise", "statistic"])


def white(sd: float = 10.0, seed: int = 0, crops: int = 32) -> np.ndarray:
    return 128 + sd * np.random.default_rng(seed).standard_normal((crops, 64, 64))


def distance(statistic: str, first: np.ndarray, second: np.ndarray) -> float:
    compared = STATISTICS[statistic]
    return compared.distance(*(compared.measure(each, np.full_like(each, 128)) for each in (first, second)))


def test_calibration_sees_no_pixel_that_it_is_judged_on(lattice, monkeypatch):
    marked = lattice.copy()
    marked[:, 256:] = np.nan
    seen = []

    def watched(images, seed):
        seen.extend(images.values())
        raise InterruptedError

    monkeypatch.setattr(realism, "calibrate", watched)
    with pytest.raises(InterruptedError):
        assess({"mine": xr.DataArray(marked, attrs={"pixel_size_A": 0.1, "mode": "HAADF"})}, 0.1, 0.5)
    (half,) = seen
    assert np.isfinite(half).all()
    assert half.size == lattice.size / 2
    assert np.isnan(unseen_half(marked)).all()


def test_calibrated_noise_is_the_nearest_to_the_instrument_it_was_calibrated_on(instrument_table):
    table = instrument_table.set_index(["noise", "statistic"])
    for other in ("published", "temimagenet"):
        assert table.distance["calibrated", "all"] < table.distance[other, "all"]
        assert table.calibrated_nearer[other, "all"] > 0.95


def test_the_table_has_every_noise_and_statistic_once(instrument_table):
    table = instrument_table
    expected = {(noise, statistic) for noise in (*NOISES, FLOOR) for statistic in (*STATISTICS, *LEARNT, "all")}
    assert set(zip(table.noise, table.statistic)) == expected
    assert len(table) == len(expected)
    assert (table.image == "mine").all()
    assert (table.n_crops == 8 * 4).all()


def test_the_same_noise_drawn_again_has_the_distance_of_the_floor(compared):
    for statistic in (*STATISTICS, "all"):
        floor = compared.loc[(FLOOR, statistic)]
        assert floor.distance_low < compared.distance["calibrated", statistic] < floor.distance_high
        assert 0.5 < compared.over_floor["calibrated", statistic] < 1.8
    for statistic in LEARNT:  # learnt once, by chance better or worse
        assert compared.distance["calibrated", statistic] < 0.25


@pytest.mark.parametrize(
    ("wrong", "statistics"),
    [
        ("scan slope", ["gradient"]),
        ("scan intercept", ["row_spectrum", "gradient", "autocorrelation", "classifier"]),
        ("row jitter", ["row_jitter", "x_gradient"]),
        ("pointwise intercept", ["row_spectrum", "column_spectrum", "pointwise", "classifier"]),
        ("Tukey lambda", ["pointwise"]),
    ],
)
def test_a_wrong_parameter_is_seen_in_the_statistics_that_depend_on_it(compared, wrong, statistics):
    for statistic in (*statistics, "all"):
        assert compared.calibrated_nearer[wrong, statistic] > 0.95
        assert compared.distance_low[wrong, statistic] > compared.distance[FLOOR, statistic]


def test_twice_the_power_is_three_decibels_away():
    for spectrum in ("row_spectrum", "column_spectrum"):
        assert distance(spectrum, white(), np.sqrt(2) * white()) == pytest.approx(10 * np.log10(2))


def test_correlation_along_rows_shows_in_the_rows_and_not_in_the_columns():
    streaks = ndimage.gaussian_filter1d(white(), 1.5, axis=2) - 128
    streaks *= 10 / streaks.std()
    assert distance("row_spectrum", white(), streaks) > 10
    assert distance("column_spectrum", white(), streaks) < 1.5


def test_the_pointwise_distance_is_that_of_wasserstein():
    first, second = white(10), np.random.default_rng(1).laplace(128, 12, (32, 64, 64))
    noises = [(each - ndimage.gaussian_filter1d(each, 2, axis=2)).ravel() for each in (first, second)]
    assert distance("pointwise", first, second) == pytest.approx(stats.wasserstein_distance(*noises), abs=0.02)


def test_autocorrelation_at_a_lag_is_the_sum_of_products_at_that_lag():
    (crop,) = white(crops=1)
    rest = crop - ndimage.gaussian_filter(crop, 2)
    rest -= rest.mean()
    (measured,) = STATISTICS["autocorrelation"].measure(crop[None], crop[None])
    assert measured.shape == (17, 17)
    assert measured[8, 8] == pytest.approx(np.sum(rest**2))
    assert measured[8, 11] == pytest.approx(np.sum(rest[:, :-3] * rest[:, 3:]))
    assert measured[10, 8] == pytest.approx(np.sum(rest[:-2] * rest[2:]))


def told(statistic: str, first: np.ndarray, second: np.ndarray) -> float:
    """|2 AUC - 1| of a classifier that learns on half of the crops."""
    scored = {"classifier": two_sample.linear_scores, "network": two_sample.network_scores}[statistic]
    (one, one_asked), (other, other_asked) = (np.array_split(each, 2) for each in (first, second))
    scores = [scored((one, other), asked, 0) for asked in (one_asked, other_asked)]
    return abs(2 * stats.mannwhitneyu(*(each.ravel() for each in scores)).statistic / scores[0].size ** 2 - 1)


@pytest.mark.parametrize("statistic", LEARNT)
def test_a_classifier_tells_streaks_from_white_noise_and_white_noise_from_none(statistic):
    streaks = ndimage.gaussian_filter1d(white(seed=1), 1.5, axis=2)
    assert told(statistic, white(), streaks) > 0.99
    assert told(statistic, white(), white(seed=1)) < 0.2


@pytest.mark.parametrize("statistic", LEARNT)
def test_brightness_alone_tells_a_classifier_nothing(statistic):
    assert told(statistic, white(), 50 + white(seed=1)) < 0.2


def test_the_network_tells_rigid_rows_from_streaks_of_the_same_power(lattice):
    """Which the linear classifier, on powers alone, tells less well."""
    moved = NoiseParameters(0, 0, 0, 6.0, 0.14, jitter_x_px=1.5)
    rows = [calibrated_noise(lattice[:, :256], moved, np.random.default_rng(seed)) for seed in (0, 1)]
    sd = np.std(rows[0] - lattice[:, :256])
    plain = calibrated_noise(
        lattice[:, :256], replace(moved, jitter_x_px=0, pointwise_intercept=sd), np.random.default_rng(2)
    )
    crops = [realism._crops(each) for each in (*rows, plain)]
    assert told("network", crops[0], crops[2]) > 0.9


def test_a_classifier_is_asked_about_a_lattice_that_it_learnt_the_other_way_round():
    """Two crystals, one noise: what tells them apart is their lattice, which is no noise."""
    y, x = np.mgrid[:512, :256]
    lattice = np.where(y < 256, 128 + 40 * np.cos(x / 3), 128 + 40 * np.cos(x / 1.7))
    noisy = [lattice + 10 * np.random.default_rng(seed).standard_normal(lattice.shape) for seed in (0, 1)]
    parts = [[realism._Part.of(half) for half in realism._halves(each)] for each in noisy]
    draws = [realism._drawn(0, [16, 16], np.random.default_rng(0))]
    scores = two_sample.linear_scores((parts[0][1].crops, parts[1][0].crops), parts[0][0].crops, 0)
    assert scores.mean() < 0  # it calls synthetic crops real: their lattice was that of real ones
    assert realism._told("classifier", *parts, draws, 0)[0].shape == (1,)


def test_row_jitter_of_crops_is_that_of_their_rows(lattice):
    moved = calibrated_noise(
        lattice, NoiseParameters(0, 0, 0, 3.0, 0.14, jitter_x_px=0.8, jitter_y_px=0.4), np.random.default_rng(0)
    )
    still = calibrated_noise(lattice, NoiseParameters(0, 0, 0, 3.0, 0.14), np.random.default_rng(1))
    crops, known = [realism._crops(each) for each in (moved, still)], realism._crops(lattice)
    compared = STATISTICS["row_jitter"]
    found = compared.distance(*(compared.measure(each, known) for each in crops))
    assert found == pytest.approx(np.sqrt((0.8**2 + 0.4**2) / 2), rel=0.1)


def test_a_displaced_row_is_correlated_with_its_gradient_in_the_sense_of_its_displacement(lattice):
    compared, known = STATISTICS["x_gradient"], realism._crops(lattice)
    ahead, behind = (shifted_rows(lattice, np.full((512, 2), [shift, 0.0])) for shift in (0.5, -0.5))
    seen = [compared.measure(realism._crops(each), known).sum(0) for each in (ahead, behind)]
    centres = (np.arange(80) + 0.5) / 40 - 1
    assert [each @ centres / each.sum() for each in seen] == pytest.approx([1, -1], abs=0.1)
    assert compared.distance(*(each[None] for each in seen)) == pytest.approx(2, abs=0.1)


def test_whole_images_of_a_dataset_are_compared_by_their_noise(lattice):
    """Their lattice is another one."""
    real = calibrated_noise(lattice[:, :256], RIGHT, np.random.default_rng(0))
    y, x = np.mgrid[:128, :128]
    other = 30 + 48 * (2 + np.cos(2 * np.pi * x / 25.3) + np.cos(2 * np.pi * y / 19.1))
    noises = {"right": RIGHT, "jittering": replace(RIGHT, jitter_x_px=1.2)}
    datasets = {
        name: [calibrated_noise(other, noise, np.random.default_rng(seed)) for seed in range(8)]
        for name, noise in noises.items()
    }
    table = distances(real, {"calibrated": real}, np.random.default_rng(0), datasets)
    table = table.set_index(["noise", "statistic"]).distance
    for statistic in ("row_jitter", "x_gradient", "gradient"):
        assert table[DATASET + "right", statistic] < 0.6 * table[DATASET + "jittering", statistic]
    assert (DATASET + "right", "row_spectrum") not in table.index


def test_one_small_image_of_a_dataset_is_enough(lattice):
    real = calibrated_noise(lattice[:, :256], RIGHT, np.random.default_rng(0))
    table = distances(real, {"calibrated": real}, np.random.default_rng(0), {"one": [real[:64, :64]]})
    one = table[table.noise == DATASET + "one"].set_index("statistic").distance
    assert one[["pointwise", "row_jitter", "x_gradient"]].notna().all()


def test_white_in_temimagenets_noise_is_its_current_times_its_dwell_time():
    electrons = 16e-6 * 30e-12 / 1.602176634e-19
    noisy = temimagenet_noise(np.full((256, 256), 255.0), 0.1, 0.1, np.random.default_rng(0))
    assert noisy.mean() == pytest.approx(255, rel=0.01)
    assert noisy.std() == pytest.approx(255 / np.sqrt(0.1 * electrons), rel=0.02)


def test_temimagenets_rows_are_shifted_by_a_fifth_of_an_angstrom_and_more(lattice):
    noisy = temimagenet_noise(lattice, 0.05, 1.0, np.random.default_rng(0))
    shot_only = temimagenet_noise(lattice, 100.0, 1.0, np.random.default_rng(0))  # jitter far below a pixel
    assert np.std(noisy - lattice) > 3 * np.std(shot_only - lattice)


def test_half_of_an_image_has_to_be_enough_for_calibration():
    assert can_be_assessed(np.zeros((256, 512)))
    assert not can_be_assessed(np.zeros((256, 511)))
    assert not can_be_assessed(np.zeros((255, 512)))
