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
        waves |= _standing_out(power_spectrum(grey - mean - estimate, shape) / floor, shape[1])
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


def _standing_out(snr: np.ndarray, columns: int) -> np.ndarray:
    snr = fft.fftshift(snr, axes=0)
    reflections = ndimage.uniform_filter(snr, _REFLECTION) > _REFLECTION_SNR
    haloes = ndimage.uniform_filter(np.minimum(snr, _REFLECTION_SNR), _HALO) > _HALO_SNR
    waves = fft.ifftshift(reflections | haloes, axes=0)
    alone = _own_mirrors(columns)
    waves[:, alone] |= waves[-np.arange(len(waves))][:, alone]  # a real image has both of such a pair, or none
    return waves


def _own_mirrors(columns: int) -> list[int]:
    """Return the frequencies along rows of a length that are their own negative: 0, and half of an even length."""
    return [0] if columns % 2 else [0, columns // 2]


def _fitted(values: np.ndarray, waves: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return the least-squares fit of waves of a frame of `shape` to values in its corner.

    Conjugate gradients go through the waves' coefficients. Waves fill few columns of the spectrum, and only these are
    transformed down the rows.
    """
    rows, columns = values.shape
    held = np.flatnonzero(waves.any(axis=0))
    kept = waves[:, held]
    weights = np.broadcast_to(np.where(np.isin(held, _own_mirrors(shape[1])), 1, 2), kept.shape)[kept]

    def spectrum(image: np.ndarray) -> np.ndarray:
        return fft.fft(fft.rfft(image, shape[1], axis=1)[:, held], shape[0], axis=0)[kept]

    def corner(coefficients: np.ndarray) -> np.ndarray:
        of_columns = np.zeros(kept.shape, complex)
        of_columns[kept] = coefficients
        of_rows = np.zeros((rows, shape[1] // 2 + 1), complex)
        of_rows[:, held] = fft.ifft(of_columns, axis=0)[:rows]
        return fft.irfft(of_rows, shape[1], axis=1)[:, :columns]

    def product(one: np.ndarray, other: np.ndarray) -> float:
        """Scalar product of two images of the frame, by Parseval's theorem, in another unit."""
        return float(np.sum(weights * (one.real * other.real + one.imag * other.imag)))

    residual = direction = spectrum(values)
    estimate = np.zeros_like(residual)
    squared = start = product(residual, residual)
    for _ in range(_ITERATIONS):
        if squared <= 1e-12 * start:
            break
        seen = spectrum(corner(direction))
        step = squared / product(direction, seen)
        estimate = estimate + step * direction
        residual = residual - step * seen
        last, squared = squared, product(residual, residual)
        direction = residual + squared / last * direction
    return corner(estimate)
