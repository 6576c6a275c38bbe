"""Faster R-CNN: Ren et al. (2015), arXiv 1506.01497, by torchvision."""

from functools import partial
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from stembench.datasets.sample import Sample
from stembench.errors import CannotLoadError
from stembench.networks.base import Compare, Network

#: How many times as large the detector sees an image; columns are 8 to 40 px apart in it, and wider than 5 px.
ENLARGED = 2
#: Layers of MobileNetV3-Large before which strides of 4, 8 and 16 px of the enlarged image end.
_ENDS = (4, 7, 13)
#: Sides of the square anchors at these strides [px of the enlarged image].
_ANCHORS = ((12.0, 17.0), (24.0, 34.0), (48.0, 68.0))
#: Area of the enlarged image for each anchor and for each box that are learned from [px], which makes 256 and 64 of a
#: crop of 64 px; torchvision's numbers are those of an image, whatever it holds.
_AREAS = (64, 256)
#: Most proposals that are trained with, and most that are looked at in use, of a stride; none scores less than these.
_PROPOSALS = {"training": 1000, "testing": 10_000}
_LEAST_SCORE = 0.01
#: Where a detection's peak falls to 0 [px].
_REACH = 4


class FasterRCNN(Network):
    """Proposals and boxes on a feature pyramid of MobileNetV3-Large, which find squares as wide as a column around it.

    The parts and their settings are torchvision's, but for the scale: the image is enlarged twice and not brought to a
    size, the pyramid is of strides 4, 8 and 16 instead of 16 and more, and anchors are of the columns' sizes. Batch
    normalisation is not frozen, as a backbone from scratch asks.

    Parameters
    ----------
    width : float
        Channels as a fraction of MobileNetV3's, of 256 in the pyramid and of 1024 in the boxes' head.
    pretrained : bool
        Whether the backbone starts from torchvision's ImageNet weights, if width is 1 and torch's cache holds them;
        nothing is downloaded.

    Attributes
    ----------
    note : str
        Where the backbone started from.

    Raises
    ------
    CannotLoadError
        If torchvision does not load beside the installed torch.
    """

    source = "Ren et al. (2015), arXiv 1506.01497, by torchvision with MobileNetV3-Large, arXiv 1905.02244"
    published_parameters = 17_107_132  # of this definition; the paper's has other backbones
    tasks = ("localise",)
    divisor = 16 // ENLARGED
    normalisation = "standardise"

    def __init__(self, width: float = 1.0, pretrained: bool = True) -> None:
        super().__init__()
        torchvision = _torchvision()
        models, detection = torchvision.models, torchvision.models.detection
        norm = partial(nn.BatchNorm2d, eps=1e-3)  # torchvision's running statistics are those of the last 100 steps
        backbone = models.mobilenet_v3_large(weights=None, width_mult=width, norm_layer=norm)
        weights = _cached(models.MobileNet_V3_Large_Weights.DEFAULT.url) if pretrained and width == 1 else None
        if weights:
            backbone.load_state_dict(weights)
        self.note = "pretrained backbone" if weights else "backbone from scratch"
        stages = [backbone.features[slice(*ends)] for ends in zip((0, *_ENDS), _ENDS)]
        self.stages = nn.ModuleList(stages)
        channels, hidden = (max(1, round(width * usual)) for usual in (256, 1024))
        self.pyramid = torchvision.ops.FeaturePyramidNetwork([part[-1].out_channels for part in stages], channels)
        anchors = detection.anchor_utils.AnchorGenerator(_ANCHORS, ((1.0,),) * len(_ANCHORS))
        self.rpn = _sparing_the_ignored(detection.rpn.RegionProposalNetwork)(
            anchors,
            detection.rpn.RPNHead(channels, anchors.num_anchors_per_location()[0]),
            fg_iou_thresh=0.7,
            bg_iou_thresh=0.3,
            batch_size_per_image=1,  # see `_detect`
            positive_fraction=0.5,
            pre_nms_top_n=_PROPOSALS,
            post_nms_top_n=_PROPOSALS,
            nms_thresh=0.7,
            score_thresh=_LEAST_SCORE,
        )
        self.roi_heads = detection.roi_heads.RoIHeads(
            torchvision.ops.MultiScaleRoIAlign(["0"], output_size=7, sampling_ratio=2),
            detection.faster_rcnn.TwoMLPHead(channels * 7**2, hidden),
            detection.faster_rcnn.FastRCNNPredictor(hidden, num_classes=2),
            fg_iou_thresh=0.5,
            bg_iou_thresh=0.5,
            batch_size_per_image=1,  # see `_detect`
            positive_fraction=0.25,
            bbox_reg_weights=None,
            score_thresh=_LEAST_SCORE,
            nms_thresh=0.5,
            detections_per_img=_PROPOSALS["testing"],
        )
        self.image_list = detection.image_list.ImageList

    def compute(self, image: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """The image, whose frame a map will have, and its features; boxes are made of these where they are wanted.

        Returns
        -------
        Tensor, shape (batch, 1, y, x)
            The image.
        Tensor, shape (batch, channels, y / 2, x / 2)
            Features; then those of half and of a quarter of that size.
        """
        seen = functional.interpolate(image, scale_factor=ENLARGED, mode="bicubic", align_corners=False)
        seen, levels = seen.expand(-1, 3, -1, -1), {}
        for number, stage in enumerate(self.stages):
            levels[str(number)] = seen = stage(seen)
        return image, *self.pyramid(levels).values()

    def target(self, sample: Sample, task: str) -> np.ndarray:
        """The columns of an image, each at the pixel nearest to it.

        Returns
        -------
        ndarray of float32, shape (4, y, x)
            Side of the column's box [px], its negative if the column is not asked for, 0 where there is none; from the
            pixel to the column in x and in y [px]; number of the row, which tells whether a crop is upside down.
        """
        columns = sample.columns.sort_values("asked")  # of two at one pixel the one that is asked for stays
        radius = sample.parameters["column_radius_A"]
        pixel_size, shape = sample.parameters["pixel_size_A"], sample.images["image"].shape
        places = columns[["x_A", "y_A"]].to_numpy() / pixel_size
        pixels = np.round(places).astype(int).clip(0, np.array(shape[::-1]) - 1)
        planes = np.zeros((4, *shape), np.float32)
        planes[3] = np.arange(shape[0])[:, None]
        x, y = pixels.T
        planes[0, y, x] = np.where(columns.asked, 2, -2) * radius / pixel_size
        planes[1:3, y, x] = (places - pixels).T
        return planes

    def loss(self, output: tuple[torch.Tensor, ...], target: torch.Tensor, compare: Compare) -> torch.Tensor:
        """The sum of torchvision's losses: class and place, of the proposals and of the boxes; `compare` is not used.

        Anchors and boxes at columns that are not asked for count neither as columns nor as background. The anchors and
        proposals that they are taken of are drawn at random, for equal targets the same.
        """
        # Torchvision learns nothing from boxes of the label -1.
        targets = [{"boxes": boxes_of(planes), "labels": planes[0][planes[0] != 0].sign().long()} for planes in target]
        with torch.random.fork_rng([target.device] if target.is_cuda else []):
            torch.manual_seed(int(target.abs().sum(dtype=torch.double)))
            return sum(self._detect(output, targets)[1].values())

    @torch.no_grad()
    def map_of(self, output: tuple[torch.Tensor, ...]) -> torch.Tensor:
        """A peak at the centre of each box that is found, as high as its score; shape (batch, 1, y, x)."""
        height, width = output[0].shape[-2:]
        maps = []
        for at in range(len(output[0])):  # one by one, for the memory that thousands of proposals take
            image, *features = (part[at : at + 1] for part in output)
            (found,), _ = self._detect((image, *features))
            maps.append(peaks(centres_of(found["boxes"], _frame(features)), found["scores"], (height, width)))
        return torch.stack(maps)[:, None]

    def _detect(self, output: tuple[torch.Tensor, ...], targets: list[dict] | None = None) -> tuple[list[dict], dict]:
        """What is found, or with targets the losses by name."""
        _, *features = (part.float() for part in output)
        levels = {str(number): level for number, level in enumerate(features)}
        height, width = frame = _frame(features)
        images = self.image_list(
            features[0].new_empty(1).expand(len(features[0]), 1, *frame), [frame] * len(features[0])
        )
        for part, area in zip((self.rpn, self.roi_heads), _AREAS):
            part.train(targets is not None)  # no norms or dropout: their mode tells what they return and no more
            part.fg_bg_sampler.batch_size_per_image = max(1, height * width // area)
        proposals, losses = self.rpn(images, levels, targets)
        found, losses_of_boxes = self.roi_heads(levels, proposals, images.image_sizes, targets)
        return found, losses | losses_of_boxes


def boxes_of(planes: torch.Tensor) -> torch.Tensor:
    """Boxes of the columns in a target, or in a crop of one.

    Parameters
    ----------
    planes : Tensor, shape (4, y, x)
        As `FasterRCNN.target` makes them, or upside down.

    Returns
    -------
    Tensor, shape (columns, 4)
        Edges left, top, right, bottom [px of the enlarged image, 0 at its corner].
    """
    y, x = planes[0].nonzero(as_tuple=True)
    side, across, along, _ = planes[:, y, x]
    along = along * (planes[3, 1, 0] - planes[3, 0, 0])
    middle, half = torch.stack([x + across, y + along], dim=1) + 0.5, side.abs()[:, None] / 2
    return ENLARGED * torch.cat([middle - half, middle + half], dim=1)


def centres_of(boxes: torch.Tensor, frame: tuple[int, int]) -> torch.Tensor:
    """Centres of square boxes, also of those that torchvision cut at the edge of the image.

    Parameters
    ----------
    boxes : Tensor, shape (columns, 4)
        Edges, as `boxes_of` gives them.
    frame : tuple of int
        Height and width of the enlarged image.

    Returns
    -------
    Tensor, shape (columns, 2)
        x and y [px of the image, 0 at the centre of the first].
    """
    low, high = boxes[:, :2], boxes[:, 2:]
    half = (high - low).amax(dim=1, keepdim=True) / 2
    middle = torch.where(low <= 0, high - half, (low + high) / 2)
    middle = torch.where(high >= high.new_tensor(frame[::-1]), low + half, middle)
    return middle / ENLARGED - 0.5


def peaks(places: torch.Tensor, heights: torch.Tensor, shape: tuple[int, int]) -> torch.Tensor:
    """A map of paraboloids, whose vertex `localisation.peaks` reads without an error.

    Parameters
    ----------
    places : Tensor, shape (columns, 2)
        x and y [px].
    heights : Tensor, shape (columns,)
        Of their vertices.
    shape : tuple of int
        Height and width of the map.

    Returns
    -------
    Tensor, shape `shape`
        They fall to 0 at 4 px; where several overlap the highest counts.
    """
    steps = torch.arange(-_REACH, _REACH + 1, device=places.device)
    columns, rows = (along.round().long()[:, None] + steps for along in places.T)
    distances2 = (columns - places[:, :1])[:, None, :] ** 2 + (rows - places[:, 1:])[:, :, None] ** 2
    values = heights[:, None, None] * (1 - distances2 / _REACH**2)
    rows, columns = torch.broadcast_tensors(rows[:, :, None], columns[:, None, :])
    inside = (rows >= 0) & (rows < shape[0]) & (columns >= 0) & (columns < shape[1])
    surface = heights.new_zeros(shape[0] * shape[1])
    surface.scatter_reduce_(0, (rows * shape[1] + columns)[inside], values[inside], "amax")
    return surface.view(*shape)


def _frame(features: list[torch.Tensor]) -> tuple[int, int]:
    """Height and width of the enlarged image of some features."""
    height, width = features[0].shape[-2:]
    return 4 * height, 4 * width


def _sparing_the_ignored(proposals: type) -> type:
    """Torchvision's network of proposals, but that an anchor at a box of the label -1 is no background."""

    class Sparing(proposals):
        def assign_targets_to_anchors(self, anchors: list[torch.Tensor], targets: list[dict]) -> tuple:
            asked = [{"boxes": each["boxes"][each["labels"] > 0]} for each in targets]
            labels, boxes = super().assign_targets_to_anchors(anchors, asked)
            near, _ = super().assign_targets_to_anchors(anchors, targets)
            return [torch.where((own == 0) & (any_ != 0), -1, own) for own, any_ in zip(labels, near)], boxes

    return Sparing


def _torchvision() -> ModuleType:
    """The package torchvision, if it works."""
    try:
        import torchvision

        torchvision.ops.nms(torch.zeros(1, 4), torch.zeros(1), 0.5)
    except Exception as error:  # beside a torch that it was not built for it fails in many ways
        raise CannotLoadError(
            f"torchvision does not load here: {error}; Faster R-CNN has an environment of its own, envs/detector.yaml, "
            "and `make test-detector` installs it"
        ) from error
    return torchvision


def _cached(url: str) -> dict[str, torch.Tensor] | None:
    """Weights that torch has downloaded from there before."""
    path = Path(torch.hub.get_dir(), "checkpoints", Path(url).name)
    return torch.load(path, map_location="cpu", weights_only=True) if path.exists() else None


NETWORK = FasterRCNN
