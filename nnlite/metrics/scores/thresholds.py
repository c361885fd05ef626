"""The probability threshold that maximizes a score."""

from typing import Literal

import numpy as np

from nnlite.arrays.types import ArrayLike
from nnlite.metrics.scores.curves import roc_curve
from nnlite.metrics.scores.reading import as_weights

__all__ = ["Score", "best_threshold"]

Score = Literal["f1", "balanced_accuracy", "accuracy"]


def best_threshold(
    y: ArrayLike,
    probabilities: ArrayLike,
    score: Score,
    weights: ArrayLike | None = None,
) -> float:
    """The threshold t in (0, 1] with the highest score of `probabilities >= t`; 0.5 unless both classes occur.

    All thresholds between two neighboring probabilities decide alike: their middle is taken. Of equally good ones
    the one nearest to 0.5 is.

    Args:
        y: 1 for the positive rows, shape (rows,).
        probabilities: of being positive, shape (rows,).
        score: what is to be highest.
        weights: weight of each row, >= 0.

    >>> best_threshold([0, 0, 1, 1], [0.1, 0.2, 0.3, 0.4], "f1")
    0.25
    """
    false_rate, true_rate, thresholds = roc_curve(y, probabilities, weights, drop_intermediate=False)
    if np.isnan(false_rate).any() or np.isnan(true_rate).any():
        return 0.5
    weight = as_weights(weights, len(np.asarray(y)))
    positive = float(weight @ (np.asarray(y) != 0))
    negative = float(weight.sum() - positive)
    true, false = true_rate * positive, false_rate * negative
    scores = {
        "f1": 2 * true / (true + false + positive),
        "balanced_accuracy": (true_rate + 1 - false_rate) / 2,
        "accuracy": (true + negative - false) / (positive + negative),
    }[score]
    best = np.flatnonzero(scores >= scores.max() - 1e-12)
    middles = [_middle(thresholds, int(index)) for index in best]
    return min(middles, key=lambda threshold: abs(threshold - 0.5))


def _middle(thresholds: np.ndarray, index: int) -> float:
    """A threshold that takes the rows down to `index`, and not the next ones."""
    lowest = min(float(thresholds[index]), 1.0)
    below = float(thresholds[index + 1]) if index + 1 < len(thresholds) else 0.0
    return (lowest + below) / 2 if below < lowest else lowest
