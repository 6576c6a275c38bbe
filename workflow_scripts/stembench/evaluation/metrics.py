"""Metrics of detection, localisation and enhancement.

Each metric of a set of images follows from sums over its images, so that a bootstrap resamples sums.
"""

import numpy as np
import pandas as pd
from skimage.metrics import structural_similarity

from stembench.evaluation.matching import nearest_sums


def detection_sums(outcomes: pd.DataFrame, pixel_size: float) -> dict[str, float]:
    """Return sums over the outcomes of one image.

    Parameters
    ----------
    outcomes : DataFrame
        As `matching.score_columns` gives them.
    pixel_size : float
        [A], for distances that were published in px.
    """
    sums = grouped_detection_sums(outcomes, np.zeros(len(outcomes), int), np.array([pixel_size]))
    return {str(name): float(value) for name, value in sums.iloc[0].items()}


def grouped_detection_sums(outcomes: pd.DataFrame, groups: np.ndarray, pixel_sizes: np.ndarray) -> pd.DataFrame:
    """Return sums over the outcomes of each of many groups, such as images, at once.

    Parameters
    ----------
    outcomes : DataFrame
        As `matching.score_columns` gives them, of all groups.
    groups : ndarray of int, shape (outcomes,)
        Group of each outcome.
    pixel_sizes : ndarray, shape (groups,)
        [A], for distances that were published in px.

    Returns
    -------
    DataFrame
        One row per group, also for those without an outcome.
    """
    outcome = outcomes["outcome"].to_numpy()
    tp, fp, fn = (outcome == name for name in ("tp", "fp", "fn"))
    names = ("error_x_pm", "error_y_pm", "crlb_pm", "radius_A", "x_A", "y_A", "true_x_A", "true_y_A")
    x, y, bound, radius, *places = (outcomes[name].to_numpy(float) for name in names)
    number = len(pixel_sizes)

    def total(rows: np.ndarray, values: np.ndarray | float = 1.0) -> np.ndarray:
        return np.bincount(groups, np.where(rows, values, 0.0), number)

    located = tp & np.isfinite(x)
    below = bound <= 100 * radius / 3  # beyond, matching cuts the errors
    bounded, true_bounded = located & below, ~fp & below
    found, truth = np.column_stack(places[:2])[~fn], np.column_stack(places[2:])[~fp]
    mutual, distance = nearest_sums(found, groups[~fn], truth, groups[~fp], number)
    return pd.DataFrame(
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
            "bounded": total(bounded),
            "bounded_x2_y2_pm2": total(bounded, x**2 + y**2),
            "crlb2_pm2": total(bounded, bound**2),
            "true_bounds": total(true_bounded),
            "true_crlb2_pm2": total(true_bounded, bound**2),
            "mutual": mutual,
            "chamfer_A": np.nan_to_num(distance),
            "chamfer_px": np.nan_to_num(distance / pixel_sizes),
            "chamfers": np.isfinite(distance).astype(float),
        }
    )


def detection_metrics(sums: pd.DataFrame) -> pd.DataFrame:
    """Metrics from sums, a row for a row.

    Errors are of matched columns whose true position is known; `bias_pm` is the length of the mean error vector.
    `chamfer_A` is a mean over images that have columns and finds (those without a find have none, so read it beside
    recall). `mutualnn_*` are the published variants, for comparison alone: m pairs of mutual nearest neighbours at any
    distance among |P| found and |T| true columns, with the Jaccard index m / (2 |P| - m) of the published code, which
    takes |P| for |T| (AtomID-Net, doi 10.1002/smsc.202300031). Without finds and truth, a ratio is nan.
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
            "rmse_over_crlb": np.sqrt(_ratio(sums.bounded_x2_y2_pm2, 2 * sums.crlb2_pm2)),
            "mutualnn_precision": _ratio(sums.mutual, found),
            "mutualnn_recall": _ratio(sums.mutual, true),
            "mutualnn_f1": _ratio(2 * sums.mutual, found + true),
            "mutualnn_jaccard": _ratio(sums.mutual, 2 * found - sums.mutual),
            "mutualnn_chamfer_px": _ratio(sums.chamfer_px, sums.chamfers),
        }
    )


def precision_metrics(sums: pd.DataFrame) -> pd.DataFrame:
    """Precision of found columns where the noise is Poisson's alone, beside the bound over all true ones."""
    return pd.DataFrame(
        {
            "rmse_pm": np.sqrt(_ratio(sums.bounded_x2_y2_pm2, 2 * sums.bounded)),
            "crlb_pm": np.sqrt(_ratio(sums.true_crlb2_pm2, sums.true_bounds)),
            "f1": _ratio(2 * sums.tp, 2 * sums.tp + sums.fp + sums.fn),
        }
    )


def enhancement_sums(image: pd.Series) -> dict[str, float]:
    """Sums over one image."""
    return {"images": 1.0, "psnr_db": image.psnr_db, "ssim": image.ssim}


def enhancement_metrics(sums: pd.DataFrame) -> pd.DataFrame:
    """Means over images."""
    return pd.DataFrame({name: _ratio(sums[name], sums.images) for name in ("psnr_db", "ssim")})


def _ratio(part: pd.Series, whole: pd.Series) -> np.ndarray:
    part, whole = np.asarray(part, float), np.asarray(whole, float)
    return np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)


def image_quality(output: np.ndarray, target: np.ndarray) -> dict[str, float]:
    """PSNR [dB] (peak 255) and SSIM (Gaussian window of 11 px, sigma 1.5, no padding) of clipped 8-bit images.

    Parameters
    ----------
    output, target : ndarray, shape (y, x)
        Grey levels in [0, 1].
    """
    output, target = (np.round(255 * np.clip(image, 0, 1)) for image in (output, target))
    error = np.mean((output - target) ** 2)
    _, similarity = structural_similarity(
        output, target, data_range=255, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, full=True
    )
    return {
        "psnr_db": float(10 * np.log10(255**2 / max(error, 1e-12))),
        "ssim": float(similarity[5:-5, 5:-5].mean()),
    }
