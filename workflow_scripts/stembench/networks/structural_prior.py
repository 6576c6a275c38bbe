"""A network that is told the crystal structure, after Guo, Lin & Chen (2025), doi 10.12141/j.issn.1000-565X.250032.

The paper's abstract alone is public: a prior of the material's structure, as a modality of structure coordinates,
enters self-attention and cross-attention by contrastive learning, and columns are predicted that noise or an upper
layer hides. The design that follows it is our own. The structure's coordinates are drawn as patches, turned to every
angle and moved to every place of the cell, and cross-attention asks at each place of the image which of these patches
it sees: the product of query and key is a matched filter, whose query is learned. The contrastive term compares how
well an image fits its own structure and another's.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from scipy.fft import next_fast_len
from scipy.spatial import cKDTree
from torch import nn
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence

from stembench.crystals.projection import Projection
from stembench.datasets.labels import gaussian_mask, ignored
from stembench.datasets.sample import Sample
from stembench.imaging.linear import strength_of
from stembench.networks._convolutions import convolved_twice
from stembench.networks.base import Compare, Network, in_single_precision

#: Maps, one a rank of strength: heaviest, second, rest.
RANKS = 3
#: Columns that a prior has room for, the strongest of the cell.
MOST_COLUMNS = 24
#: Numbers in a token of the prior.
FEATURES = 6

_GAMMA = 1.7  # of Z in a column's strength, as in the linear model
# Of the lattice's token, and of a column's.
_PRESENT, _LENGTHS, _ANGLE, _PIXEL_SIZE = 0, slice(1, 3), slice(3, 5), 5
_PLACE, _STRENGTH, _RANK = slice(1, 3), 3, 4
_NEXT_CLASS = 0.8  # a column this much weaker than the next stronger one is of another class
_NEIGHBOURHOOD_A = 6.0  # beyond the spacing of equal columns in most crystals

_HEADS = 4
_FIRST_ATTENDING = 3  # level of the encoder, at stride 8
_LONGEST_PX = 1024.0  # wavelength of the position encoding
_DROPPED, _MISTOLD = 0.2, 0.2  # of the priors in training: dropped; another image's in its place
_CONTRASTIVE_WEIGHT = 0.1
_SAME_STRUCTURE = 1e-3  # largest difference of the tokens of one structure

_STRIDE = 2  # of the features that attend to patches [px]
_REACH = 24  # from the middle of a patch to its edge [strides]
_WINDOW = 12.0  # SD of the Gaussian that weighs a patch [strides]: a few cells, which tell more than one column does
_TURNS = 60  # angles that are tried: every 6 degrees, which moves a column at the window's SD by half its width
_KEPT_TURNS = 8  # of them, each finer, are attended to: equivalent ones of two grains
_KEY_FWHM_A, _VALUE_FWHM_A = 1.1, 0.6  # of the columns drawn: as images show them, and as maps do
_HIGHEST_SCORE = 12.0  # Fourier transforms in single precision still show a weight of 1 beside one of exp(12)
_BACKGROUND = 8  # background is the mean over a square of twice this and one [strides]


def prior_tokens(projection: Projection, pixel_size: float) -> np.ndarray:
    """What the network is told of a crystal: its lattice and columns in its own axes, at the image's scale.

    Nothing here depends on where the crystal lies in the image, nor on how it is turned.

    Parameters
    ----------
    projection : Projection
        The crystal along its zone axis.
    pixel_size : float
        Of the image [A].

    Returns
    -------
    ndarray of float32, shape (1 + MOST_COLUMNS, FEATURES)
        The lattice: 1, logarithms of the lengths of both vectors [px], cosine and sine of the angle from the first to
        the second, logarithm of the pixel size [A]. Then the columns, the strongest first: 1, place as fractions of the
        lattice vectors, strength (sum of occupancy times Z^1.7) as a fraction of the strongest's, rank among its
        neighbours. Rows that are not needed are 0.
    """
    lengths = np.linalg.norm(projection.lattice, axis=1)
    (ax, ay), (bx, by) = projection.lattice / lengths[:, None]
    tokens = np.zeros((1 + MOST_COLUMNS, FEATURES), np.float32)
    tokens[0] = 1, *np.log(lengths / pixel_size), ax * bx + ay * by, ax * by - ay * bx, np.log(pixel_size)
    places = np.array([[column["x_A"], column["y_A"]] for column in projection.columns])
    strengths = np.array(
        [sum(a["occupancy"] * strength_of(a["element"], _GAMMA) for a in c["atoms"]) for c in projection.columns]
    )
    strongest = np.argsort(-strengths, kind="stable")[:MOST_COLUMNS]
    columns = tokens[1 : 1 + len(strongest)]
    columns[:, _PRESENT] = 1
    columns[:, _PLACE] = places[strongest] @ np.linalg.inv(projection.lattice) % 1
    columns[:, _STRENGTH] = strengths[strongest] / strengths.max()
    columns[:, _RANK] = _ranks_in_crystal(places, strengths, projection.lattice)[strongest]
    return tokens


def _ranks_in_crystal(places: np.ndarray, strengths: np.ndarray, lattice: np.ndarray) -> np.ndarray:
    """`strength_ranks` of the columns of a cell amid its neighbours."""
    most = np.ceil(_NEIGHBOURHOOD_A * np.linalg.norm(np.linalg.inv(lattice), axis=0)).astype(int)
    steps = np.stack(np.meshgrid(*[np.arange(-n, n + 1) for n in most], indexing="ij"), -1).reshape(-1, 1, 2)
    ranks = strength_ranks((places + steps @ lattice).reshape(-1, 2), np.tile(strengths, len(steps)))
    return ranks.reshape(len(steps), -1)[len(steps) // 2]


def strength_ranks(positions: np.ndarray, strengths: np.ndarray) -> np.ndarray:
    """Rank of each column among its neighbours: 0 the heaviest, 1 second, 2 all others.

    Going down the strengths of the columns within 6 A, a class ends where the next is weaker than 0.8 of the one
    before. Vacancies in columns of equal atoms leave them in one class, and as the neighbourhood alone counts, so do a
    wedge and a particle's rounded edge; and a crop of the image shows what decides.

    Parameters
    ----------
    positions : ndarray, shape (columns, 2)
        x and y [A].
    strengths : ndarray, shape (columns,)
        Strength of each.

    Returns
    -------
    ndarray of int, shape (columns,)
    """
    ranks = np.zeros(len(strengths), int)
    if not len(ranks):
        return ranks
    for column, near in enumerate(cKDTree(positions).query_ball_point(positions, _NEIGHBOURHOOD_A)):
        upwards = np.sort(strengths[near])
        upwards = upwards[upwards >= strengths[column]]
        ranks[column] = np.count_nonzero(upwards[:-1] < _NEXT_CLASS * upwards[1:])
    return np.minimum(ranks, RANKS - 1)


class StructuralPrior(Network):
    """U-Net whose features attend to each other and to patches of a crystal structure.

    At strides 8 and 16 there is self-attention, which begins as nothing, by gates of 0. At stride 2 there is
    cross-attention to the prior (`StructureAttention`); what it gathers is added to the skips at strides 1 and 2, and
    without a prior nothing is. In training some images are told nothing, and some another's structure, so that the
    network knows what to do then.

    Memory grows with the number of pixels, the time of self-attention with its square: 1024 x 1024 px are 16,384 places
    at stride 8, where it takes more than half of all the time. Larger images are better cut up.

    No parameter count is public; the one here is our definition's with all its parts.

    Parameters
    ----------
    width : float
        Channels as a fraction of 32, 64, 128, 192 and 256.
    self_attention, cross_attention, contrastive : bool
        Parts of the network, for comparison without them. The contrastive term needs cross-attention, whose scores it
        compares.
    """

    source = "after Guo, Lin & Chen (2025), doi 10.12141/j.issn.1000-565X.250032"
    published_parameters = 4_095_622
    tasks = ("localise",)
    maps = RANKS
    divisor = 16
    normalisation = "standardise"
    sigmoid = True

    def __init__(
        self,
        width: float = 1.0,
        self_attention: bool = True,
        cross_attention: bool = True,
        contrastive: bool = True,
    ) -> None:
        super().__init__()
        if contrastive and not cross_attention:
            raise ValueError("contrastive: true needs cross_attention: true")
        plain = [max(1, round(width * channels)) for channels in (32, 64, 128)]
        attending = [_HEADS * max(1, round(width * channels / _HEADS)) for channels in (192, 256)]
        channels = plain + attending
        self.encoder = nn.ModuleList(convolved_twice(*pair, bias=False) for pair in zip([1, *channels], channels))
        self.decoder = nn.ModuleList(
            convolved_twice(deep + skip, skip, bias=False) for skip, deep in pairwise(channels)
        )
        self.output = nn.Conv2d(channels[0], RANKS, 1)
        self.self_attention = nn.ModuleList(_SelfAttention(n) for n in attending) if self_attention else None
        self.cross_attention = StructureAttention(channels[1]) if cross_attention else None
        self.gathered = nn.ModuleList(nn.Conv2d(RANKS + 1, n, 1, bias=False) for n in channels[:2] if cross_attention)
        self.contrastive = contrastive

    def start_from(self, mean: float) -> None:
        """The bias before the sigmoid becomes the logit of the mean, taken over all maps."""
        nn.init.constant_(self.output.get_parameter("bias"), math.log(mean / (1 - mean)))

    def compute(
        self, image: torch.Tensor, prior: torch.Tensor | None = None
    ) -> torch.Tensor | tuple[torch.Tensor, ...]:
        """Logits of the ranks; in training with the contrastive term, them and what `contrastive_loss` takes.

        Parameters
        ----------
        image : Tensor, shape (batch, 1, y, x)
            Normalised images.
        prior : Tensor, shape (batch, 1 + MOST_COLUMNS, FEATURES), optional
            Of `prior_tokens`, 0 where there is none. In training some are dropped, and some are exchanged.
        """
        levels, features = [], image
        for level, convolutions in enumerate(self.encoder):
            features = convolutions(functional.max_pool2d(features, 2) if level else features)
            if self.self_attention is not None and level >= _FIRST_ATTENDING:
                features = self._attending_to_itself(self.self_attention[level - _FIRST_ATTENDING], features, level)
            levels.append(features)
        compared: list[torch.Tensor] = []
        if prior is None:
            prior = image.new_zeros(len(image), 1 + MOST_COLUMNS, FEATURES)
        if self.cross_attention is not None and (self.training or _is_given(prior).any()):
            found, *compared = self._attending_to_prior(self.cross_attention, image, levels[1], prior)
            wide = functional.interpolate(found, scale_factor=_STRIDE, mode="bilinear", align_corners=False)
            for level, gathered in enumerate((wide, found)):
                levels[level] = levels[level] + self.gathered[level](gathered)
        features = levels.pop()
        for convolutions in reversed(self.decoder):
            features = functional.interpolate(features, scale_factor=2, mode="bilinear", align_corners=False)
            features = convolutions(torch.cat([levels.pop(), features], dim=1))
        maps = in_single_precision(self.output, features)
        return (maps, *compared) if compared else maps

    def _attending_to_prior(
        self, attention: "StructureAttention", image: torch.Tensor, features: torch.Tensor, prior: torch.Tensor
    ) -> tuple[torch.Tensor, ...]:
        """What is gathered; in training with the contrastive term also what `contrastive_loss` takes."""
        query, given = attention.query(image, features), _is_given(prior)
        if not self.training:
            return (attention(query, prior)[0] * given[:, None, None, None],)
        draw, others = torch.rand(len(prior), device=prior.device), prior.roll(1, 0)
        mistold = (draw < _MISTOLD) & _is_given(others)
        told, not_told = (torch.where(mistold[:, None, None], *pair) for pair in ((others, prior), (prior, others)))
        found, fit = attention(query, told)
        found = found * (_is_given(told) & (draw < 1 - _DROPPED))[:, None, None, None]
        if not self.contrastive:
            return (found,)
        fit_of_other = attention.fit(query, not_told)
        own, other = torch.where(mistold, fit_of_other, fit), torch.where(mistold, fit, fit_of_other)
        differ = (_structure(prior) - _structure(others)).abs().amax(-1) >= _SAME_STRUCTURE
        return found, own, other, given & _is_given(others) & differ

    def _attending_to_itself(self, attention: nn.Module, features: torch.Tensor, level: int) -> torch.Tensor:
        # In training the places count from anywhere: what is learned on crops is how far places are apart, and holds in
        # images of any size.
        origin = torch.zeros(len(features), 2, device=features.device)
        if self.training:
            origin = _LONGEST_PX * torch.rand_like(origin)
        height, width = features.shape[-2:]
        places = place_encoding(origin, height, width, 2**level, features.shape[1])
        return attention(features, places)

    def target(self, sample: Sample, task: str) -> np.ndarray:
        """Gaussian masks of the columns of each rank, also of hidden ones that are asked for; NaN as in `Network`."""
        asked = sample.columns[sample.columns.asked]
        positions = asked[["x_A", "y_A"]].to_numpy()
        ranks = strength_ranks(positions, asked.strength.to_numpy())
        pixel_size, fwhm = (sample.parameters[key] for key in ("pixel_size_A", "gaussian_mask_fwhm_A"))
        shape = sample.images["image"].shape
        masks = [gaussian_mask(positions[ranks == rank], shape, pixel_size, fwhm) for rank in range(RANKS)]
        return np.where(ignored(sample), np.float32("nan"), np.stack(masks))

    def context(self, sample: Sample, structures: Mapping[tuple[str, str], Projection]) -> dict[str, np.ndarray]:
        """`prior`: the tokens of the sample's structure, 0 if that is not known."""
        known = structures.get((sample.parameters.get("material", ""), sample.parameters.get("zone", "")))
        if known is None:
            return {"prior": np.zeros((1 + MOST_COLUMNS, FEATURES), np.float32)}
        return {"prior": prior_tokens(known, sample.parameters["pixel_size_A"])}

    def loss(self, output: torch.Tensor | tuple, target: torch.Tensor, compare: Compare) -> torch.Tensor:
        """The comparison of the maps, and in training the contrastive loss, weighed in proportion to it.

        Losses of maps differ a thousandfold in size; a constant weight would be all or nothing beside them.
        """
        if not isinstance(output, tuple):
            return compare(output, target)
        of_maps = compare(output[0], target)
        return of_maps + _CONTRASTIVE_WEIGHT * of_maps.detach() * contrastive_loss(*output[1:])

    def map_of(self, output: torch.Tensor | tuple) -> torch.Tensor:
        """The highest of the ranks at each pixel."""
        return (output[0] if isinstance(output, tuple) else output).amax(dim=1, keepdim=True)


def contrastive_loss(own: torch.Tensor, other: torch.Tensor, counted: torch.Tensor) -> torch.Tensor:
    """InfoNCE of each image with its own structure and one other: van den Oord et al. (2018), arXiv 1807.03748, eq. 4.

    Parameters
    ----------
    own, other : Tensor, shape (batch,)
        How well the image fits its structure, and another's (`StructureAttention.fit`).
    counted : Tensor of bool, shape (batch,)
        Which images count: those with two structures that differ.
    """
    return (functional.softplus(other - own) * counted).sum() / counted.sum().clamp(min=1)


def place_encoding(origin: torch.Tensor, height: int, width: int, stride: int, channels: int) -> torch.Tensor:
    """Sines and cosines of the places of a feature map, of any size: Vaswani et al. (2017), arXiv 1706.03762, sec. 3.5.

    Parameters
    ----------
    origin : Tensor, shape (batch, 2)
        y and x of the first place [px].
    height, width : int
        Of the feature map.
    stride : int
        From place to place [px].
    channels : int
        A multiple of 4; wavelengths go from twice the stride, in equal ratios, to 1024 px.

    Returns
    -------
    Tensor, shape (batch, height * width, channels)
        Of y and then of x, sines and then cosines.
    """
    count = channels // 4
    steps = torch.linspace(0, 1, count, device=origin.device)
    wave_numbers = 2 * math.pi / (2 * stride * (_LONGEST_PX / (2 * stride)) ** steps)
    parts = []
    for axis, length in enumerate((height, width)):
        places = origin[:, axis, None] + stride * torch.arange(length, device=origin.device)
        phases = places[..., None] * wave_numbers
        parts.append(torch.cat([phases.sin(), phases.cos()], dim=-1))
    along_y, along_x = parts[0][:, :, None], parts[1][:, None]
    grid = (-1, height, width, -1)
    return torch.cat([along_y.expand(grid), along_x.expand(grid)], dim=-1).flatten(1, 2)


class _SelfAttention(nn.Module):
    """Scaled dot-product attention of four heads among features: Vaswani et al. (2017), arXiv 1706.03762, section 3.2.

    What is gathered is added through a gate for each channel that starts at 0, so that it begins as nothing:
    Bachlechner et al. (2020), arXiv 2003.04887.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.query, self.key, self.value, self.output = (nn.Linear(channels, channels) for _ in range(4))
        self.gate = nn.Parameter(torch.zeros(channels))

    def forward(self, features: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        """Of shape (batch, channels, y, x); `places`, of shape (batch, y * x, channels), tell where each is."""
        attending = self.norm(features.flatten(2).mT)
        placed = attending + places.to(attending.dtype)
        heads = [
            linear(part).unflatten(-1, (_HEADS, -1)).transpose(1, 2)
            for linear, part in ((self.query, placed), (self.key, placed), (self.value, attending))
        ]
        gathered = self.output(functional.scaled_dot_product_attention(*heads).transpose(1, 2).flatten(2))
        return features + (self.gate * gathered).mT.unflatten(2, features.shape[-2:])


class StructureAttention(nn.Module):
    """Cross-attention of an image's features to patches of a structure, turned to any angle, at any place of its cell.

    A patch shows the crystal around a place, weighed by a Gaussian. Keys are patches as an image shows them, values are
    patches as the maps of the ranks do. As patches that differ by their place alone are one patch moved, the softmax
    over all of them, and over one key of nothing with a learned score, is made of correlations and convolutions. Turns
    are looked for first with a coarser image; those that fit best are attended to.

    Parameters
    ----------
    channels : int
        Of the features, at stride 2.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.features = nn.Conv2d(channels, 1, 3, padding=1, bias=False)
        self.share = nn.Parameter(torch.tensor(0.1))
        self.sharpness = nn.Parameter(torch.tensor(1.0))
        self.nothing = nn.Parameter(torch.tensor(2.0))

    def query(self, image: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        """The image above its background and a learned map of its features, shape (batch, y, x), at stride 2."""
        with torch.autocast(image.device.type, enabled=False):
            small = functional.avg_pool2d(image.float(), _STRIDE)
            edges = functional.pad(small, (_BACKGROUND,) * 4, mode="replicate")
            above = small - functional.avg_pool2d(edges, 2 * _BACKGROUND + 1, 1)
            return _standardised(_standardised(above) + self.share * self.features(features.float()))[:, 0]

    def fit(self, query: torch.Tensor, prior: torch.Tensor) -> torch.Tensor:
        """How well an image fits a structure in its best turns and places: log of the sum of all keys' weights."""
        with torch.autocast(query.device.type, enabled=False):
            points = _around(prior, _STRIDE).turned(*self._best_turns(query, prior))
            return self._scores(query, points).flatten(1).logsumexp(1)

    def forward(self, query: torch.Tensor, prior: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The ranks' maps as gathered and the weight of all keys but nothing, shape (batch, ranks + 1, y, x); `fit`."""
        with torch.autocast(query.device.type, enabled=False):
            points = _around(prior, _STRIDE).turned(*self._best_turns(query, prior))
            scores = self._scores(query, points)
            shape, (height, width) = _room(query, points.reach), query.shape[-2:]
            with torch.no_grad():
                window = torch.fft.rfft2(_window(shape, points.reach, query.device))
                of_ranks = [(points.ranks == rank) * points.strengths.sign() for rank in range(RANKS)]
                values = [points.spectrum(each, _VALUE_FWHM_A, shape) / window[0, 0].real for each in of_ranks]
            weights = torch.fft.rfft2(scores.exp(), shape)
            sums = torch.stack([(weights * value).sum(1) for value in (*values, window / window[0, 0].real)], dim=1)
            maps = torch.fft.irfft2(sums, shape)[..., :height, :width]
            whole = maps[:, -1:].clamp(min=0) + self.nothing.exp()
            return maps / whole, scores.flatten(1).logsumexp(1)

    def _scores(self, query: torch.Tensor, points: "_Points") -> torch.Tensor:
        """Product of query and key at each place, in SDs of white noise, limited; shape (batch, turns, y, x)."""
        shape, (height, width) = _room(query, points.reach), query.shape[-2:]
        with torch.no_grad():
            keys = points.spectrum(points.strengths, _KEY_FWHM_A, shape)
            window = torch.fft.rfft2(_window(shape, points.reach, query.device))
            keys = keys - window * (keys[..., :1, :1] / window[0, 0])  # of mean 0
            power = keys.real.square() + keys.imag.square()
            power = 2 * power.sum((-2, -1)) - power[..., 0].sum(-1)  # half are not stored; the highest are 0
            keys = keys.conj() / (power / math.prod(shape)).sqrt().clamp(min=1e-6)[..., None, None]
        products = torch.fft.irfft2(torch.fft.rfft2(query, shape)[:, None] * keys, shape)[..., :height, :width]
        return _HIGHEST_SCORE * torch.tanh(self.sharpness / _HIGHEST_SCORE * products)

    @torch.no_grad()
    def _best_turns(self, query: torch.Tensor, prior: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Angles [rad], shape (batch, kept turns), and whether the structure is seen from behind, shape (batch,)."""
        coarse = _standardised(functional.avg_pool2d(query[:, None], 2))[:, 0]
        turns = torch.arange(_TURNS, device=query.device).expand(len(query), -1) * (2 * math.pi / _TURNS)
        front = torch.zeros(len(query), dtype=torch.bool, device=query.device)
        points = _around(prior, 2 * _STRIDE)
        fits = [self._scores(coarse, points.turned(turns, side)).flatten(2).logsumexp(2) for side in (front, ~front)]
        mirrored = fits[1].amax(1) > fits[0].amax(1)
        fit = torch.where(mirrored[:, None], fits[1], fits[0])
        before, after = fit.roll(1, 1), fit.roll(-1, 1)
        lowest = fit.amin() - fit.amax()  # beside a better turn
        best = torch.where((fit >= before) & (fit > after), fit, fit + lowest).topk(_KEPT_TURNS, 1).indices
        left, middle, right = (each.gather(1, best) for each in (before, fit, after))
        vertex = (left - right) / (2 * (left - 2 * middle + right).clamp(max=-1e-6))
        return (best + vertex.clamp(-0.5, 0.5)) * (2 * math.pi / _TURNS), mirrored


def _standardised(maps: torch.Tensor) -> torch.Tensor:
    maps = maps - maps.mean((-2, -1), keepdim=True)
    return maps / maps.std((-2, -1), keepdim=True).clamp(min=1e-6)


class _Points(NamedTuple):
    """Columns around the strongest one of each prior of a batch, all that patches show."""

    places: torch.Tensor  # x and y [strides], shape (batch, points, 2), or (batch, turns, points, 2)
    strengths: torch.Tensor  # shape (batch, points), 0 where there is none
    ranks: torch.Tensor  # shape (batch, points)
    stride_A: torch.Tensor  # shape (batch,)
    reach: int  # of patches [strides]

    def turned(self, turns: torch.Tensor, mirrored: torch.Tensor) -> "_Points":
        """In turns [rad] of shape (batch, turns), upside down before that where `mirrored`, of shape (batch,)."""
        x, y = self.places[:, None].unbind(-1)
        y = torch.where(mirrored[:, None, None], -y, y)
        cosine, sine = turns.cos()[..., None], turns.sin()[..., None]
        return self._replace(places=torch.stack([x * cosine - y * sine, x * sine + y * cosine], dim=-1))

    def spectrum(self, weights: torch.Tensor, fwhm: float, shape: Sequence[int]) -> torch.Tensor:
        """Fourier transforms of patches with Gaussian columns of these heights, about their middles.

        Of shape (batch, turns, *frequencies); `weights` is of shape (batch, points), `fwhm` in angstrom.
        """
        height, width = shape
        weights = (weights * _weight(self.places[:, 0].square().sum(-1), self.reach))[:, None]
        corner = self.places.floor()
        right, down = (self.places - corner).unbind(-1)
        column, row = corner.long().unbind(-1)
        patches = weights.new_zeros(*column.shape[:2], height * width)
        for x, along in ((column, 1 - right), (column + 1, right)):
            for y, across in ((row, 1 - down), (row + 1, down)):
                patches.scatter_add_(2, y % height * width + x % width, weights * along * across)
        variance = (fwhm / math.sqrt(8 * math.log(2)) / self.stride_A).square()[:, None, None, None]
        frequencies = torch.fft.fftfreq(height, device=weights.device), torch.fft.rfftfreq(width, device=weights.device)
        squared = frequencies[0][:, None].square() + frequencies[1].square()
        blur = 2 * math.pi * variance * torch.exp(-2 * math.pi**2 * variance * squared)
        return torch.fft.rfft2(patches.unflatten(2, (height, width))) * blur


@torch.no_grad()
def _around(prior: torch.Tensor, stride: int) -> _Points:
    """The columns that patches at a stride show, in the crystal's own axes."""
    reach, parts = _REACH * _STRIDE // stride, []
    for tokens in prior.cpu():
        columns = tokens[1:][tokens[1:, _PRESENT] > 0]
        if not len(columns):
            parts.append(torch.zeros(1, 4))
            continue
        (a, b), (cosine, sine) = tokens[0, _LENGTHS].exp() / stride, tokens[0, _ANGLE]
        lattice = torch.tensor([[a, 0.0], [b * cosine, b * sine]])
        most = (reach * torch.linalg.inv(lattice).norm(dim=0)).ceil().int().tolist()
        steps = torch.cartesian_prod(*[torch.arange(-n - 1, n + 2) for n in most])
        places = (columns[:, _PLACE] - columns[0, _PLACE] + steps[:, None]) @ lattice
        kinds = columns[:, (_STRENGTH, _RANK)].expand(len(steps), -1, -1)
        points = torch.cat([places, kinds], dim=2).flatten(0, 1)
        parts.append(points[points[:, :2].norm(dim=1) <= reach])
    points = pad_sequence(parts, batch_first=True).to(prior.device)
    return _Points(points[..., :2], points[..., 2], points[..., 3], stride * prior[:, 0, _PIXEL_SIZE].exp(), reach)


def _weight(squared: torch.Tensor, reach: int) -> torch.Tensor:
    """Weights of a patch's places, by their squared distances from its middle."""
    return torch.exp(squared / (-2 * (_WINDOW * reach / _REACH) ** 2)) * (squared <= reach**2)


def _window(shape: Sequence[int], reach: int, device: torch.device) -> torch.Tensor:
    """Weights of a patch about its middle, shape (y, x)."""
    down, along = (torch.fft.fftfreq(length, 1 / length, device=device) for length in shape)
    return _weight(down[:, None].square() + along.square(), reach)


def _room(query: torch.Tensor, reach: int) -> list[int]:
    """Shape of Fourier transforms in which patches at one edge do not meet the other."""
    return [next_fast_len(max(length + reach, 2 * reach + 1), real=True) for length in query.shape[-2:]]


def _is_given(prior: torch.Tensor) -> torch.Tensor:
    return prior[:, 0, _PRESENT] > 0


def _structure(prior: torch.Tensor) -> torch.Tensor:
    """What is equal of two priors of one structure: columns, and the lattice in angstrom."""
    lattice = prior[:, 0]
    lengths = lattice[:, _LENGTHS] + lattice[:, _PIXEL_SIZE, None]
    return torch.cat([lengths, lattice[:, _ANGLE], prior[:, 1:].flatten(1)], dim=1)


NETWORK = StructuralPrior
