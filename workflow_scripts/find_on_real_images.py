"""Score a method's columns on experimental images in which somebody marked the columns: a row per image."""

import numpy as np
import pandas as pd
from job import running, say
from stembench.application.columns import find_columns
from stembench.application.frame import filled, without_outliers
from stembench.baselines.finders import FINDERS
from stembench.errors import CannotLoadError
from stembench.evaluation.real_images import score_marked
from stembench.evaluation.tuning import read_tuning
from stembench.imaging.detectors import Mode, bright_columns
from stembench.lab.refusals import refusal_of
from stembench.lab.store import frames_of, open_lab_image, read_marked
from stembench.localisation.peaks import PeakSettings
from stembench.products import whole


def found_by_finder(image: np.ndarray, pixel_size: float, mode: Mode) -> pd.DataFrame:
    """Return the columns of the job's classical finder, with its settings for simulated images."""
    settings = read_tuning(snakemake.input.settings[0], PeakSettings, snakemake.params.tuned_at)
    levels = filled(without_outliers(image))
    bright = bright_columns((levels - levels.min()) / (np.ptp(levels) or 1), mode)
    positions, _ = FINDERS.load(snakemake.wildcards.method).find(bright, pixel_size, settings)
    return pd.DataFrame(positions, columns=["x_A", "y_A"])


if __name__ == "__main__":
    with running(snakemake):
        params, rows, note = snakemake.params, [], ""
        for name, folder, all_marked in zip(params.images, snakemake.input.images, params.all_marked):
            if reason := refusal_of(folder):
                say(reason)
                continue
            image, marks = open_lab_image(folder), read_marked(folder)
            pixel_size, mode, frame = image.attrs["pixel_size_A"], image.attrs["mode"], frames_of(image)[0]
            try:
                if params.network:
                    found = find_columns(frame, pixel_size, params.network, mode=mode)
                else:
                    found = found_by_finder(frame, pixel_size, mode)
            except CannotLoadError as error:
                say(note := str(error))
                break
            extent = (frame.shape[0] * pixel_size, frame.shape[1] * pixel_size)
            rows.append({"image": name} | score_marked(found, marks, extent, all_marked=all_marked))
            say(f"{name}: {len(found)} columns found, {len(marks)} marked")
        table = pd.DataFrame(rows, columns=None if rows else ["image"]).assign(note=note)
        with whole(snakemake.output.scores) as partial:
            table.to_csv(partial, index=False)
