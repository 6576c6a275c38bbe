import numpy as np
import pytest
from stembench.noise.lattice import _fitted


def waves_of(shape, chosen):
    """Frequencies of a frame and the negative of each, as `rfft2` holds them."""
    whole = np.zeros(shape, bool)
    for y, x in chosen:
        whole[y, x] = whole[-y, -x] = True
    return whole[:, : shape[1] // 2 + 1]


def images_of(waves, shape):
    """Every real image that one of the waves makes, a row each."""
    found = []
    for y, x in np.argwhere(waves):
        for amplitude in (1, 1j):
            spectrum = np.zeros(waves.shape, complex)
            spectrum[y, x] = amplitude
            if x in (0, shape[1] / 2):
                spectrum[-y, x] += np.conj(amplitude)
            found.append(np.fft.irfft2(spectrum, shape).ravel())
    return np.array(found)


@pytest.mark.parametrize("shape", [(12, 14), (13, 15)])
def test_waves_are_fitted_as_least_squares_fits_them(shape):
    waves = waves_of(shape, [(0, 0), (2, 0), (3, 5), (-1, 2), (4, 7)])
    rows, columns = 10, 11
    values = np.random.default_rng(0).normal(size=(rows, columns))
    seen = images_of(waves, shape).reshape(-1, *shape)[:, :rows, :columns].reshape(-1, rows * columns)
    wanted = seen.T @ np.linalg.lstsq(seen.T, values.ravel(), rcond=1e-10)[0]
    np.testing.assert_allclose(_fitted(values, waves, shape).ravel(), wanted, atol=1e-5)
