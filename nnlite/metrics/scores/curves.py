"""Curves over the thresholds of a score: ROC, precision against recall, calibration."""

import numpy as np

from nnlite.arrays.types import ArrayLike
from nnlite.errors import ShapeError
from nnlite.metrics.scores.reading import as_weights, ratio

__all__ = [
    "average_precision",
    "calibration_bins",
    "expected_calibration_error",
    "precision_recall_curve",
    "roc_auc",
    "roc_curve",
]


def roc_curve(
    y: ArrayLike, scores: ArrayLike, weights: ArrayLike | None = None, drop_intermediate: bool = True
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """False positive rate, true positive rate and threshold of each point of the ROC curve, threshold descending.

    Args:
        y: 1 or true for the positive rows, shape (rows,).
        scores: the higher, the more likely positive; probabilities or logits, shape (rows,).
        weights: weight of each row.
        drop_intermediate: leave out points on a straight line between their neighbors.

    Returns:
        Three arrays of one length. The first point is (0, 0) with the threshold infinity. A rate is NaN where there
        are no rows to compute it from.
    """
    false, true, thresholds = _counts(y, scores, weights)
    if drop_intermediate and len(false) > 2:
        corner = np.concatenate([[True], (np.diff(false, 2) != 0) | (np.diff(true, 2) != 0), [True]])
        false, true, thresholds = false[corner], true[corner], thresholds[corner]
    false, true = np.concatenate([[0.0], false]), np.concatenate([[0.0], true])
    return ratio(false, false[-1]), ratio(true, true[-1]), np.concatenate([[np.inf], thresholds])


def precision_recall_curve(
    y: ArrayLike, scores: ArrayLike, weights: ArrayLike | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Precision and recall for each threshold, threshold ascending; the last point, (1, 0), has no threshold.

    Shape: y, scores and weights (rows,). Recall is NaN where there are no positive rows.
    """
    false, true, thresholds = _counts(y, scores, weights)
    positive = true[-1] if len(true) else 0.0
    chosen = true + false
    precision = np.divide(true, chosen, out=np.zeros_like(true), where=chosen != 0)
    recall = ratio(true, positive)
    return np.append(precision[::-1], 1.0), np.append(recall[::-1], 0.0), thresholds[::-1]


def roc_auc(y: ArrayLike, scores: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Area under the ROC curve: how often a positive row has a higher score than a negative one; ties count 1/2.

    In [0, 1], 0.5 for scores that say nothing; NaN unless there are positive and negative rows.

    >>> roc_auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.75
    """
    false, true, _ = roc_curve(y, scores, weights)
    if len(false) == 1:  # no row has a weight
        return float("nan")
    return float((np.diff(false) * (true[1:] + true[:-1])).sum() / 2)


def average_precision(y: ArrayLike, scores: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Area under the precision-recall curve as a sum of steps: `sum((recall_n - recall_{n-1}) * precision_n)`.

    In [0, 1], the share of the positive rows for scores that say nothing; NaN without positive rows.
    """
    precision, recall, _ = precision_recall_curve(y, scores, weights)
    if len(recall) == 1:
        return float("nan")
    return float(0.0 - (np.diff(recall) * precision[:-1]).sum())


def calibration_bins(
    y: ArrayLike, probabilities: ArrayLike, weights: ArrayLike | None = None, bins: int = 10
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean probability, share of positive rows, and weight of the rows in each of `bins` equal parts of [0, 1].

    Shape: y, probabilities and weights (rows,); each result (bins,). Means are NaN where a bin is empty. A
    probability on a border, such as 0.3 of ten bins, counts to the lower bin.
    """
    positive, p, weight = _vectors(y, probabilities, weights)
    borders = np.linspace(0, 1, bins + 1)
    bin_index = np.searchsorted(borders[1:-1], p)
    total = np.bincount(bin_index, weight, bins)
    mean, share = (np.bincount(bin_index, weight * values, bins) for values in (p, positive))
    return ratio(mean, total), ratio(share, total), total


def expected_calibration_error(
    y: ArrayLike, probabilities: ArrayLike, weights: ArrayLike | None = None, bins: int = 10
) -> float:
    """`sum_b w_b |mean probability of bin b - share of positive rows in it| / sum_b w_b`, over `calibration_bins`.

    From 0, where of the rows given 0.7 seven in ten are positive, to 1. NaN without rows of a weight above 0.

    Shape: y, probabilities and weights (rows,).

    Reference: Naeini, Cooper & Hauskrecht 2015, "Obtaining well calibrated probabilities using Bayesian binning".

    >>> round(expected_calibration_error([0, 0, 0, 1], [0.25, 0.25, 0.25, 0.45]), 4)
    0.325
    """
    mean, share, weight = calibration_bins(y, probabilities, weights, bins)
    there = weight > 0
    return float(ratio(np.abs(mean - share)[there] @ weight[there], weight.sum()))


def _counts(y, scores, weights) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weight of the negative and of the positive rows at or above each distinct score, which come with it."""
    if weights is None and np.asarray(y).dtype == bool:
        return _plain_counts(np.asarray(y), np.asarray(scores))
    positive, scores, weight = _vectors(y, scores, weights)
    if not weight.all():
        positive, scores, weight = (values[weight > 0] for values in (positive, scores, weight))
    order = np.argsort(scores, kind="stable")[::-1]
    positive, scores, weight = positive[order], scores[order], weight[order]
    last = np.append(np.flatnonzero(np.diff(scores)), len(scores) - 1) if len(scores) else np.zeros(0, int)
    true = np.cumsum(positive * weight)[last]
    false = np.cumsum((1 - positive) * weight)[last]
    return false, true, scores[last]


def _plain_counts(positive: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same of rows that all count alike, as integers, which take less memory."""
    _check_shapes(positive, scores)
    order = np.argsort(scores, kind="stable")[::-1]
    positive, scores = positive[order], scores[order]
    del order
    last = np.append(np.flatnonzero(np.diff(scores)), len(scores) - 1) if len(scores) else np.zeros(0, int)
    true = np.cumsum(positive)[last]
    return (last + 1 - true).astype(np.float64), true.astype(np.float64), scores[last].astype(np.float64)


def _check_shapes(positive: np.ndarray, scores: np.ndarray) -> None:
    if scores.ndim != 1 or positive.shape != scores.shape:
        raise ShapeError(f"y has shape {positive.shape} and scores {scores.shape}; both must be (rows,) and equal")


def _vectors(y, scores, weights) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    scores = np.asarray(scores, np.float64)
    positive = np.asarray(y, np.float64)
    _check_shapes(positive, scores)
    return positive, scores, as_weights(weights, len(scores))
