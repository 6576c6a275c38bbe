"""The focused electron probe: aperture, aberrations, effective source."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy  # whose parts load when they are used: the configuration asks for a wavelength and no more
from scipy import constants

_LEAST_SAMPLES = 256  # across the grid of the numerical transfer function; the aperture takes about half of it


def electron_wavelength(energy: float) -> float:
    """Relativistic de Broglie wavelength [A] of an electron accelerated to `energy` [eV].

    Source: Reimer & Kohl, Transmission Electron Microscopy, 5th ed., eq. 2.5, doi 10.1007/978-0-387-40093-8.
    """
    momentum_energy = energy * (energy + 2 * constants.m_e * constants.c**2 / constants.e)
    return constants.h * constants.c / constants.e / np.sqrt(momentum_energy) * 1e10


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
    defocus : float
        Defocus, positive for underfocus [A].
    c3, c5 : float
        Spherical aberration of third and fifth order [A].
    astigmatism, astigmatism_angle : float
        Two-fold astigmatism C12 [A] and its azimuth [rad].
    coma, coma_angle : float
        Axial coma C21 [A] and its azimuth [rad].
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

    @property
    def wavelength(self) -> float:
        """Electron wavelength [A]."""
        return electron_wavelength(self.energy)

    @property
    def cutoff(self) -> float:
        """Highest spatial frequency that an image of this probe holds, 2 alpha / lambda [1/A]."""
        return 2e-3 * self.semiangle / self.wavelength

    @property
    def reach(self) -> float:
        """Distance from the centre beyond which the probe adds nothing that is seen [A].

        Tails of the Airy disc up to 4 lambda / alpha, where 97.5 % of the electrons are inside, of the source, and
        the geometric beam of the aberrations.
        """
        tails = 4e3 * self.wavelength / self.semiangle + 2 * self.source_size
        return tails + self.geometric_radius()

    def geometric_radius(self, depth: float = 0.0) -> float:
        """Radius of the geometric beam `depth` below the entrance surface [A].

        The longest displacement |d chi / d theta| of a ray that passes the aperture. Defocus and spherical aberration
        compensate each other as far as they do; astigmatism and coma add.
        """
        angle = 1e-3 * self.semiangle * np.linspace(0, 1, 65)
        rays = abs(angle * (depth - self.defocus) + self.c3 * angle**3 + self.c5 * angle**5)
        return float((rays + abs(self.astigmatism) * angle + abs(self.coma) * angle**2).max())

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
        k, transfer = self.radial_transfer
        radii = np.linspace(0, self.reach, 1024)
        profile = np.trapezoid(k * transfer * scipy.special.j0(2 * np.pi * k * radii[:, None]), k, axis=1)
        excess = profile - profile.max() / 2
        last = np.flatnonzero(excess > 0)[-1]
        if last == len(radii) - 1:
            return float(2 * self.reach)
        return float(2 * (radii[last] + radii[1] * excess[last] / (excess[last] - excess[last + 1])))

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
        return (2 * np.pi / self.wavelength) * (
            angle**2 / 2 * (-self.defocus + self.astigmatism * np.cos(2 * (azimuth - self.astigmatism_angle)))
            + angle**3 / 3 * self.coma * np.cos(azimuth - self.coma_angle)
            + angle**4 / 4 * self.c3
            + angle**6 / 6 * self.c5
        )

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
        k_squared = kx**2 + ky**2
        source_sigma = self.source_size / np.sqrt(8 * np.log(2))
        source = np.exp(-2 * (np.pi * source_sigma) ** 2 * k_squared)
        if not self._aberrated:
            reduced = np.minimum(np.sqrt(k_squared) / self.cutoff, 1)
            return (2 / np.pi) * (np.arccos(reduced) - reduced * np.sqrt(1 - reduced**2)) * source
        if self.is_round:
            return np.interp(np.sqrt(k_squared), *self._round_transfer, right=0) * source
        return self._interpolated_transfer(kx, ky) * source

    @property
    def is_round(self) -> bool:
        """Whether the probe looks the same from every azimuth."""
        return not (self.astigmatism or self.coma)

    def _interpolated_transfer(self, kx: np.ndarray, ky: np.ndarray) -> np.ndarray:
        transfer, step = self._aberrated_transfer
        at = np.stack(np.broadcast_arrays(ky, kx)) / step + len(transfer) // 2
        real, imaginary = (
            scipy.ndimage.map_coordinates(part, at, order=3, prefilter=False) for part in self._transfer_splines
        )
        return real + 1j * imaginary

    @cached_property
    def _round_transfer(self) -> tuple[np.ndarray, np.ndarray]:
        """Frequencies from 0 to the cut-off, and the transfer function there."""
        transfer, step = self._aberrated_transfer
        along = transfer[len(transfer) // 2, len(transfer) // 2 :].real
        k = np.linspace(0, self.cutoff, 2048)
        return k, scipy.interpolate.CubicSpline(step * np.arange(len(along)), along)(k)

    @cached_property
    def _transfer_splines(self) -> tuple[np.ndarray, np.ndarray]:
        transfer, _ = self._aberrated_transfer
        return scipy.ndimage.spline_filter(transfer.real), scipy.ndimage.spline_filter(transfer.imag)

    @property
    def _aberrated(self) -> bool:
        return any((self.defocus, self.c3, self.c5, self.astigmatism, self.coma))

    @cached_property
    def _aberrated_transfer(self) -> tuple[np.ndarray, float]:
        """Autocorrelation of the aperture function on a grid just wider than the cut-off, and the grid's step."""
        samples = _LEAST_SAMPLES  # whose inverse step must hold the probe
        while samples < 2.2 * 2.1 * self.cutoff * self.reach:
            samples *= 2
        step = 2.1 * self.cutoff / samples
        k = scipy.fft.fftfreq(samples, 1 / (samples * step))
        ky, kx = np.meshgrid(k, k, indexing="ij")
        radius = np.hypot(kx, ky)
        edge = np.clip((self.cutoff / 2 - radius) / step + 0.5, 0, 1)  # an aperture edge one sample wide
        azimuth = 0.0 if self.is_round else np.arctan2(ky, kx)
        aperture = edge * np.exp(-1j * self.aberration_phase(radius * self.wavelength, azimuth))
        transfer = scipy.fft.fftshift(scipy.fft.fft2(np.abs(scipy.fft.ifft2(aperture)) ** 2))
        centre = samples // 2, samples // 2
        # Samples on the edge count by the part of them that is inside, in which their squares at zero fall short.
        transfer *= (edge**2).sum() / edge.sum() / transfer[centre]
        transfer[centre] = 1
        return transfer, step
