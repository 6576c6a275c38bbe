"""The focused electron probe: aperture, aberrations, effective source."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import scipy  # whose parts load when they are used: the configuration asks for a wavelength and no more
from scipy import constants

#: Rest energy of an electron [eV].
REST_ENERGY = constants.m_e * constants.c**2 / constants.e

_LEAST_RADIUS = 20  # samples of an aperture, which keep its transfer function within 1e-3
_SPLINE_RADIUS = 40  # the same where splines lie between them
_FOCI = 7  # of a Gauss-Hermite sum, which is exact for the defoci of a spread probe up to the 13th order


def electron_wavelength(energy: float) -> float:
    """Relativistic de Broglie wavelength [A] of an electron accelerated to `energy` [eV].

    Source: Reimer & Kohl, Transmission Electron Microscopy, 5th ed., eq. 2.5, doi 10.1007/978-0-387-40093-8.
    """
    momentum_energy = energy * (energy + 2 * REST_ENERGY)
    return float(constants.h * constants.c / constants.e / np.sqrt(momentum_energy) * 1e10)


def focal_spread(cc: float, energy_spread: float, energy: float) -> float:
    """Standard deviation of the defocus by chromatic aberration [A].

    Source: Reimer & Kohl, Transmission Electron Microscopy, 5th ed., doi 10.1007/978-0-387-40093-8: the defocus per
    energy is Cc / E times (1 + E / E0) / (1 + E / 2 E0), with the rest energy E0.

    Parameters
    ----------
    cc : float
        Chromatic aberration [A].
    energy_spread : float
        FWHM of the beam's energy [eV].
    energy : float
        [eV].
    """
    relativistic = (1 + energy / REST_ENERGY) / (1 + energy / (2 * REST_ENERGY))
    return float(cc * energy_spread / np.sqrt(8 * np.log(2)) / energy * relativistic)


@dataclass(frozen=True)
class Probe:
    """A convergent probe and its incoherent effective source.

    Attributes
    ----------
    energy : float
        Beam energy [eV].
    semiangle : float
        Convergence semi-angle [mrad].
    source_size : float
        FWHM of the Gaussian effective source [A].
    source_tail, source_tail_size : float
        Fraction of the electrons in a second, broader Gaussian of the source, and its FWHM [A].
    defocus : float
        Defocus, positive for underfocus [A].
    c3, c5 : float
        Spherical aberration of third and fifth order [A].
    astigmatism, astigmatism_angle : float
        Two-fold astigmatism C12 [A] and its azimuth [rad].
    coma, coma_angle : float
        Axial coma C21 [A] and its azimuth [rad].
    threefold, threefold_angle : float
        Three-fold astigmatism C23 [A] and its azimuth [rad].
    star, star_angle : float
        Star aberration C32 [A] and its azimuth [rad].
    focal_spread : float
        Standard deviation of the defocus by chromatic aberration [A], see `focal_spread`.
    """

    energy: float
    semiangle: float
    source_size: float = 0.0
    defocus: float = 0.0
    c3: float = 0.0
    c5: float = 0.0
    astigmatism: float = 0.0
    astigmatism_angle: float = 0.0
    coma: float = 0.0
    coma_angle: float = 0.0
    focal_spread: float = 0.0
    threefold: float = 0.0
    threefold_angle: float = 0.0
    star: float = 0.0
    star_angle: float = 0.0
    source_tail: float = 0.0
    source_tail_size: float = 0.0

    @property
    def wavelength(self) -> float:
        """Electron wavelength [A]."""
        return electron_wavelength(self.energy)

    @property
    def cutoff(self) -> float:
        """Highest spatial frequency that an image of this probe holds, 2 alpha / lambda [1/A]."""
        return 2e-3 * self.semiangle / self.wavelength

    @cached_property
    def reach(self) -> float:
        """Distance from the centre beyond which the probe adds nothing that is seen [A].

        Tails of the Airy disc up to 4 lambda / alpha, where 97.5 % of the electrons are inside, of the source, and
        the geometric beam of the aberrations.
        """
        tails = 4e3 * self.wavelength / self.semiangle + 2 * max(fwhm for _, fwhm in self.source_parts)
        return tails + self.geometric_radius() + 2e-3 * self.focal_spread * self.semiangle

    def geometric_radius(self, depth: float = 0.0) -> float:
        """Radius of the geometric beam `depth` below the entrance surface [A].

        The longest displacement |d chi / d theta| of a ray that passes the aperture. Defocus and spherical aberration
        compensate each other as far as they do; the other aberrations add.
        """
        angle = 1e-3 * self.semiangle * np.linspace(0, 1, 65)
        rays = abs(angle * (depth - self.defocus) + self.c3 * angle**3 + self.c5 * angle**5)
        second = (abs(self.coma) + abs(self.threefold)) * angle**2
        return float((rays + abs(self.astigmatism) * angle + second + abs(self.star) * angle**3).max())

    @cached_property
    def radial_transfer(self) -> tuple[np.ndarray, np.ndarray]:
        """Spatial frequencies from 0 to the cut-off [1/A], and the transfer function's mean over azimuth at each."""
        k = np.linspace(0, self.cutoff, 257)
        azimuth = np.linspace(0, np.pi, 1 if self.is_round else 48, endpoint=False)[:, None]
        return k, self.transfer(k * np.cos(azimuth), k * np.sin(azimuth)).real.mean(axis=0)

    @cached_property
    def fwhm(self) -> float:
        """Full width at half maximum of the probe, source and aberrations included, averaged over azimuth [A].

        Twice the largest radius at which the intensity is at least half of its maximum. Without source and aberrations
        it is 0.514 lambda / alpha, the width of the Airy disc.
        """
        coarse = np.linspace(0, self.reach, 129)
        profile = self._radial_profile(coarse)
        half = profile.max() / 2
        last = np.flatnonzero(profile > half)[-1]
        if last == len(coarse) - 1:
            return float(2 * self.reach)
        radii = np.linspace(coarse[last], coarse[last + 1], 9)
        excess = self._radial_profile(radii) - half
        last = np.flatnonzero(excess > 0)[-1]
        return float(2 * (radii[last] + (radii[1] - radii[0]) * excess[last] / (excess[last] - excess[last + 1])))

    def _radial_profile(self, radii: np.ndarray) -> np.ndarray:
        k, transfer = self.radial_transfer
        return np.trapezoid(k * transfer * scipy.special.j0(2 * np.pi * k * radii[:, None]), k, axis=1)

    @property
    def column_radius(self) -> float:
        """Radius of a column in TEMImageNet's circular masks, sqrt((0.25 lambda/alpha)^2 + (source/2)^2) [A].

        This is what the data files of doi 10.1038/s41598-021-84499-w obey; the paper prints 0.5 lambda/alpha.
        """
        return float(np.hypot(0.25 * self.wavelength / (1e-3 * self.semiangle), self.source_size / 2))

    def aberration_phase(self, angle: np.ndarray, azimuth: np.ndarray | float) -> np.ndarray:
        """chi [rad] at polar angle [rad] and azimuth [rad] in the aperture.

        Source: Krivanek, Dellby & Lupini, Ultramicroscopy 78, 1 (1999), doi 10.1016/S0304-3991(99)00013-3.
        """
        squared = angle * angle
        chi = squared * (squared * (squared * (self.c5 / 6) + self.c3 / 4) - self.defocus / 2)
        if self.astigmatism:
            chi = chi + squared * (self.astigmatism / 2) * np.cos(2 * (azimuth - self.astigmatism_angle))
        if self.coma:
            chi = chi + squared * angle * (self.coma / 3) * np.cos(azimuth - self.coma_angle)
        if self.threefold:
            chi = chi + squared * angle * (self.threefold / 3) * np.cos(3 * (azimuth - self.threefold_angle))
        if self.star:
            chi = chi + squared * squared * (self.star / 4) * np.cos(2 * (azimuth - self.star_angle))
        return (2 * np.pi / self.wavelength) * chi

    def transfer(self, kx: np.ndarray, ky: np.ndarray) -> np.ndarray:
        """Fourier transform of the probe intensity, source included; 1 at zero frequency.

        Parameters
        ----------
        kx, ky : ndarray
            Spatial frequencies, broadcast against each other [1/A].

        Returns
        -------
        ndarray
            Complex where the aberrations are not symmetric, else real.
        """
        if self._aberrated:
            return self._interpolated_transfer(kx, ky) * self._source_transfer(kx, ky)
        return self._ideal_transfer(kx, ky) * self._source_transfer(kx, ky)

    def transfer_in_box(self, width: float, height: float) -> tuple[np.ndarray, np.ndarray]:
        """`transfer` at the frequencies of a periodic box, by one Fourier transform of the probe in it.

        Parameters
        ----------
        width, height : float
            Of the box, which must hold the probe: twice its `reach` at least [A].

        Returns
        -------
        upper, lower : ndarray, shape (frequencies along y, frequencies along x)
            At kx = n / width and ky = m / height, and at the same kx and -ky, for all n and m from 0 up that are
            within the cut-off. Complex, or real where the probe is ideal.
        """
        kx, ky = (np.arange(int(self.cutoff * length) + 1) / length for length in (width, height))
        source = self._source_transfer(kx, ky[:, None])
        ideal = self._ideal_transfer(kx, ky[:, None])
        if not self._aberrated:
            return ideal * source, ideal * source
        upper, lower = (part[: len(ky), : len(kx)] for part in self._change_of_transfer(width, height))
        return (ideal + upper) * source, (ideal + lower) * source

    @property
    def is_round(self) -> bool:
        """Whether the probe looks the same from every azimuth."""
        return not (self.astigmatism or self.star) and self.is_centred

    @property
    def is_centred(self) -> bool:
        """Whether the probe looks the same after half a turn, so that its maximum lies in its centre."""
        return not (self.coma or self.threefold)

    @property
    def source_parts(self) -> list[tuple[float, float]]:
        """Fraction of the electrons and FWHM [A] of each Gaussian of the effective source."""
        if not self.source_tail:
            return [(1.0, self.source_size)]
        return [(1 - self.source_tail, self.source_size), (self.source_tail, self.source_tail_size)]

    def unstable(self, extra: float) -> "Probe":
        """Return the probe with its source widened by a Gaussian of the FWHM `extra` [A]."""
        tail = float(np.hypot(self.source_tail_size, extra)) if self.source_tail else self.source_tail_size
        return replace(self, source_size=float(np.hypot(self.source_size, extra)), source_tail_size=tail)

    @property
    def _aberrated(self) -> bool:
        symmetric = (self.defocus, self.c3, self.c5, self.focal_spread)
        return any(symmetric) or not self.is_round

    def _source_transfer(self, kx: np.ndarray, ky: np.ndarray) -> np.ndarray:
        sigmas = [(weight, fwhm / np.sqrt(8 * np.log(2))) for weight, fwhm in self.source_parts]
        parts = [weight * np.exp(-2 * (np.pi * sigma) ** 2 * (kx**2 + ky**2)) for weight, sigma in sigmas]
        return parts[0] if len(parts) == 1 else parts[0] + parts[1]

    def _ideal_transfer(self, kx: np.ndarray, ky: np.ndarray) -> np.ndarray:
        """The transfer function without aberrations, in closed form."""
        reduced = np.minimum(np.sqrt(kx**2 + ky**2) / self.cutoff, 1)
        return (2 / np.pi) * (np.arccos(reduced) - reduced * np.sqrt(1 - reduced**2))

    def _interpolated_transfer(self, kx: np.ndarray, ky: np.ndarray) -> np.ndarray:
        splines, step = self._transfer_splines
        at = np.stack(np.broadcast_arrays(ky, kx)) / step + len(splines[0]) // 2
        parts = [scipy.ndimage.map_coordinates(part, at, order=3, prefilter=False) for part in splines]
        return self._ideal_transfer(kx, ky) + (parts[0] if self.is_round else parts[0] + 1j * parts[1])

    @cached_property
    def _transfer_splines(self) -> tuple[list[np.ndarray], float]:
        """`_change_of_transfer`, its real and, where it has one, imaginary part, up to the cut-off; the grid's step."""
        box = max(2.2 * self.reach, 2 * _SPLINE_RADIUS / self.cutoff)
        upper, lower = self._change_of_transfer(box, box)
        half = np.concatenate([lower[:0:-1], upper])
        whole = np.concatenate([half[::-1, :0:-1].conj(), half], axis=1)
        parts = [whole.real] if self.is_round else [whole.real, whole.imag]
        return [scipy.ndimage.spline_filter(part.astype(float)) for part in parts], 1 / box

    def _change_of_transfer(self, width: float, height: float) -> tuple[np.ndarray, np.ndarray]:
        """What aberrations add to the ideal transfer function in a box: at its frequencies, and at these with -ky.

        The intensity is the square of the wave, which is the Fourier transform of the aperture. The aperture is sampled
        at the frequencies of the box or, in a small box, between them as well. In the difference from the ideal probe
        the errors of sampling the aperture's edge cancel, and it has no cusp at zero frequency.
        """
        radius = self.cutoff / 2
        fine = int(np.ceil(_LEAST_RADIUS / (radius * min(width, height))))
        steps = 1 / (fine * height), 1 / (fine * width)
        counts = [int(radius / step) + 1 for step in steps]
        sizes = [scipy.fft.next_fast_len(4 * count + 2) for count in counts]
        ky, kx = (step * np.arange(-count, count + 1, dtype=np.float32) for step, count in zip(steps, counts))
        k = np.sqrt(ky[:, None] ** 2 + kx**2)
        edge = np.clip((radius - k) / max(steps) + 0.5, 0, 1)  # one sample wide
        angle = k * self.wavelength
        azimuth = 0.0 if self.is_round else np.arctan2(ky[:, None], kx)
        phase = self.aberration_phase(angle, azimuth)
        intensity = -_squared(edge, sizes)
        for weight, defocus in self._foci:
            shifted = phase - (np.pi / self.wavelength * defocus) * angle**2 if defocus else phase
            intensity += weight * _squared(edge * np.exp(-1j * shifted), sizes)
        last = [2 * count // fine for count in counts]
        transfer = scipy.fft.rfft(intensity, axis=1)[:, : fine * last[1] + 1 : fine]
        transfer = scipy.fft.fft(transfer, axis=0) * float(np.prod(sizes) / edge.sum())
        rows = fine * np.arange(last[0] + 1)
        return transfer[rows], transfer[-rows]

    @property
    def _foci(self) -> list[tuple[float, float]]:
        """Weights of defoci beside the probe's own [A], over a Gaussian of their spread."""
        if not self.focal_spread:
            return [(1.0, 0.0)]
        nodes, weights = np.polynomial.hermite_e.hermegauss(_FOCI)
        return list(zip((weights / weights.sum()).tolist(), (self.focal_spread * nodes).tolist()))


def _squared(aperture: np.ndarray, sizes: list[int]) -> np.ndarray:
    """Intensity of a wave by its aperture, whose place on the grid matters to the wave's phase alone."""
    wave = scipy.fft.ifft(scipy.fft.ifft(aperture, sizes[1], axis=1), sizes[0], axis=0)
    return wave.real**2 + wave.imag**2
