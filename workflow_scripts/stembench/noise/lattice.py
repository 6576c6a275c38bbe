"""What of an image is signal: the estimate of its lattice, and the noise floor that it has to stand above.

Noise that is independent from row to row, as everything is that a scan adds, has a power that depends on the frequency
along the row alone. At the highest frequencies across the rows, beyond the probe's bandwidth, it can therefore be seen
without signal.
"""

import numpy as np
from scipy import fft, ndimage

#: Frequencies across the rows above this [1/px] show noise alone.
NOISE_FREQUENCY = 0.35

_MARGIN = 0.25  # of the image, where waves that do not fit into it may go on
_REFLECTION, _REFLECTION_SNR = 3, 5.0  # side [frequencies] and mean power over noise of a reflection,
_HALO, _HALO_SNR = 15, 2.0  # and of what surrounds reflections of small or bent crystals
_PASSES = 2
_ITERATIONS = 20


def lattice_estimate(grey: np.ndarray) -> np.ndarray:
    """The signal of an image: the least-squares fit of the waves that stand above the noise.

    The waves are those of a frame somewhat larger than the image, so that a lattice need not fit into the image (a
    plain Fourier filter smears a reflection along both axes and loses a good part of it). They are found in the
    spectrum, once again in that of the residual, and fitted by conjugate gradients.

    Parameters
    ----------
    grey : ndarray, shape (rows, columns)
        Scanned along the rows.
    """
    shape = tuple(fft.next_fast_len(round(n * (1 + _MARGIN)), real=True) for n in grey.shape)
    mean, estimate = grey.mean(), np.zeros(grey.shape)
    power = power_spectrum(grey, shape)
    floor = np.maximum(noise_floor(power), 1e-14 * power.max())  # of an image without noise
    waves = np.zeros((shape[0], shape[1] // 2 + 1), bool)
    waves[0, 0] = True
    for _ in range(_PASSES):
        waves |= _standing_out(power_spectrum(grey - mean - estimate, shape) / floor)
        estimate = _fitted(grey - mean, waves, shape)
    return mean + estimate


def power_spectrum(grey: np.ndarray, shape: tuple[int, int] | None = None) -> np.ndarray:
    """Power [grey^2] of an image under a Hann window, frequencies as `scipy.fft.rfft2` gives them for `shape`.

    White noise of variance 1 has a mean power of 1.
    """
    window = np.outer(*(np.hanning(n + 2)[1:-1] for n in grey.shape))
    mean = (window * grey).sum() / window.sum()
    return np.abs(fft.rfft2((grey - mean) * window, shape or grey.shape)) ** 2 / (window**2).sum()


def noise_floor(power: np.ndarray) -> np.ndarray:
    """Mean power of noise at each frequency along the row, by medians that reflections do not move."""
    frequencies = np.abs(fft.fftfreq(len(power)))
    return np.median(power[frequencies > NOISE_FREQUENCY], axis=0) / np.log(2)


def _standing_out(snr: np.ndarray) -> np.ndarray:
    snr = fft.fftshift(snr, axes=0)
    reflections = ndimage.uniform_filter(snr, _REFLECTION) > _REFLECTION_SNR
    haloes = ndimage.uniform_filter(np.minimum(snr, _REFLECTION_SNR), _HALO) > _HALO_SNR
    return fft.ifftshift(reflections | haloes, axes=0)


def _fitted(values: np.ndarray, waves: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Least-squares fit of waves of a frame of `shape` to values in its corner, by conjugate gradients."""

    def project(image: np.ndarray) -> np.ndarray:
        return fft.irfft2(fft.rfft2(image, shape) * waves, shape)

    rows, columns = values.shape
    residual = project(values)
    estimate, direction = np.zeros(shape), residual
    squared = start = np.sum(residual**2)
    for _ in range(_ITERATIONS):
        if squared <= 1e-12 * start:
            break
        image = project(direction[:rows, :columns])
        step = squared / np.sum(direction * image)
        estimate = estimate + step * direction
        residual = residual - step * image
        last, squared = squared, np.sum(residual**2)
        direction = residual + squared / last * direction
    return estimate[:rows, :columns]
