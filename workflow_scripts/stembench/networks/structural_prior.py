"""A network that is told the crystal structure, after Guo, Lin & Chen (2025), doi 10.12141/j.issn.1000-565X.250032.

The paper's abstract alone is public: a prior of the material's structure, as a modality of structure coordinates,
enters self-attention and cross-attention by contrastive learning, and columns are predicted that noise or an upper
layer hides. The design that follows it is our own: prior tokens, gated attention at strides 8 and 16 of a U-Net, a
contrastive term, and a map for each rank of strength.
"""

import math
from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import nn
from torch.nn import functional

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
_PRESENT, _PLACE, _STRENGTH = 0, slice(1, 3), 3  # of a column's token
_NEXT_CLASS = 0.8  # a column this much weaker than the next stronger one is of another class
_NEIGHBOURHOOD_A = 6.0  # beyond the spacing of equal columns in most crystals

_HEADS = 4
_FIRST_ATTENDING = 3  # level of the encoder, at stride 8
_HARMONICS = ((1, 0), (0, 1), (1, 1), (1, -1), (2, 0), (0, 2))
_LONGEST_PX = 1024.0  # wavelength of the position encoding
_DROPPED = 0.2  # of the priors in training
_CONTRASTIVE_WEIGHT = 0.1
_TEMPERATURE = 0.07  # to start from; Radford et al. (2021), arXiv 2103.00020, section 2.5
_LARGEST_SCALE = 100.0  # ibid.
_SAME_STRUCTURE = 1e-3  # largest difference of the tokens of one structure


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
        lattice vectors, strength (sum of occupancy times Z^1.7) as a fraction of the strongest's. Rows that are not
        needed are 0.
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
    return tokens


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


def info_nce(image: torch.Tensor, prior: torch.Tensor, kept: torch.Tensor, structure: torch.Tensor) -> torch.Tensor:
    """Symmetric contrastive loss between images and their priors: van den Oord et al. (2018), arXiv 1807.03748, eq. 4.

    A prior of the image's own structure, given with another image of the batch, is no wrong answer: it is left out.

    Parameters
    ----------
    image, prior : Tensor, shape (batch, channels)
        Unit vectors, one of them divided by the temperature.
    kept : Tensor of bool, shape (batch,)
        Which samples have a prior; the others count in nothing.
    structure : Tensor, shape (batch, numbers)
        Equal within 1e-3 for samples of one structure.
    """
    similarity = image.float() @ prior.float().T
    same = (structure[:, None] - structure).abs().amax(-1) < _SAME_STRUCTURE
    own = torch.eye(len(kept), dtype=torch.bool, device=kept.device)
    similarity = similarity.masked_fill((same | ~kept | ~kept[:, None]) & ~own, -torch.inf)
    truth = torch.arange(len(kept), device=kept.device)
    losses = [functional.cross_entropy(each, truth, reduction="none") for each in (similarity, similarity.T)]
    return ((losses[0] + losses[1]) / 2 * kept).sum() / kept.sum().clamp(min=1)


class StructuralPrior(Network):
    """U-Net whose features attend to each other and to the tokens of a crystal structure.

    At strides 8 and 16 there is self-attention, then, once the encoder is through, cross-attention to the prior; both
    begin as nothing, by gates of 0. The contrastive term compares images and priors before they meet (as Li et al. do,
    arXiv 2107.07651), for afterwards each image would hold its own prior. Without a prior cross-attention adds nothing.

    Memory grows with the number of pixels, the time of self-attention with its square: 1024 x 1024 px are 16,384 places
    at stride 8, where it takes more than half of all the time. Larger images are better cut up.

    No parameter count is public; the one here is our definition's with all its parts.

    Parameters
    ----------
    width : float
        Channels as a fraction of 32, 64, 128, 192 and 256, and of the prior's 128.
    self_attention, cross_attention, contrastive : bool
        Parts of the network, for comparison without them.
    """

    source = "after Guo, Lin & Chen (2025), doi 10.12141/j.issn.1000-565X.250032"
    published_parameters = 4_734_596
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
        plain = [max(1, round(width * channels)) for channels in (32, 64, 128)]
        attending = [_HEADS * max(1, round(width * channels / _HEADS)) for channels in (192, 256)]
        tokens = _HEADS * max(1, round(width * 128 / _HEADS))
        channels = plain + attending
        self.encoder = nn.ModuleList(convolved_twice(*pair, bias=False) for pair in zip([1, *channels], channels))
        self.decoder = nn.ModuleList(
            convolved_twice(deep + skip, skip, bias=False) for skip, deep in pairwise(channels)
        )
        self.output = nn.Conv2d(channels[0], RANKS, 1)
        self.self_attention = nn.ModuleList(_SelfAttention(n, n) for n in attending) if self_attention else None
        self.cross_attention = nn.ModuleList(_CrossAttention(n, tokens) for n in attending) if cross_attention else None
        self.prior = _PriorEncoder(tokens) if cross_attention or contrastive else None
        self.contrastive = _Embeddings(attending[-1], tokens) if contrastive else None

    def start_from(self, mean: float) -> None:
        """The bias before the sigmoid becomes the logit of the mean, taken over all maps."""
        nn.init.constant_(self.output.get_parameter("bias"), math.log(mean / (1 - mean)))

    def compute(
        self, image: torch.Tensor, prior: torch.Tensor | None = None
    ) -> torch.Tensor | tuple[torch.Tensor, ...]:
        """Logits of the ranks; in training with the contrastive term, a tuple of them and what `info_nce` takes.

        Parameters
        ----------
        image : Tensor, shape (batch, 1, y, x)
            Normalised images.
        prior : Tensor, shape (batch, 1 + MOST_COLUMNS, FEATURES), optional
            Of `prior_tokens`, 0 where there is none. In training some are dropped, and the origin of each is moved.
        """
        levels, features = [], image
        for level, convolutions in enumerate(self.encoder):
            features = convolutions(functional.max_pool2d(features, 2) if level else features)
            if self.self_attention is not None and level >= _FIRST_ATTENDING:
                features = self._attending_to_itself(self.self_attention[level - _FIRST_ATTENDING], features, level)
            levels.append(features)
        deepest = features
        if self.prior is not None:
            prior = image.new_zeros(len(image), 1 + MOST_COLUMNS, FEATURES) if prior is None else prior
            given, structure = prior[:, 0, _PRESENT] > 0, _structure(prior)
            if self.training:
                given = given & (torch.rand(len(prior), device=prior.device) >= _DROPPED)
                prior = moved_origin(prior, torch.rand(len(prior), 2, device=prior.device))
            tokens, present = self.prior(prior)
        if self.cross_attention is not None:
            for level, attention in enumerate(self.cross_attention, _FIRST_ATTENDING):
                levels[level] = attention(levels[level], tokens, present, given)
        features = levels.pop()
        for convolutions in reversed(self.decoder):
            features = functional.interpolate(features, scale_factor=2, mode="bilinear", align_corners=False)
            features = convolutions(torch.cat([levels.pop(), features], dim=1))
        maps = in_single_precision(self.output, features)
        if self.contrastive is None or not self.training:
            return maps
        return maps, *self.contrastive(deepest, tokens[:, 0]), given, structure

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
        return of_maps + _CONTRASTIVE_WEIGHT * of_maps.detach() * info_nce(*output[1:])

    def map_of(self, output: torch.Tensor | tuple) -> torch.Tensor:
        """The highest of the ranks at each pixel."""
        return (output[0] if isinstance(output, tuple) else output).amax(dim=1, keepdim=True)


def moved_origin(prior: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    """Priors of the same crystals with their columns counted from another origin.

    Parameters
    ----------
    prior : Tensor, shape (batch, 1 + MOST_COLUMNS, FEATURES)
        Of `prior_tokens`.
    shift : Tensor, shape (batch, 2)
        Added to the places [fractions of the lattice vectors].
    """
    moved = prior.clone()
    present = prior[:, 1:, _PRESENT, None] > 0
    moved[:, 1:, _PLACE] = torch.where(present, (prior[:, 1:, _PLACE] + shift[:, None]) % 1, prior[:, 1:, _PLACE])
    return moved


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


class Attention(nn.Module):
    """Scaled dot-product attention of four heads: Vaswani et al. (2017), arXiv 1706.03762, section 3.2.

    Parameters
    ----------
    channels, context_channels : int
        Of what attends, and of what is attended to.
    """

    def __init__(self, channels: int, context_channels: int) -> None:
        super().__init__()
        self.query = nn.Linear(channels, channels)
        self.key = nn.Linear(context_channels, channels)
        self.value = nn.Linear(context_channels, channels)
        self.output = nn.Linear(channels, channels)

    def forward(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, present: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Of tensors of shape (batch, places, channels); `present`, of shape (batch, keys), says which keys count."""
        heads = [
            linear(part).unflatten(-1, (_HEADS, -1)).transpose(1, 2)
            for linear, part in ((self.query, query), (self.key, key), (self.value, value))
        ]
        mask = None if present is None else present[:, None, None]
        attended = functional.scaled_dot_product_attention(heads[0], heads[1], heads[2], attn_mask=mask)
        return self.output(attended.transpose(1, 2).flatten(2))


class _GatedAttention(nn.Module):
    """What features gather from themselves or from tokens, added through a gate for each channel that starts at 0.

    So each part begins as nothing: Bachlechner et al. (2020), arXiv 2003.04887.
    """

    def __init__(self, channels: int, context_channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.attention = Attention(channels, context_channels)
        self.gate = nn.Parameter(torch.zeros(channels))

    def _attending(self, features: torch.Tensor) -> torch.Tensor:
        return self.norm(features.flatten(2).mT)

    def _added(self, features: torch.Tensor, gathered: torch.Tensor) -> torch.Tensor:
        return features + (self.gate * gathered).mT.unflatten(2, features.shape[-2:])


class _SelfAttention(_GatedAttention):
    """From the features themselves, which know their places."""

    def forward(self, features: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        attending = self._attending(features)
        placed = attending + places.to(attending.dtype)
        return self._added(features, self.attention(placed, placed, attending))


class _CrossAttention(_GatedAttention):
    """From the tokens of the prior that are `present`, in samples that are `given` one."""

    def forward(
        self, features: torch.Tensor, tokens: torch.Tensor, present: torch.Tensor, given: torch.Tensor
    ) -> torch.Tensor:
        gathered = self.attention(self._attending(features), tokens, tokens, present)
        return self._added(features, gathered * given[:, None, None])


class _PriorEncoder(nn.Module):
    """Two transformer layers over a summary token, the lattice and the columns."""

    harmonics: torch.Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.summary = nn.Parameter(0.02 * torch.randn(channels))
        self.lattice = nn.Linear(FEATURES - 1, channels)
        self.column = nn.Linear(2 * len(_HARMONICS) + 1, channels)
        self.layers = nn.ModuleList(_TransformerLayer(channels) for _ in range(2))
        self.norm = nn.LayerNorm(channels)
        self.register_buffer("harmonics", 2 * math.pi * torch.tensor(_HARMONICS).float().T, persistent=False)

    def forward(self, prior: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Tokens, the summary first, and which of them are there."""
        phases = prior[:, 1:, _PLACE] @ self.harmonics
        columns = torch.cat([phases.cos(), phases.sin(), prior[:, 1:, _STRENGTH, None]], dim=-1)
        summary = self.summary.expand(len(prior), 1, -1)
        tokens = torch.cat([summary, self.lattice(prior[:, :1, 1:]), self.column(columns)], dim=1)
        present = functional.pad(prior[..., _PRESENT] > 0, (1, 0), value=True)
        for layer in self.layers:
            tokens = layer(tokens, present)
        return self.norm(tokens), present


class _TransformerLayer(nn.Module):
    """Self-attention and a perceptron, each normalised first: Xiong et al. (2020), arXiv 2002.04745."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(channels)
        self.attention = Attention(channels, channels)
        self.perceptron = nn.Sequential(
            nn.LayerNorm(channels), nn.Linear(channels, 2 * channels), nn.GELU(), nn.Linear(2 * channels, channels)
        )

    def forward(self, tokens: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
        normed = self.attention_norm(tokens)
        tokens = tokens + self.attention(normed, normed, normed, present)
        return tokens + self.perceptron(tokens)


class _Embeddings(nn.Module):
    """Unit vectors of images and of priors, those of the images divided by a temperature that is learned."""

    def __init__(self, channels: int, tokens: int) -> None:
        super().__init__()
        self.image = nn.Linear(channels, tokens)
        self.prior = nn.Linear(tokens, tokens)
        self.log_scale = nn.Parameter(torch.tensor(-math.log(_TEMPERATURE)))

    def forward(self, features: torch.Tensor, summary: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        image = functional.normalize(self.image(features.mean((-2, -1))).float(), dim=-1)
        prior = functional.normalize(self.prior(summary).float(), dim=-1)
        return image * self.log_scale.clamp(max=math.log(_LARGEST_SCALE)).exp(), prior


def _structure(prior: torch.Tensor) -> torch.Tensor:
    """What is equal of two priors of one structure: columns, and the lattice in angstrom."""
    lattice = prior[:, 0]
    lengths = lattice[:, 1:3] + lattice[:, 5:]
    return torch.cat([lengths, lattice[:, 3:5], prior[:, 1:].flatten(1)], dim=1)


NETWORK = StructuralPrior
