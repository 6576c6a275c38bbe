"""2-D Gaussians fitted to all columns of an image at once: maximum likelihood under Poisson noise.

The image is modelled as a Gaussian a column, of free amplitude, position and width, on a background that is bilinear
between knots some column distances apart. All parameters are fitted together, so that no column is pulled by its
neighbours. Fisher scoring finds the maximum; conjugate gradients solve its equations, for which a product with the
Fisher matrix costs as much as an image, since a Gaussian's derivatives are products of functions of x and of y.

The likelihood's weights are 1 / (expected intensity), known up to the gain of the image, which leaves the maximum where
it is. Counts are fitted by Poisson maximum likelihood exactly; an unknown offset or read-out noise costs precision and
gives no bias. The scatter of the residuals, `dispersion`, tells the gain.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from scipy import ndimage
from scipy.spatial import KDTree
from torch import Tensor
from torch.nn.functional import pad

from stembench.localisation.cramer_rao import gaussian_position_bound

_RADIUS = 3.25  # widths that a column reaches, to 0.5 % of its amplitude
_FAR = 6.0  # widths beyond which nothing is left of a column
_KNOTS, _MOST_KNOTS = 4.0, 12  # median column distances between knots of the background; knots along an axis
_DARKEST = 0.02  # median amplitudes that the expected intensity is taken to be at least, in weights
_DAMPING = 1e-3  # added to the Fisher matrix for a step, as a fraction of its diagonal
_STIFFNESS = 1e-3  # of the knots about their mean, likewise, but lasting: it holds those that no pixel tells of
_STEPS, _MOST, _STILL = 30, 0.95, 5e-3  # scoring steps at most, and until this part of the columns moves by less widths
_PRODUCTS, _RESIDUAL = 10, 0.2  # conjugate gradients: steps at most, and fraction that is left of the residual
_PROFILED = 100  # columns that the first guess of the width is taken from
_LONGEST = (1.0, 0.5, 0.5, 0.3)  # step of log amplitude, of x and y in widths, of log width
_WIDEST = 2.0  # factor on the width that the fit starts from, either way
_UNSETTLED, _FADED = 0.1, 0.01  # a failed fit's last move in widths, and its amplitude in median amplitudes


@dataclass(frozen=True)
class GaussianFit:
    """Gaussians in an image.

    Attributes
    ----------
    positions : ndarray, shape (columns, 2)
        x and y [px]; the start where the fit failed.
    amplitudes : ndarray, shape (columns,)
        Heights above the background [units of the image].
    widths : ndarray, shape (columns,)
        Standard deviations [px].
    fitted : ndarray of bool, shape (columns,)
        False where the fit failed: the column left the image or its start's surroundings, faded, or did not settle.
    expected : ndarray, shape (y, x)
        Columns and background [units of the image].
    dispersion : float
        Mean of (image - expected)^2 / expected over the fitted pixels [units of the image]; 1 for counts.
    """

    positions: np.ndarray
    amplitudes: np.ndarray
    widths: np.ndarray
    fitted: np.ndarray
    expected: np.ndarray
    dispersion: float

    def without(self, columns: np.ndarray) -> np.ndarray:
        """Return the expected image without some columns, shape (y, x); `columns` are their indices."""
        rest = self.expected.copy()
        for column in columns:
            (centre_x, centre_y), width = self.positions[column], self.widths[column]
            reach = int(np.ceil(_FAR * width))
            first_x, first_y = (max(round(centre) - reach, 0) for centre in (centre_x, centre_y))
            window = rest[first_y : round(centre_y) + reach + 1, first_x : round(centre_x) + reach + 1]
            y, x = np.ogrid[: window.shape[0], : window.shape[1]]
            squares = (x + first_x - centre_x) ** 2 + (y + first_y - centre_y) ** 2
            window -= self.amplitudes[column] * np.exp(-squares / (2 * width**2))
        return rest

    @cached_property
    def standard_errors(self) -> np.ndarray:
        """Standard errors of x and y [px], shape (columns, 2): the Cramer-Rao bound at the fit; inf where it failed."""
        at = self.fitted
        errors = np.full((len(at), 2), np.inf)
        if not at.any():
            return errors
        expected = np.maximum(self.expected, _DARKEST * np.median(self.amplitudes))
        bound = gaussian_position_bound(expected, self.positions[at], self.amplitudes[at], self.widths[at])
        errors[at] = np.sqrt(self.dispersion) * bound
        return errors


def fit_gaussians(
    image: np.ndarray, starts: np.ndarray, *, device: str = "cpu", dtype: torch.dtype = torch.float32
) -> GaussianFit:
    """Fit a Gaussian to every column of an image.

    Parameters
    ----------
    image : ndarray, shape (y, x)
        Bright columns, in counts or any multiple of them. Pixels may be negative, or NaN where nothing was measured.
    starts : ndarray, shape (columns, 2)
        x and y to start from [px]. A column moves by half the distance to its neighbour at most, and by two widths.
    device : str
        Device of PyTorch that computes.
    dtype : torch.dtype
        Number type of the computation.

    Returns
    -------
    GaussianFit
        Positions, amplitudes, widths and standard errors of all columns.
    """
    starts = np.asarray(starts, float).reshape(-1, 2)
    seen = np.isfinite(image)
    image = np.where(seen, image, 0).astype(float)
    if not len(starts):
        level = np.full(image.shape, image.sum() / max(seen.sum(), 1))
        return GaussianFit(starts, np.empty(0), np.empty(0), np.empty(0, bool), level, np.nan)
    scale = np.abs(image).max() or 1.0
    image /= scale
    apart = KDTree(starts).query(starts, k=2)[0][:, 1]  # inf for a column alone
    width, background, amplitudes = first_guess(image, seen, starts, np.median(apart))
    options: dict[str, Any] = {"dtype": dtype, "device": device}
    spacing = _KNOTS * max(np.median(apart), width)
    frame = Frame(image, seen, starts, int(np.ceil(_RADIUS * width)), spacing, options)

    guess = np.column_stack([np.log(amplitudes), starts, np.full(len(starts), np.log(width))])
    columns, knots = torch.as_tensor(guess, **options), torch.full(frame.knots, background, **options)
    start, reach = columns[:, 1:3], torch.as_tensor(np.minimum(apart / 2, 2 * width), **options)
    longest = torch.tensor(_LONGEST, **options)
    for _ in range(_STEPS):
        step, background_step = _Linearised(frame, columns, knots).scoring_step()
        step = step.clamp(-longest, longest)
        widths = columns[:, 3:].exp()
        away = columns[:, 1:3] + step[:, 1:3] * widths - start
        distance = torch.linalg.norm(away, dim=1)
        place = start + away * (reach / distance.clamp(min=1e-9)).clamp(max=1)[:, None]
        moved = torch.linalg.norm((place - columns[:, 1:3]) / widths, dim=1)
        log_width = (columns[:, 3:] + step[:, 3:]).clamp(np.log(width / _WIDEST), np.log(width * _WIDEST))
        columns = torch.cat([columns[:, :1] + step[:, :1], place, log_width], dim=1)
        knots = knots + background_step
        if moved.quantile(_MOST) < _STILL:
            break
    expected = frame.inner(_Linearised(frame, columns, knots).expected).double().cpu().numpy()

    settled = ((distance < reach) & (moved < _UNSETTLED)).cpu().numpy()
    log_amplitude, x, y, log_width = columns.double().cpu().numpy().T
    amplitudes, places = np.exp(log_amplitude), np.column_stack([x, y])
    within = ((places > -0.5) & (places < np.array(image.shape[::-1]) - 0.5)).all(axis=1)
    fitted = settled & within & (amplitudes > _FADED * np.median(amplitudes))
    counted = frame.inner(frame.seen).cpu().numpy() > 0
    squares = (image - expected) ** 2 / np.maximum(expected, _DARKEST * np.median(amplitudes))
    return GaussianFit(
        positions=np.where(fitted[:, None], places, starts),
        amplitudes=scale * amplitudes,
        widths=np.exp(log_width),
        fitted=fitted,
        expected=scale * expected,
        dispersion=scale * squares[counted].sum() / max(counted.sum() - columns.numel() - knots.numel(), 1),
    )


class Frame:
    """What a fit does not change: the image with a margin, the pixels that count, and the background's hat functions.

    Pixels that no column reaches do not count, so that a column without a start and far from others disturbs nothing.
    """

    def __init__(
        self, image: np.ndarray, seen: np.ndarray, starts: np.ndarray, radius: int, spacing: float, options: dict
    ) -> None:
        reached = np.zeros(np.array(image.shape) + 2 * radius, bool)
        for x, y in np.clip(np.rint(starts).astype(int), 0, image.shape[::-1]).tolist():
            reached[y : y + 2 * radius + 1, x : x + 2 * radius + 1] = True
        self.radius = radius
        self.data, self.seen = (torch.as_tensor(np.pad(each, radius), **options) for each in (image, seen))
        self.seen *= torch.as_tensor(reached, **options)
        self.hats_y, self.hats_x = (pad(_hats(n, spacing, options), [0, 0, radius, radius]) for n in image.shape)
        self.knots = (self.hats_y.shape[1], self.hats_x.shape[1])

    def inner(self, padded: Tensor) -> Tensor:
        """An image without the margin."""
        return padded[self.radius : -self.radius, self.radius : -self.radius]


def _hats(length: int, spacing: float, options: dict) -> Tensor:
    """Linear interpolation from knots to the pixels of an axis, shape (length, knots)."""
    knots = int(np.clip(round((length - 1) / spacing) + 1, 2, _MOST_KNOTS))
    at = torch.linspace(0, knots - 1, length, **options)
    return (1 - (at[:, None] - torch.arange(knots, **options)).abs()).clamp(min=0)


class _Linearised:
    """The expected image and its derivatives at given parameters.

    A column's derivatives are by log amplitude, x and y in widths, and log width: A g(u) g(v) times 1, u, v and
    u^2 + v^2, with u and v the distances from its centre in widths. `x` and `y` are g, u g and u^2 g (y times A), shape
    (columns, 3, n).
    """

    def __init__(self, frame: Frame, columns: Tensor, knots: Tensor) -> None:
        self.frame, self.knots = frame, knots
        rows, row_length = frame.data.shape
        offsets = torch.arange(2 * frame.radius + 1, device=columns.device)
        last = torch.tensor([row_length, rows], device=columns.device) - len(offsets)
        corner = torch.minimum(columns[:, 1:3].round().long().clamp(min=0), last)
        pixels = (corner[:, 1:] + offsets)[:, :, None] * row_length + (corner[:, :1] + offsets)[:, None]
        self.pixels = pixels.flatten()
        from_centre = corner[:, :, None] + (offsets - frame.radius) - columns[:, 1:3, None]
        u, v = (from_centre / columns[:, 3, None, None].exp()).unbind(dim=1)
        self.x = _moments(torch.exp(-u * u / 2), u)
        self.y = _moments(torch.exp(columns[:, :1] - v * v / 2), v)
        of_log_amplitude = torch.zeros_like(columns)
        of_log_amplitude[:, 0] = 1
        self.expected = self.derivative(of_log_amplitude, knots)
        self.darkest = _DARKEST * columns[:, 0].median().exp()

    def derivative(self, columns: Tensor, knots: Tensor) -> Tensor:
        """Change of the image with a change of the columns' parameters and the background's knots."""
        a, x, y, w = columns[:, :, None].unbind(dim=1)
        along_y = torch.stack([a * self.y[:, 0] + y * self.y[:, 1] + w * self.y[:, 2], self.y[:, 0]], dim=2)
        along_x = torch.stack([self.x[:, 0], x * self.x[:, 1] + w * self.x[:, 2]], dim=1)
        image = torch.zeros_like(self.frame.data).flatten()
        image.scatter_add_(0, self.pixels, (along_y @ along_x).flatten())
        return image.view_as(self.frame.data) + self.frame.hats_y @ knots @ self.frame.hats_x.T

    def windows(self, image: Tensor) -> Tensor:
        """Surroundings of each column, shape (columns, n, n)."""
        return image.flatten().index_select(0, self.pixels).view(len(self.x), self.x.shape[2], -1)

    def adjoint(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Sum over pixels of an image times each derivative."""
        sums = self.y @ self.windows(image) @ self.x.mT
        columns = [sums[:, 0, 0], sums[:, 0, 1], sums[:, 1, 0], sums[:, 0, 2] + sums[:, 2, 0]]
        return torch.stack(columns, dim=1), self.frame.hats_y.T @ image @ self.frame.hats_x

    def scoring_step(self) -> tuple[Tensor, Tensor]:
        """Fisher information's inverse times the likelihood's gradient, by preconditioned conjugate gradients."""
        weights = self.frame.seen / self.expected.clamp(min=self.darkest)
        own = self.own_information(weights)
        damping = _DAMPING * own.diagonal(dim1=1, dim2=2) + 1e-12
        own_inverse = torch.linalg.inv(own + torch.diag_embed(damping))
        of_knots = (self.frame.hats_y**2).T @ weights @ self.frame.hats_x**2
        stiffness = _STIFFNESS * of_knots.mean() + 1e-12

        def precondition(residual: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
            return (own_inverse @ residual[0][:, :, None])[:, :, 0], residual[1] / (of_knots + stiffness)

        columns, knots = self.adjoint(weights * (self.frame.data - self.expected))
        residual = columns, knots - stiffness * (self.knots - self.knots.mean())
        step = torch.zeros_like(residual[0]), torch.zeros_like(residual[1])
        direction = conditioned = precondition(residual)
        first = left = dot(residual, conditioned)
        for _ in range(_PRODUCTS):
            columns, knots = self.adjoint(weights * self.derivative(*direction))
            bent = stiffness * (direction[1] - direction[1].mean())
            product = columns + damping * direction[0], knots + bent
            length = left / dot(direction, product).clamp(min=1e-30)
            step = add(step, length, direction)
            residual = add(residual, -length, product)
            conditioned = precondition(residual)
            before, left = left, dot(residual, conditioned)
            if left <= _RESIDUAL**2 * first:
                break
            direction = add(conditioned, left / before, direction)
        return step

    def own_information(self, weights: Tensor) -> Tensor:
        """Fisher matrix of each column's own parameters, shape (columns, 4, 4)."""
        m = (_squares(self.y) @ self.windows(weights) @ _squares(self.x).mT).permute(2, 1, 0)  # by powers of u and v
        entries = [
            [m[0, 0], m[1, 0], m[0, 1], m[2, 0] + m[0, 2]],
            [m[1, 0], m[2, 0], m[1, 1], m[3, 0] + m[1, 2]],
            [m[0, 1], m[1, 1], m[0, 2], m[2, 1] + m[0, 3]],
            [m[2, 0] + m[0, 2], m[3, 0] + m[1, 2], m[2, 1] + m[0, 3], m[4, 0] + 2 * m[2, 2] + m[0, 4]],
        ]
        return torch.stack([torch.stack(row, dim=1) for row in entries], dim=1)


def _moments(gaussian: Tensor, distance: Tensor) -> Tensor:
    return torch.stack([gaussian, gaussian * distance, gaussian * distance * distance], dim=1)


def _squares(moments: Tensor) -> Tensor:
    """Squared Gaussian times the distance to the power of 0 to 4."""
    first, second = torch.tensor([[0, 0, 1, 1, 2], [0, 1, 1, 2, 2]], device=moments.device)
    return moments[:, first] * moments[:, second]


def dot(a: tuple[Tensor, Tensor], b: tuple[Tensor, Tensor]) -> Tensor:
    """Scalar product of parameters: those of columns, and knots."""
    return (a[0] * b[0]).sum() + (a[1] * b[1]).sum()


def add(a: tuple[Tensor, Tensor], factor: Tensor, b: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Parameters and a multiple of others."""
    return a[0] + factor * b[0], a[1] + factor * b[1]


def first_guess(
    image: np.ndarray, seen: np.ndarray, starts: np.ndarray, apart: float
) -> tuple[float, float, np.ndarray]:
    """Width [px] and background from the columns' mean radial profile, and amplitudes from their centres."""
    radius = int(np.clip(apart, 3, min(image.shape) // 2))
    centres = np.clip(np.rint(starts).astype(int), 0, np.array(image.shape[::-1]) - 1)
    x, y = centres[:: len(centres) // _PROFILED + 1].T
    offsets = np.arange(2 * radius + 1)
    padded = np.pad(np.where(seen, image, np.nan), radius, constant_values=np.nan)
    windows = padded[(y[:, None] + offsets)[:, :, None], (x[:, None] + offsets)[:, None]]
    rings = np.rint(np.hypot(*np.ogrid[-radius : radius + 1, -radius : radius + 1])).astype(int).ravel()
    number = np.bincount(rings, np.isfinite(windows).sum(axis=0).ravel())
    profile = np.bincount(rings, np.nansum(windows, axis=0).ravel()) / np.maximum(number, 1)
    profile = profile[: radius + 1][number[: radius + 1] > 0]
    background = profile.min()
    half = (profile[0] + background) / 2
    after = max(int(np.argmax(profile < half)), 1)  # the ring where half of the height is passed
    half_width = after - (half - profile[after]) / max(profile[after - 1] - profile[after], 1e-12)
    width = float(np.clip(half_width / np.sqrt(2 * np.log(2)), 0.7, radius))
    central = ndimage.uniform_filter(image, 2 * int(width / 2) + 1)[centres[:, 1], centres[:, 0]] - background
    return width, float(background), np.maximum(central, max(0.1 * np.median(central), 1e-6))
