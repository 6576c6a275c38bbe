"""Columns fitted with the radial profile that the image itself tells: maximum likelihood of all columns together.

The image is modelled as one round profile a column, of free height and position, on a background that is bilinear
between knots, as in `gaussian_fit`. The profile is a mixture of concentric Gaussians whose weights follow, with the
background, from all columns by linear least squares; DAOPHOT does likewise for stars (Stetson, PASP 99, 191 (1987), doi
10.1086/131977). What stands out of the residuals at the edge, light of columns just beyond it, is modelled too, so that
it moves no neighbour and does not pass for noise.

Pixels are weighted with 1 / variance, and the variance is a line over the expected level, fitted to the residuals. For
Poisson counts that is Fisher scoring of their likelihood, whatever the image's gain, offset and read-out noise.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from scipy import ndimage
from scipy.spatial import KDTree
from torch import Tensor

from stembench.localisation.gaussian_fit import Frame, add, dot, first_guess

_FACTORS = 2 ** np.arange(-1, 2, 0.5)  # widths of the mixture's Gaussians, in widths of the first guess
_DOUBT = 0.005  # standard deviation of a weight about that of the first guess, were the image to tell nothing
_OF_WIDTH, _WIDER = 0.3, np.array([0, -1, 0, 1, 0, 0]) / np.sqrt(2)  # the same of a change of the width alone
_FIRST_RADIUS, _CORE, _FARTHEST = 3.25, 2.5, 6.0  # of windows: at first, of derivatives, and at most [widths]
_NOTHING = 0.003  # of its height that a profile is cut off at
_KNOTS = 4.0  # column distances between knots of the background
_ROUNDS, _SHAPED = 6, (1, 2, 3, 4)  # scoring steps, and those that begin with a fit of the profile
_TAKEN_IN = (2,)  # rounds that begin by taking in what the edge cuts off
_STANDS_OUT, _FAINT = 5.0, 0.03  # of that: in its standard errors, and in median heights
_APART, _INSIDE = 1.5, 0.5  # of that: from columns, and farthest from the edge [widths]
_TOLD = 0.2  # of that: information, in its median
_PRODUCTS, _RESIDUAL = 8, 0.1  # conjugate gradients: steps at most, and fraction that is left of the residual
_DAMPING, _STIFFNESS = 1e-3, 1e-3  # of a step, and of the knots about their mean, as fractions of the information
_LONGEST = 0.5  # step of a position [widths]
_REACH, _LEAST_REACH = 2.0, 1.5  # that a column goes from its start [widths], at most and whatever its neighbours
_UNSETTLED, _FADED = 0.1, 0.01  # a failed fit's last move in widths, and its height in median heights
_LEVELS, _READ = 16, 10_000  # that noise is read at, and pixels that it is read from


@dataclass(frozen=True)
class Profile:
    """A column's image, round and of height 1: a mixture of Gaussians.

    Attributes
    ----------
    widths, weights : ndarray, shape (Gaussians,)
        Their standard deviations [px], and their heights, some of which may be negative; they sum to 1.
    width : float
        Of the column, taken for a Gaussian [px].
    """

    widths: np.ndarray
    weights: np.ndarray
    width: float

    def __call__(self, radii: np.ndarray) -> np.ndarray:
        """At distances from the centre [px], of any shape."""
        return np.exp(-(np.asarray(radii)[..., None] ** 2) / (2 * self.widths**2)) @ self.weights

    @property
    def radius(self) -> int:
        """Where it ends [px]."""
        radii = np.arange(0, np.ceil(_FARTHEST * self.width), 0.25)
        last = radii[np.flatnonzero(np.abs(self(radii)) > _NOTHING)[-1]]
        return int(np.ceil(max(last, _CORE * self.width)))


@dataclass(frozen=True)
class ProfileFit:
    """Columns of one profile in an image.

    Attributes
    ----------
    positions : ndarray, shape (columns, 2)
        x and y [px]; the start where the fit failed.
    heights : ndarray, shape (columns,)
        Above the background [units of the image].
    errors : ndarray, shape (columns,)
        Standard error of a coordinate [px], were profile, background and other columns known, by the image and
        `start_error` together; nan where the fit failed.
    fitted : ndarray of bool, shape (columns,)
        False where the fit failed: the column left the image or its start's surroundings, faded, or did not settle.
    profile : Profile or None
        Of all columns; None without columns.
    """

    positions: np.ndarray
    heights: np.ndarray
    errors: np.ndarray
    fitted: np.ndarray
    profile: Profile | None


def fit_profiles(
    image: np.ndarray, starts: np.ndarray, *, profile: Profile | None = None, start_error: float = np.inf
) -> ProfileFit:
    """Fit the image's own profile to every column.

    Parameters
    ----------
    image : ndarray, shape (y, x)
        Bright columns, in any unit. NaN where nothing was measured.
    starts : ndarray, shape (columns, 2)
        x and y to start from [px]. A column moves by two widths at most, and if that is more than 1.5 widths, by half
        the distance to its neighbour.
    profile : Profile, optional
        Where it is known, as from another part of the image.
    start_error : float
        Standard error of a coordinate of the starts [px], if they tell where columns are: a column that the image
        tells less of stays near its start.

    Returns
    -------
    ProfileFit
        Positions, heights and standard errors of all columns, and the profile.
    """
    starts = np.asarray(starts, float).reshape(-1, 2)
    seen = np.isfinite(image)
    if not len(starts) or not seen.any():
        nothing = np.full(len(starts), np.nan)
        return ProfileFit(starts, nothing, nothing, np.zeros(len(starts), bool), profile)
    image = np.where(seen, image, 0).astype(float)
    scale = np.abs(image).max() or 1.0
    fit = _Fit(image / scale, seen, starts, profile, start_error)
    for number in range(_ROUNDS):
        if number in _TAKEN_IN:
            fit.take_in()
        if number in _SHAPED and profile is None:
            fit.shape()
        fit.step()
    return fit.result(len(starts), scale)


class _Fit:
    """State of a fit: columns, background, profile and noise; all images in units of the largest pixel."""

    def __init__(
        self, image: np.ndarray, seen: np.ndarray, starts: np.ndarray, profile: Profile | None, start_error: float
    ) -> None:
        apart = KDTree(starts).query(starts, k=2)[0][:, 1]  # inf for a column alone
        width, background, heights = first_guess(image, seen, starts, np.median(apart))
        if profile is None:
            weights = np.where(np.isclose(_FACTORS, 1), 1.0, 0.0)
            self.profile, radius = Profile(width * _FACTORS, weights, width), int(np.ceil(_FIRST_RADIUS * width))
        else:
            self.profile, radius = profile, profile.radius
        self.image, self.seen, self.starts = image, seen, starts
        self.spacing = _KNOTS * max(np.median(apart), width)
        self.options: dict[str, Any] = {"dtype": torch.float32}
        self.noise = 1.0, 0.0, 1.0  # variance at level 0, its slope, and the least
        self.frame = Frame(image, seen, starts, radius, self.spacing, self.options)
        self.knots = torch.full(self.frame.knots, background, **self.options)
        self.places, self.origins = (torch.as_tensor(starts, **self.options) for _ in range(2))
        self.heights = torch.as_tensor(heights, **self.options)
        reach = np.clip(apart / 2, _LEAST_REACH * self.profile.width, _REACH * self.profile.width)
        self.reach = torch.as_tensor(reach, **self.options)
        self.known = torch.zeros(len(starts), 3, **self.options)  # information on height, x and y beside the image's
        self.known[:, 1:] = start_error**-2

    def windows(self, radius: int) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Pixels around the columns, and Gaussians there.

        Returns the flat image's pixels (columns * n * n), distances along x and y (columns, n), and the mixture's
        Gaussians along x (columns, Gaussians, n) and y (columns, n, Gaussians).
        """
        rows, length = self.frame.data.shape
        offsets = torch.arange(2 * radius + 1)
        last = torch.tensor([length, rows]) - len(offsets)
        corner = (self.places.round().long() + (self.frame.radius - radius)).clamp(min=0).minimum(last)
        pixels = ((corner[:, 1:] + offsets)[:, :, None] * length + (corner[:, :1] + offsets)[:, None]).flatten()
        away = corner[:, :, None] + (offsets - self.frame.radius) - self.places[:, :, None]
        widths = torch.as_tensor(self.profile.widths, **self.options)
        gaussians = torch.exp(-(away[:, :, None] ** 2) / (2 * widths[:, None] ** 2))
        return pixels, away[:, 0], away[:, 1], gaussians[:, 0], gaussians[:, 1].mT

    def summed(self, pixels: Tensor, values: Tensor) -> Tensor:
        """Image that is the sum of what columns have in their windows."""
        image = torch.zeros(self.frame.data.numel(), **self.options)
        return image.scatter_add_(0, pixels, values.flatten()).view_as(self.frame.data)

    def background(self, knots: Tensor) -> Tensor:
        """Bilinear between knots."""
        return self.frame.hats_y @ knots @ self.frame.hats_x.T

    def expected(self) -> Tensor:
        """Columns and background."""
        pixels, _, _, x, y = self.windows(self.frame.radius)
        weights = torch.as_tensor(self.profile.weights, **self.options)
        return self.summed(pixels, (self.heights[:, None, None] * y * weights) @ x) + self.background(self.knots)

    def pixel_weights(self, expected: Tensor) -> Tensor:
        """One over the variance of each pixel, 0 where nothing was measured."""
        level, slope, least = self.noise
        return self.frame.seen / (level + slope * expected).clamp(min=least)

    def read_noise(self, expected: Tensor) -> None:
        """Fit the variance's line to the squares of the residuals, by level."""
        counted = torch.nonzero(self.frame.seen.flatten())[:, 0]
        some = counted[:: len(counted) // _READ + 1]
        data, levels = (each.flatten()[some].double().numpy() for each in (self.frame.data, expected))
        parts = [part for part in np.array_split(np.argsort(levels), _LEVELS) if len(part)]
        level, variance = (np.array([each[part].mean() for part in parts]) for each in (levels, (data - levels) ** 2))
        variance = np.maximum(variance, 1e-12)
        line = np.column_stack([np.ones(len(level)), level]) / variance[:, None]
        constant, slope = np.linalg.lstsq(line, np.ones(len(level)))[0]
        if slope < 0:
            constant, slope = 1 / np.mean(1 / variance), 0.0
        least = max(constant + slope * level[0], 0.2 * variance.min(), 1e-9)
        self.noise = float(constant), float(slope), float(least)

    def shape(self) -> None:
        """Fit the profile's weights and the background, by linear least squares, to all columns where they are."""
        frame, number = self.frame, len(self.profile.widths)
        pixels, _, _, x, y = self.windows(frame.radius)
        each = [
            self.summed(pixels, (self.heights[:, None, None] * y[:, :, k : k + 1]) @ x[:, k : k + 1])
            for k in range(number)
        ]
        images = torch.stack(each)
        before = torch.as_tensor(self.profile.weights, **self.options)
        expected = torch.tensordot(before, images, 1) + self.background(self.knots)
        weights = self.pixel_weights(expected)
        weighted, left = images * weights, frame.data - expected
        knots = frame.knots[0] * frame.knots[1]
        squares_y, squares_x = ((h[:, :, None] * h[:, None]).flatten(1) for h in (frame.hats_y, frame.hats_x))
        of_knots = squares_y.T @ weights @ squares_x
        of_knots = of_knots.view(*(frame.knots[:1] * 2), *(frame.knots[1:] * 2)).permute(0, 2, 1, 3).reshape(knots, -1)
        between = (frame.hats_y.T @ weighted @ frame.hats_x).flatten(1)
        of_images = weighted.flatten(1) @ images.flatten(1).T
        matrix = torch.cat([torch.cat([of_images, between], 1), torch.cat([between.T, of_knots], 1)]).double()
        of_data = [weighted.flatten(1) @ left.flatten(), (frame.hats_y.T @ (weights * left) @ frame.hats_x)]
        gradient = torch.cat([part.flatten() for part in of_data]).double()
        stiffness = _STIFFNESS * of_knots.diagonal().mean()
        usual = torch.as_tensor(np.where(np.isclose(self.profile.widths, self.profile.width), 1.0, 0.0))
        wider = torch.as_tensor(_WIDER)[:, None]
        doubt = torch.eye(number, dtype=torch.float64) / _DOUBT**2
        doubt -= (_DOUBT**-2 - _OF_WIDTH**-2) * wider @ wider.T
        gradient[:number] -= doubt @ (before - usual).double()
        gradient[number:] -= stiffness * (self.knots - self.knots.mean()).flatten()
        prior = torch.block_diag(doubt, torch.eye(knots, dtype=torch.float64) * (stiffness + 1e-12))
        change = torch.linalg.solve(matrix + prior, gradient)
        fitted = self.profile.weights + change[:number].numpy()
        if not fitted.sum() > 0.1:
            return
        self.heights = self.heights * float(fitted.sum())
        self.knots = self.knots + change[number:].view(frame.knots).to(self.knots.dtype)
        self.profile = replace(self.profile, weights=fitted / fitted.sum())
        if self.profile.radius != frame.radius:
            self.frame = Frame(self.image, self.seen, self.starts, self.profile.radius, self.spacing, self.options)

    def take_in(self) -> None:
        """Model what stands out of the residuals at the edge, away from all columns."""
        expected, width = self.expected(), self.profile.width
        weights = self.pixel_weights(expected)
        told, information = (
            2 * np.pi * sigma**2 * ndimage.gaussian_filter(image.numpy(), sigma, mode="constant", truncate=3)
            for image, sigma in ((weights * (self.frame.data - expected), width), (weights, width / np.sqrt(2)))
        )
        enough = information > _TOLD * np.median(information[self.frame.seen.numpy() > 0])
        information = np.where(enough, information, np.inf)
        out = told / np.sqrt(information)
        highest = out == ndimage.maximum_filter(out, 2 * int(np.ceil(width)) + 1)
        faint = _FAINT * float(self.heights.median())
        rows, columns = np.nonzero(highest & (out > _STANDS_OUT) & (told > faint * information))
        found = np.column_stack([columns, rows]) - float(self.frame.radius)
        last = np.array(self.image.shape[::-1]) - 1
        chosen = (np.minimum(found, last - found) < _INSIDE * width).any(axis=1)
        chosen &= KDTree(self.places.double().numpy()).query(found)[0] > _APART * width
        new = torch.as_tensor(found[chosen], **self.options)
        heights = torch.as_tensor((told / information)[rows, columns][chosen], **self.options)
        self.places, self.origins = torch.cat([self.places, new]), torch.cat([self.origins, new])
        self.heights = torch.cat([self.heights, heights])
        self.reach = torch.cat([self.reach, torch.full_like(heights, _REACH * width)])
        self.known = torch.cat([self.known, torch.zeros(len(new), 3, **self.options)])

    def step(self) -> None:
        """Fisher scoring of heights, positions and background, by preconditioned conjugate gradients."""
        frame, width = self.frame, self.profile.width
        expected = self.expected()
        left = frame.data - expected
        self.read_noise(expected)
        weights = self.pixel_weights(expected)
        pixels, across, down, x, y = self.windows(min(int(np.ceil(_CORE * width)), frame.radius))
        mixed = torch.as_tensor(self.profile.weights, **self.options)
        sloped = torch.as_tensor(self.profile.weights / self.profile.widths**2, **self.options)
        by_x, by_y = (y * sloped) @ (x * across[:, None]), (y * sloped * down[:, :, None]) @ x
        heights = self.heights[:, None]
        slopes = [((y * mixed) @ x).flatten(1), heights * by_x.flatten(1), heights * by_y.flatten(1)]
        derivatives = torch.stack(slopes, 1)

        def gathered(image: Tensor) -> Tensor:
            return image.flatten().index_select(0, pixels).view(len(derivatives), -1)

        self.information = (derivatives * gathered(weights)[:, None]) @ derivatives.mT + torch.diag_embed(self.known)
        damping = _DAMPING * self.information.diagonal(dim1=1, dim2=2) + 1e-12
        inverse = torch.linalg.inv(self.information + torch.diag_embed(damping))
        of_knots = (frame.hats_y**2).T @ weights @ frame.hats_x**2
        stiffness = _STIFFNESS * of_knots.mean() + 1e-12

        def adjoint(image: Tensor) -> tuple[Tensor, Tensor]:
            return (derivatives @ gathered(image)[:, :, None])[:, :, 0], frame.hats_y.T @ image @ frame.hats_x

        def precondition(residual: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
            return (inverse @ residual[0][:, :, None])[:, :, 0], residual[1] / (of_knots + stiffness)

        columns, knots = adjoint(weights * left)
        columns[:, 1:] -= self.known[:, 1:] * (self.places - self.origins)
        residual = columns, knots - stiffness * (self.knots - self.knots.mean())
        step = torch.zeros_like(columns), torch.zeros_like(knots)
        direction = conditioned = precondition(residual)
        first = remaining = dot(residual, conditioned)
        for _ in range(_PRODUCTS):
            image = self.summed(pixels, direction[0][:, None] @ derivatives) + self.background(direction[1])
            columns, knots = adjoint(weights * image)
            bent = stiffness * (direction[1] - direction[1].mean())
            product = columns + (damping + self.known) * direction[0], knots + bent
            length = remaining / dot(direction, product).clamp(min=1e-30)
            step, residual = add(step, length, direction), add(residual, -length, product)
            conditioned = precondition(residual)
            before, remaining = remaining, dot(residual, conditioned)
            if remaining <= _RESIDUAL**2 * first:
                break
            direction = add(conditioned, remaining / before, direction)
        usual = float(self.heights.median())
        change = step[0][:, 0].clamp(-0.6 * self.heights, 2 * self.heights)
        self.heights = (self.heights + change).clamp(min=1e-3 * usual)
        away = self.places + step[0][:, 1:].clamp(-_LONGEST * width, _LONGEST * width) - self.origins
        self.distance = torch.linalg.norm(away, dim=1)
        places = self.origins + away * (self.reach / self.distance.clamp(min=1e-9)).clamp(max=1)[:, None]
        self.moved = torch.linalg.norm(places - self.places, dim=1)
        self.places, self.knots = places, self.knots + step[1]

    def result(self, number: int, scale: float) -> ProfileFit:
        """Of the first columns, in the image's units."""
        width = self.profile.width
        places, heights = self.places[:number].double().numpy(), self.heights[:number].double().numpy()
        settled = ((self.distance < self.reach) & (self.moved < _UNSETTLED * width))[:number].numpy()
        within = ((places > -0.5) & (places < np.array(self.image.shape[::-1]) - 0.5)).all(axis=1)
        information = self.information[:number].double()
        information = information + torch.diag_embed(1e-9 * information.diagonal(dim1=1, dim2=2) + 1e-12)
        variances = torch.linalg.inv(information).diagonal(dim1=1, dim2=2)[:, 1:].mean(dim=1).numpy()
        fitted = settled & within & (heights > _FADED * np.median(heights))
        errors = np.sqrt(np.where(fitted, np.maximum(variances, 0), np.nan))
        positions = np.where(fitted[:, None], places, self.starts)
        return ProfileFit(positions, scale * heights, errors, fitted, self.profile)
