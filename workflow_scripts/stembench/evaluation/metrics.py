"""Metrics of detection, localisation and enhancement.

Each metric of a set of images follows from sums over its images, so that a bootstrap resamples sums.
"""

import numpy as np
import pandas as pd
from skimage.metrics import structural_similarity

from stembench.evaluation.matching import nearest_sums
from stembench.evaluation.scale import on_its_scale

#: Scores of published code, each a mean over images; see `matching.published_scores`.
PUBLISHED_SCORES = (
    "mutualnn_precision",
    "mutualnn_recall",
    "mutualnn_f1",
    "mutualnn_jaccard",
    "mutualnn_chamfer_px",
)


def detection_sums(outcomes: pd.DataFrame) -> dict[str, float]:
    """Return sums over the outcomes of one image, which `matching.score_columns` gives."""
    sums = grouped_detection_sums(outcomes, np.zeros(len(outcomes), int), 1)
    return {str(name): float(value) for name, value in sums.iloc[0].items()}


def grouped_detection_sums(
    outcomes: pd.DataFrame, groups: np.ndarray, number: int, common: np.ndarray | None = None
) -> pd.DataFrame:
    """Return sums over the outcomes of each of many groups, such as images, at once.

    Parameters
    ----------
    outcomes : DataFrame
        As `matching.score_columns` gives them, of all groups.
    groups : ndarray of int, shape (outcomes,)
        Group of each outcome.
    number : int
        Of groups.
    common : ndarray of bool, shape (outcomes,), optional
        Whether each is of a column that all compared methods found; if it is given, sums over these are added.

    Returns
    -------
    DataFrame
        One row per group, also for those without an outcome.
    """
    outcome = outcomes["outcome"].to_numpy()
    tp, fp, fn = (outcome == name for name in ("tp", "fp", "fn"))
    names = ("error_x_pm", "error_y_pm", "error_to_neighbour_pm", "crlb_pm", "radius_A")
    x, y, towards, bound, radius = (outcomes[name].to_numpy(float) for name in names)
    places = [outcomes[name].to_numpy(float) for name in ("x_A", "y_A", "true_x_A", "true_y_A")]

    def total(rows: np.ndarray, values: np.ndarray | float = 1.0) -> np.ndarray:
        return np.bincount(groups, np.where(rows, values, 0.0), number)

    located = tp & np.isfinite(x)
    neighboured = located & np.isfinite(towards)
    below = bound <= 100 * radius / 3  # beyond, matching cuts the errors
    bounded, true_bounded = located & below, ~fp & below
    found, truth = np.column_stack(places[:2])[~fn], np.column_stack(places[2:])[~fp]
    _, distance = nearest_sums(found, groups[~fn], truth, groups[~fp], number)
    sums = pd.DataFrame(
        {
            "images": np.ones(number),
            "tp": total(tp),
            "fp": total(fp),
            "fn": total(fn),
            "located": total(located),
            "x_pm": total(located, x),
            "y_pm": total(located, y),
            "x2_pm2": total(located, x**2),
            "y2_pm2": total(located, y**2),
            "neighboured": total(neighboured),
            "to_neighbour_pm": total(neighboured, towards),
            "bounded": total(bounded),
            "bounded_x2_y2_pm2": total(bounded, x**2 + y**2),
            "crlb2_pm2": total(bounded, bound**2),
            "true_bounds": total(true_bounded),
            "true_crlb2_pm2": total(true_bounded, bound**2),
            "chamfer_A": np.nan_to_num(distance),
            "chamfers": np.isfinite(distance).astype(float),
        }
    )
    if common is None:
        return sums
    return sums.assign(common=total(located & common), common_x2_y2_pm2=total(located & common, x**2 + y**2))


def detection_metrics(sums: pd.DataFrame) -> pd.DataFrame:
    """Metrics from sums, a row for a row.

    Errors are of matched columns whose true position is known. `bias_pm` is the length of the mean error vector, and
    `bias_to_neighbour_pm` the mean error in the direction of each column's nearest neighbour. `chamfer_A` is a mean
    over images that have columns and finds (those without a find have none, so read it beside recall). Without finds
    and truth, a ratio is nan.
    """
    found, true = sums.tp + sums.fp, sums.tp + sums.fn
    return pd.DataFrame(
        {
            "precision": _ratio(sums.tp, found),
            "recall": _ratio(sums.tp, true),
            "f1": _ratio(2 * sums.tp, found + true),
            "jaccard": _ratio(sums.tp, sums.tp + sums.fp + sums.fn),
            "chamfer_A": _ratio(sums.chamfer_A, sums.chamfers),
            "rmse_pm": np.sqrt(_ratio(sums.x2_pm2 + sums.y2_pm2, 2 * sums.located)),
            "rmse_x_pm": np.sqrt(_ratio(sums.x2_pm2, sums.located)),
            "rmse_y_pm": np.sqrt(_ratio(sums.y2_pm2, sums.located)),
            "bias_pm": np.hypot(_ratio(sums.x_pm, sums.located), _ratio(sums.y_pm, sums.located)),
            "bias_x_pm": _ratio(sums.x_pm, sums.located),
            "bias_y_pm": _ratio(sums.y_pm, sums.located),
            "bias_to_neighbour_pm": _ratio(sums.to_neighbour_pm, sums.neighboured),
            "rmse_over_crlb": np.sqrt(_ratio(sums.bounded_x2_y2_pm2, 2 * sums.crlb2_pm2)),
        }
    )


def compared_metrics(sums: pd.DataFrame) -> pd.DataFrame:
    """Metrics of methods beside each other, from sums, a row for a row.

    Those of `detection_metrics`; `rmse_common_pm`, over the columns that all compared methods found; and the means over
    images of `PUBLISHED_SCORES`, from sums of each with the number `{score}_images` of images that have one.
    """
    metrics = detection_metrics(sums)
    after = metrics.columns.get_loc("rmse_pm") + 1
    metrics.insert(after, "rmse_common_pm", np.sqrt(_ratio(sums.common_x2_y2_pm2, 2 * sums.common)))
    published = {name: _ratio(sums[name], sums[f"{name}_images"]) for name in PUBLISHED_SCORES}
    return pd.concat([metrics, pd.DataFrame(published)], axis=1)


def precision_metrics(sums: pd.DataFrame) -> pd.DataFrame:
    """Precision of found columns where the noise is Poisson's alone, beside the bound over all true ones."""
    return pd.DataFrame(
        {
            "rmse_pm": np.sqrt(_ratio(sums.bounded_x2_y2_pm2, 2 * sums.bounded)),
            "crlb_pm": np.sqrt(_ratio(sums.true_crlb2_pm2, sums.true_bounds)),
            "f1": _ratio(2 * sums.tp, 2 * sums.tp + sums.fp + sums.fn),
        }
    )


#: Measures of images: as they are, and with gain and offset free.
IMAGE_QUALITY = ("psnr_free_db", "ssim_free", "psnr_db", "ssim")


def enhancement_sums(image: pd.Series) -> dict[str, float]:
    """Sums over one image."""
    return {"images": 1.0} | {name: image[name] for name in IMAGE_QUALITY}


def enhancement_metrics(sums: pd.DataFrame) -> pd.DataFrame:
    """Means over images."""
    return pd.DataFrame({name: _ratio(sums[name], sums.images) for name in IMAGE_QUALITY})


def _ratio(part: pd.Series, whole: pd.Series) -> np.ndarray:
    part, whole = np.asarray(part, float), np.asarray(whole, float)
    return np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)


def image_quality(output: np.ndarray, target: np.ndarray) -> dict[str, float]:
    """PSNR [dB] (peak 255) and SSIM (Gaussian window of 11 px, sigma 1.5, no padding) of clipped 8-bit images.

    Parameters
    ----------
    output, target : ndarray, shape (y, x)
        Grey levels in [0, 1].

    Returns
    -------
    dict
        `psnr_db` and `ssim`.
    """
    output, target = (np.round(255 * np.clip(image, 0, 1)) for image in (output, target))
    return {"psnr_db": _psnr(float(np.mean((output - target) ** 2))), "ssim": _ssim(output, target)}


def free_image_quality(output: np.ndarray, target: np.ndarray) -> dict[str, float]:
    """PSNR [dB] and SSIM of an image whose gain and offset are those that fit the target best, by least squares.

    They tell how an image looks on a screen that shows it from its darkest to its brightest pixel, whatever level the
    black was given. An inverted image gets no gain.

    Parameters
    ----------
    output : ndarray, shape (y, x)
        On any scale; nothing is clipped or rounded.
    target : ndarray, shape (y, x)
        Grey levels in [0, 1], the range that the PSNR's peak stands for.

    Returns
    -------
    dict
        `psnr_free_db` and `ssim_free`.
    """
    fitted, target = 255 * on_its_scale(output, target), 255 * target.astype(float)
    return {"psnr_free_db": _psnr(float(np.mean((fitted - target) ** 2))), "ssim_free": _ssim(fitted, target)}


def _psnr(error: float) -> float:
    return float(10 * np.log10(255**2 / max(error, 1e-12)))


def _ssim(output: np.ndarray, target: np.ndarray) -> float:
    _, similarity = structural_similarity(
        output, target, data_range=255, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, full=True
    )
    return float(similarity[5:-5, 5:-5].mean())
