"""One score of a trained network, on images that all networks are ranked by."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from stembench.config import Evaluation
from stembench.datasets.labels import MADE_FROM, TASK_LABELS, label
from stembench.datasets.store import Shards, columns_by_sample, read_table
from stembench.evaluation.metrics import free_image_quality
from stembench.evaluation.tuning import tune_peaks
from stembench.localisation.peaks import PeakSettings
from stembench.trained_network import TrainedNetwork

#: Settings of maxima that are tried: fewer than evaluations try, since ranking needs no more.
_THRESHOLDS = (0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32)
_TRIED = [PeakSettings(0.2, 0.0, threshold, relative=False) for threshold in _THRESHOLDS]


def rank(
    network: TrainedNetwork, folders: Sequence[str | Path], structures: Mapping, task: str, evaluation: Evaluation
) -> dict[str, Any]:
    """Score a network on validation images.

    Parameters
    ----------
    network : TrainedNetwork
        The network.
    folders : sequence of str or Path
        Shards of the images.
    structures : mapping
        Projections by (material, zone), for networks that are told them.
    task : str
        What the network has learnt.
    evaluation : Evaluation
        Match radius and border, for columns.

    Returns
    -------
    dict
        `metric`, `score` and `images`, their number. The score of a network that localises is the mean over doses of
        the best F1 of maxima in its maps; of another the mean PSNR [dB] against the labels of its task,
        with gain and offset free.
    """
    if task == "localise":
        maps, _, pixel_sizes = network.read_as_applied(folders, structures)
        samples, columns = read_table(folders, "samples").assign(pixel_size_A=pixel_sizes), columns_by_sample(folders)
        levels = tune_peaks(maps, samples, columns, _TRIED, evaluation)
        score = float(np.mean([level["f1"] for level in levels.values()]))
        return {"metric": "f1", "score": score, "images": len(maps)}
    name = TASK_LABELS[task]
    outputs, _ = network.read(folders, structures)
    shards = Shards(folders, ["image", name, *MADE_FROM.get(name, ())])
    scores = [free_image_quality(made, label(sample, name))["psnr_free_db"] for made, sample in zip(outputs, shards)]
    return {"metric": "psnr_free_db", "score": float(np.mean(scores)), "images": len(outputs)}
