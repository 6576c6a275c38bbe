"""What is known of a trained network before it sees an image: how well it finds columns, and how far to trust it.

All of it is measured on images whose truth is known, in the way that `columns.find_columns` treats an image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from stembench.application.error_model import Confidence, HalfWidth
from stembench.application.measuring import FIT_FEATURES, NETWORK_FEATURES, Seen, fitted, look, read_columns
from stembench.application.reliability import ESTIMATORS, JUDGED, nothing_judged
from stembench.config import Evaluation
from stembench.datasets.sample import Sample
from stembench.datasets.store import Shards
from stembench.errors import CannotLoadError, InputError, in_short
from stembench.evaluation.matching import Truth, assign
from stembench.evaluation.tuning import MAP_SETTINGS, dose_levels, tune_peaks
from stembench.localisation.peaks import PeakSettings
from stembench.products import read_json, write_json
from stembench.trained_network import TrainedNetwork

_LEAST = 1e-6  # noise that a logarithm is taken of
_SPARED_F1 = 0.01  # F1 given up for precision: a false column harms a user more than a missed one


@dataclass(frozen=True)
class Level:
    """How columns are read from the maps of images of a noise level.

    Attributes
    ----------
    dose : str
        Of the images that it was chosen on, as `tuning.dose_levels` names it.
    noise : float
        Their median `noise`; see `measuring.Seen`.
    settings : PeakSettings
        Of the highest F1.
    f1 : float
        That.
    """

    dose: str
    noise: float
    settings: PeakSettings
    f1: float


def settings_for(noise: float, levels: Sequence[Level]) -> PeakSettings:
    """Those of the level that is nearest to an image's, on a logarithmic scale."""
    distances = [abs(np.log(max(noise, _LEAST) / max(level.noise, _LEAST))) for level in levels]
    return levels[int(np.argmin(distances))].settings


@dataclass(frozen=True)
class Characterisation:
    """What is known of a trained network.

    Attributes
    ----------
    levels : tuple of Level
        Settings by noise level.
    confidence : Confidence
        That a found column is one.
    half_widths : dict of HalfWidth
        The error bars of positions, by `ESTIMATORS`.
    counts : dict of int
        What it was measured on: `images`, columns that were `found` in them, and those that are `true`.
    """

    levels: tuple[Level, ...]
    confidence: Confidence
    half_widths: dict[str, HalfWidth]
    counts: dict[str, int]

    def with_bars(self, columns: pd.DataFrame) -> pd.DataFrame:
        """Columns of `measuring.read_columns`, perhaps `fitted`, with `confidence` and `uncertainty_pm`.

        Where a fit failed the position is the network's, and so is its error bar.
        """
        half_width = self.half_widths["network"](columns)
        if "fit_error_pm" in columns:
            fit_succeeded = np.isfinite(columns.fit_error_pm)
            half_width = np.where(fit_succeeded, self.half_widths["refined"](columns), half_width)
        return columns.assign(confidence=self.confidence(columns), uncertainty_pm=half_width)

    def write(self, path: str | Path, origin: dict) -> None:
        """To a JSON file that begins with what is said of its origin."""
        plain = {
            "f1": float(np.mean([level.f1 for level in self.levels])),
            "counts": self.counts,
            "levels": [vars(level) | {"settings": level.settings.to_dict()} for level in self.levels],
            "confidence": self.confidence.to_dict(),
            "half_widths": {name: model.to_dict() for name, model in self.half_widths.items()},
        }
        write_json(path, origin | plain)

    @classmethod
    def read(cls, path: str | Path) -> Characterisation:
        """From a file that `write` wrote.

        Raises
        ------
        InputError
            If there is none, or another file.
        CannotLoadError
            If the network could not be trained.
        """
        if not Path(path).exists():
            raise InputError(f"{path} is missing: the network is not characterised; let Snakemake make this file")
        plain = read_json(path)
        if reason := plain.get("not_trained"):
            raise CannotLoadError(reason)
        try:
            levels = [Level(**(level | {"settings": PeakSettings(**level["settings"])})) for level in plain["levels"]]
            half_widths = {name: HalfWidth.from_dict(plain["half_widths"][name]) for name in ESTIMATORS}
            return cls(tuple(levels), Confidence.from_dict(plain["confidence"]), half_widths, plain["counts"])
        except (KeyError, TypeError, AttributeError) as error:
            raise InputError(
                f"{path}: not the characterisation of a network ({in_short(error)}); delete it and run again"
            ) from None


def characterise(network: TrainedNetwork, folders: Sequence[str | Path], evaluation: Evaluation) -> Characterisation:
    """Characterise a network on images that it was not trained on.

    A found column is true if it matches one that is asked for, resolved or not; in confidence and error bars those
    are left out that match a column weaker than is asked for, and those in the border. A match is no farther than the
    match radius: error bars are of columns that are found, and confidence says how likely that is.

    Parameters
    ----------
    network : TrainedNetwork
        One that localises; it is told no structure.
    folders : sequence of str or Path
        Shards of validation images.
    evaluation : Evaluation
        Match radius and border.
    """
    shards = Shards(folders, ["image"])
    looks = [_look(sample, network) for sample in shards]
    samples = pd.DataFrame(shards.parameters).assign(pixel_size_A=[seen.surface_pixel_size for seen in looks])
    truth = {row["sample"]: shards[at].columns for at, row in enumerate(shards.parameters)}
    tuned = tune_peaks([seen.surface for seen in looks], samples, truth, MAP_SETTINGS, evaluation, spared=_SPARED_F1)
    noise = pd.Series([seen.noise for seen in looks]).groupby(dose_levels(samples)).median()
    levels = [
        Level(dose, float(noise[dose]), PeakSettings(**best["settings"]), best["f1"]) for dose, best in tuned.items()
    ]
    tables = [_labelled(sample, seen, levels, evaluation) for sample, seen in zip(shards, looks)]
    found = pd.concat(tables, ignore_index=True)
    confidence = Confidence.fit(found, NETWORK_FEATURES, found.true.to_numpy(), found.structure.to_numpy())
    half_widths = {}
    for name, features in zip(ESTIMATORS, (NETWORK_FEATURES, FIT_FEATURES)):
        located = found[found.true & (np.isfinite(found.fit_error_pm) | (name == "network"))]
        errors = located[[f"{name}_error_x_pm", f"{name}_error_y_pm"]].to_numpy()
        half_widths[name] = HalfWidth.fit(located, features, errors, located.structure.to_numpy())
    counts = {"images": len(looks), "found": len(found), "true": int(found.true.sum())}
    return Characterisation(tuple(levels), confidence, half_widths, counts)


def judge(
    network: TrainedNetwork, known: Characterisation, folders: Sequence[str | Path], evaluation: Evaluation
) -> pd.DataFrame:
    """What a characterised network says of the columns that it finds, beside what is true of them.

    Parameters
    ----------
    network, known
        The network, and its characterisation.
    folders : sequence of str or Path
        Shards of test images, of which `known` has seen none.
    evaluation : Evaluation
        Match radius and border.

    Returns
    -------
    DataFrame
        A row a found column: its image's `sample`, `structure`, `dose` (as `tuning.dose_levels` names it) and `noise`,
        whether it is `true`, and if it is whether it is `resolved`; `confidence`, and of both `ESTIMATORS` half-width
        and errors, `network_uncertainty_pm`, `network_error_x_pm`, ... (nan where the column is not true).
    """
    shards = Shards(folders, ["image"])
    doses = dose_levels(pd.DataFrame(shards.parameters))
    tables = [nothing_judged()]
    for sample, dose in zip(shards, doses):
        found = _labelled(sample, _look(sample, network), known.levels, evaluation)
        bars = {
            "network_uncertainty_pm": known.with_bars(found.drop(columns="fit_error_pm")).uncertainty_pm,
            "refined_uncertainty_pm": known.with_bars(found).uncertainty_pm,
        }
        tables.append(found.assign(dose=dose, confidence=known.confidence(found), **bars)[list(JUDGED)])
    return pd.concat(tables, ignore_index=True)


def _look(sample: Sample, network: TrainedNetwork) -> Seen:
    drawn = sample.parameters
    return look(sample.images["image"], drawn["pixel_size_A"], network, mode=drawn["mode"])


def _labelled(sample: Sample, seen: Seen, levels: Sequence[Level], evaluation: Evaluation) -> pd.DataFrame:
    """Columns found in an image, those that are scored, with a fit from each, and the errors of both positions."""
    columns = read_columns(seen, settings_for(seen.noise, levels))
    moved = fitted(seen, columns)
    truth = Truth.of(sample.columns, evaluation)
    places = {"network": columns[["x_A", "y_A"]].to_numpy(), "refined": moved[["x_A", "y_A"]].to_numpy()}
    extent = tuple(n * seen.pixel_size for n in seen.image.shape)
    found_at, truth_at, _ = assign(places["network"], truth, (extent[0], extent[1]), evaluation)
    truth_at, found_at = truth_at[found_at >= 0], found_at[found_at >= 0]
    true = np.vstack([truth.positions, np.full((1, 2), np.nan)])[truth_at]
    errors = {
        f"{name}_error_{axis}_pm": 100 * (place[found_at] - true)[:, number]
        for name, place in places.items()
        for number, axis in enumerate("xy")
    }
    return moved.iloc[found_at].assign(
        sample=sample.parameters["sample"],
        structure=sample.parameters.get("structure", sample.parameters["sample"]),
        true=truth_at >= 0,
        resolved=np.append(truth.asked.resolved.to_numpy(bool), True)[truth_at],
        **errors,
    )
