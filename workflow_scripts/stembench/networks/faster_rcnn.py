"""Faster R-CNN by torchvision: Ren et al. (2015), arXiv 1506.01497."""

from functools import partial
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from stembench.datasets.sample import Sample
from stembench.errors import InputError
from stembench.networks.base import Compare, Network

#: The detector sees the image so many times as large: columns are 8 to 40 px apart, its finest features 4 px.
_ENLARGED = 2
#: Sides of the anchors at strides of 4, 8 and 16 px [px of the enlarged image]; columns are 10 to 50 px wide there.
_ANCHORS = ((12.0, 17.0), (24.0, 34.0), (48.0, 68.0))
#: Where MobileNetV3-Large ends those strides: its layers 0 to 3, 4 to 6 and 7 to 12.
_ENDS = (4, 7, 13)
#: Proposals and detections below these scores are none; the threshold of a column is tuned later on.
_LEAST_PROPOSAL, _LEAST_SCORE = 0.01, 0.01
#: Most proposals of an image, and so most columns.
_MOST = 10_000
#: Reach of a detection's peak in the map [px].
_REACH = 4


class FasterRCNN(Network):
    """Region proposals and their heads on a feature pyramid of MobileNetV3-Large, with boxes around the columns.

    The parts are torchvision's with its defaults, except that the pyramid is of the strides at which columns show (4 to
    16 px of the image enlarged twice, instead of 16 and more), with square anchors of their size; batch normalisation is
    not frozen, since nothing else trains a backbone from scratch; and no image is scaled to one size.

    A box is a square around a column, as wide as it (twice its `column_radius_A`).

    Parameters
    ----------
    width : float
        Channels as a fraction of MobileNetV3's, of 256 in the pyramid, and of 1024 in the boxes' head.
    pretrained : bool
        Whether the backbone starts from torchvision's ImageNet weights where their file lies in torch's cache; nothing
        is ever downloaded. Only at width 1.

    Attributes
    ----------
    note : str
        Where the backbone started from.

    Raises
    ------
    InputError
        If torchvision does not load beside the installed torch.
    """

    source = "Ren et al. (2015), arXiv 1506.01497, by torchvision with MobileNetV3-Large (arXiv 1905.02244)"
    published_parameters = 0
    tasks = ("localise",)
    divisor = 16 // _ENLARGED
    normalisation = "standardise"

    def __init__(self, width: float = 1.0, pretrained: bool = True) -> None:
        super().__init__()
        torchvision = _torchvision()
        detection = torchvision.models.detection
        norm = partial(nn.BatchNorm2d, eps=1e-3)  # torchvision's running statistics would take 100 steps to follow
        backbone = torchvision.models.mobilenet_v3_large(weights=None, width_mult=width, norm_layer=norm)
        weights = _cached(torchvision.models.MobileNet_V3_Large_Weights.DEFAULT.url)
        self.note = "backbone from scratch"
        if pretrained and width == 1 and weights:
            backbone.load_state_dict(weights)
            self.note = "pretrained backbone"
        self.stages = nn.ModuleList(backbone.features[first:end] for first, end in zip((0, *_ENDS), _ENDS))
        channels, hidden = (max(1, round(width * published)) for published in (256, 1024))
        self.pyramid = torchvision.ops.FeaturePyramidNetwork(
            [stage[-1].out_channels for stage in self.stages], channels
        )
        anchors = detection.anchor_utils.AnchorGenerator(_ANCHORS, ((1.0,),) * len(_ANCHORS))
        most = {"training": 2000, "testing": _MOST}
        self.rpn = detection.rpn.RegionProposalNetwork(
            anchors,
            detection.rpn.RPNHead(channels, anchors.num_anchors_per_location()[0]),
            fg_iou_thresh=0.7,
            bg_iou_thresh=0.3,
            batch_size_per_image=256,
            positive_fraction=0.5,
            pre_nms_top_n=most,
            post_nms_top_n=most,
            nms_thresh=0.7,
            score_thresh=_LEAST_PROPOSAL,
        )
        pool = torchvision.ops.MultiScaleRoIAlign(["0"], output_size=7, sampling_ratio=2)
        self.roi_heads = detection.roi_heads.RoIHeads(
            pool,
            detection.faster_rcnn.TwoMLPHead(channels * 7**2, hidden),
            detection.faster_rcnn.FastRCNNPredictor(hidden, num_classes=2),
            fg_iou_thresh=0.5,
            bg_iou_thresh=0.5,
            batch_size_per_image=128,
            positive_fraction=0.25,
            bbox_reg_weights=None,
            score_thresh=_LEAST_SCORE,
            nms_thresh=0.3,
            detections_per_img=_MOST,
        )

    def compute(self, image: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """The image, which keeps the frame, and its features; boxes are made of these where they are wanted.

        Returns
        -------
        Tensor, shape (batch, 1, y, x)
            The image.
        Tensor, shape (batch, channels, y / 2, x / 2)
            Features, and further ones at half and a quarter of that size.
        """
        seen = functional.interpolate(image, scale_factor=_ENLARGED, mode="bicubic", align_corners=False)
        seen, levels = seen.expand(-1, 3, -1, -1), {}
        for stage in self.stages:
            seen = stage(seen)
            levels[str(len(levels))] = seen
        return image, *self.pyramid(levels).values()

    def target(self, sample: Sample, task: str) -> np.ndarray:
        """The columns that are asked for, at the pixels nearest to them.

        Returns
        -------
        ndarray of float32, shape (4, y, x)
            Side of the column's box [px], 0 where no column is; from the pixel to the column in x and in y [px]; and the
            number of the row, by which `boxes` tells a crop that is upside down.
        """
        columns = sample.columns[sample.columns.asked]
        pixel_size, shape = sample.parameters["pixel_size_A"], sample.images["image"].shape
        places = columns[["y_A", "x_A"]].to_numpy() / pixel_size
        nearest = np.round(places).astype(int).clip(0, np.array(shape) - 1)
        planes = np.zeros((4, *shape), np.float32)
        planes[3] = np.arange(shape[0])[:, None]
        y, x = nearest.T
        planes[0, y, x] = 2 * sample.parameters["column_radius_A"] / pixel_size
        planes[2, y, x], planes[1, y, x] = (places - nearest).T
        return planes

    def loss(self, output: tuple[torch.Tensor, ...], target: torch.Tensor, compare: Compare) -> torch.Tensor:
        """The sum of torchvision's four losses (proposals and boxes, each their class and place); no `compare`.

        Which proposals they are taken of is drawn anew for each batch, and the same for the same batch.
        """
        targets = []
        for planes in target:
            found = boxes(planes)
            targets.append({"boxes": found, "labels": torch.ones(len(found), dtype=torch.int64, device=found.device)})
        with torch.random.fork_rng([target.device] if target.is_cuda else []):
            torch.manual_seed(int(target.abs().sum(dtype=torch.double)))
            _, losses = self._detect(output, targets)
        return sum(losses.values())

    @torch.no_grad()
    def map_of(self, output: tuple[torch.Tensor, ...]) -> torch.Tensor:
        """A peak at each detection's centre, as high as its score, shape (batch, 1, y, x).

        Each is a paraboloid, of which `localisation.peaks` finds the vertex between pixels without an error; where
        several overlap the highest counts.
        """
        maps = []
        for at in range(len(output[0])):  # one by one, which bounds the memory
            image, *features = (part[at : at + 1] for part in output)
            (found,), _ = self._detect((image, *features))
            places = centres(found["boxes"], _frame(features))
            maps.append(peaks(places, found["scores"], image.shape[-2:]))
        return torch.stack(maps)[:, None]

    def _detect(self, output: tuple[torch.Tensor, ...], targets: list[dict] | None = None) -> tuple[list[dict], dict]:
        """Detections, or with targets the losses."""
        from torchvision.models.detection.image_list import ImageList

        _, *features = (part.float() for part in output)
        levels = {str(level): maps for level, maps in enumerate(features)}
        frames = [_frame(features)] * len(features[0])
        images = ImageList(features[0].new_empty(1).expand(len(frames), 1, *frames[0]), frames)
        # These hold no layer that is another in training, so that their mode tells what they give and no more.
        self.rpn.train(targets is not None)
        self.roi_heads.train(targets is not None)
        proposals, losses = self.rpn(images, levels, targets)
        detections, losses_of_boxes = self.roi_heads(levels, proposals, frames, targets)
        return detections, losses | losses_of_boxes


def boxes(planes: torch.Tensor) -> torch.Tensor:
    """Boxes of the columns in a target or in a crop of one.

    Parameters
    ----------
    planes : Tensor, shape (4, y, x)
        As `FasterRCNN.target` makes them.

    Returns
    -------
    Tensor, shape (columns, 4)
        Left, upper, right and lower edge in the enlarged image, counted from its corner [px].
    """
    y, x = planes[0].nonzero(as_tuple=True)
    side, across, along, _ = planes[:, y, x]
    along = along * (planes[3, 1, 0] - planes[3, 0, 0])
    middle = torch.stack([x + across, y + along], dim=1) + 0.5  # pixel 0 reaches from 0 to 1
    return _ENLARGED * torch.cat([middle - side[:, None] / 2, middle + side[:, None] / 2], dim=1)


def centres(boxes: torch.Tensor, frame: tuple[int, int]) -> torch.Tensor:
    """Centres of square boxes that the edges of an image may have cut.

    Parameters
    ----------
    boxes : Tensor, shape (columns, 4)
        As `boxes` gives them.
    frame : tuple of int
        Height and width of the enlarged image.

    Returns
    -------
    Tensor, shape (columns, 2)
        x and y [px of the image], 0 at the centre of the first pixel.
    """
    lower, upper = boxes[:, :2], boxes[:, 2:]
    half = (upper - lower).amax(dim=1, keepdim=True) / 2
    whole = torch.where(lower <= 0, upper - half, (lower + upper) / 2)
    whole = torch.where(upper >= upper.new_tensor(frame[::-1]), lower + half, whole)
    return whole / _ENLARGED - 0.5


def peaks(places: torch.Tensor, heights: torch.Tensor, shape: tuple[int, int]) -> torch.Tensor:
    """A map of paraboloids that fall to 0 at 4 px from places x and y [px]; where they overlap the highest counts."""
    steps = torch.arange(-_REACH, _REACH + 1, device=places.device)
    columns, rows = (centre.round().long()[:, None] + steps for centre in places.T)
    across, along = columns - places[:, :1], rows - places[:, 1:]
    values = heights[:, None, None] * (1 - (along[:, :, None] ** 2 + across[:, None, :] ** 2) / _REACH**2)
    rows, columns = torch.broadcast_tensors(rows[:, :, None], columns[:, None, :])
    inside = (rows >= 0) & (rows < shape[0]) & (columns >= 0) & (columns < shape[1])
    flat = heights.new_zeros(shape[0] * shape[1])
    flat.scatter_reduce_(0, (rows * shape[1] + columns)[inside], values[inside], "amax")
    return flat.view(*shape)


def _frame(features: list[torch.Tensor]) -> tuple[int, int]:
    """Height and width of the enlarged image that features are of."""
    return 4 * features[0].shape[-2], 4 * features[0].shape[-1]


def _torchvision() -> ModuleType:
    """The package torchvision, if it works."""
    try:
        import torchvision

        torchvision.ops.nms(torch.zeros(1, 4), torch.zeros(1), 0.5)
    except Exception as error:  # beside a torch that it was not built for it fails in many ways
        raise InputError(
            f"torchvision does not load here: {error}; Faster R-CNN needs an environment of its own, "
            "envs/detector.yaml, or the one that `make test-detector` makes"
        ) from error
    return torchvision


def _cached(url: str) -> dict[str, torch.Tensor] | None:
    """Weights that torch downloaded from there at some time."""
    path = Path(torch.hub.get_dir(), "checkpoints", Path(url).name)
    return torch.load(path, map_location="cpu", weights_only=True) if path.exists() else None


NETWORK = FasterRCNN
