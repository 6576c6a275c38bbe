import numpy as np
import pytest
from scipy.optimize import minimize
from stembench.imaging.column_peak import peak_intensity
from stembench.imaging.linear import linear_image
from stembench.imaging.probe import Probe
from stembench.localisation.cramer_rao import position_bound

PROBE, PIXEL = Probe(200e3, 24, 0.9), 0.1


def column(x, y):
    image = linear_image(np.array([[x, y]]), np.ones(1), np.zeros(1), PROBE, (48, 48), PIXEL)
    return image / peak_intensity(PROBE, np.array(0.0))


def bound(positions, peak, background):
    positions = np.array(positions, float)
    ones = np.ones(len(positions))
    expected = peak * sum(column(*p) for p in positions) + background
    return position_bound(expected, positions, peak * ones, 0 * ones, PROBE, PIXEL)


def test_bound_falls_with_the_square_root_of_the_dose():
    low, high = bound([[2.4, 2.4]], 10, 1), bound([[2.4, 2.4]], 1000, 100)
    assert low == pytest.approx(10 * high, rel=1e-6)


def test_background_and_neighbours_raise_it():
    alone = bound([[2.0, 2.4]], 10, 0.01)
    assert bound([[2.0, 2.4]], 10, 5) > 1.2 * alone
    assert bound([[2.0, 2.4], [2.8, 2.4]], 10, 0.01)[0] > 1.2 * alone


def test_maximum_likelihood_attains_it():
    rng, truth = np.random.default_rng(0), (2.43, 2.37)
    expected = 30 * column(*truth) + 2

    def misfit(values, counts):
        model = np.maximum(values[2] * column(*values[:2]) + values[3], 1e-6)
        return (model - counts * np.log(model)).sum()

    errors = []
    for _ in range(40):
        counts = rng.poisson(expected)
        fitted = minimize(misfit, [*truth, 30, 2], args=(counts,), method="Nelder-Mead", options={"xatol": 1e-4})
        errors.append(fitted.x[:2] - truth)
    rmse = 100 * np.sqrt(np.mean(np.square(errors)))
    assert rmse == pytest.approx(bound([truth], 30, 2)[0], rel=0.25)
