"""Scores of a regression: one number per row, or several."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nnlite.arrays.rows import LazyRows, blocks
from nnlite.arrays.types import ArrayLike
from nnlite.errors import ShapeError
from nnlite.metrics.scores.reading import as_matrix, as_weights, ratio

__all__ = ["regression_scores"]

ROWS_AT_ONCE = 2**17  # in float64, so that of many rows there is no copy of all


def regression_scores(
    y: ArrayLike | LazyRows,
    predictions: ArrayLike | LazyRows,
    weights: ArrayLike | None = None,
    names: Sequence[str] | None = None,
) -> dict[str, float]:
    """Root-mean-square error, mean absolute error and R2, in the unit of `y`.

    `rmse = sqrt(mean((y - p)**2))` and `mae = mean(abs(y - p))`, both >= 0; `r2 = 1 - sum((y - p)**2) /
    sum((y - mean(y))**2)`, at most 1, and 0 for the mean as prediction. For a constant target R2 is 1 where the
    prediction is exact and 0 where it is not; for a single row it is not defined. For several targets these are means
    over the targets, and each target's own come after them.

    Args:
        y: numbers, shape (rows,) or (rows, targets); they may stay in a file, of which some rows are read at a time.
        predictions: of the same shape.
        weights: weight of each row, >= 0.
        names: what several targets are called; `target_0`, `target_1`, ... by default.

    Returns:
        `rmse mae r2`, then for several targets `<name>_rmse <name>_mae <name>_r2` of each; NaN where not defined.

    >>> regression_scores([1.0, 2.0, 3.0], [1.0, 2.0, 5.0])["mae"]
    0.6666666666666666
    """
    truth, predicted = as_matrix(y, "y"), as_matrix(predictions, "predictions")
    if truth.shape != predicted.shape:
        raise ShapeError(f"y has shape {truth.shape} and predictions {predicted.shape}; they must be equal")
    weight = None if weights is None else as_weights(weights, len(truth))
    whole = float(len(truth)) if weight is None else weight.sum()
    columns = {
        "rmse": np.sqrt(ratio(_total(_squared, truth, predicted, weight), whole)),
        "mae": ratio(_total(_absolute, truth, predicted, weight), whole),
        "r2": _r2(truth, predicted, weight, whole),
    }
    scores = {score: float(values.mean()) for score, values in columns.items()}
    count = truth.shape[1]
    if count > 1:
        for column, name in enumerate(names or [f"target_{column}" for column in range(count)]):
            scores |= {f"{name}_{score}": float(values[column]) for score, values in columns.items()}
    return scores


def _total(
    error: Callable[[np.ndarray, np.ndarray], np.ndarray], truth: Any, predicted: Any, weight: np.ndarray | None
) -> np.ndarray:
    """The weighted sum of the errors of all rows, some rows at a time. Shape: (targets,)."""
    total = np.zeros(truth.shape[1])
    for rows in blocks(truth, ROWS_AT_ONCE):
        counted = np.ones(rows.stop - rows.start) if weight is None else weight[rows]
        total += counted @ error(truth[rows].astype(np.float64), predicted[rows].astype(np.float64))
    return total


def _squared(truth: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    return (truth - predicted) ** 2


def _absolute(truth: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    return np.abs(truth - predicted)


def _r2(truth: Any, predicted: Any, weight: np.ndarray | None, whole: float) -> np.ndarray:
    if len(truth) < 2 or not whole:
        return np.full(truth.shape[1], np.nan)
    mean = ratio(_total(lambda y, _: y, truth, predicted, weight), whole)
    residual = _total(_squared, truth, predicted, weight)
    total = _total(_squared, truth, np.broadcast_to(mean, truth.shape), weight)
    scores = 1.0 - np.sign(residual)
    return np.where(total != 0, 1 - np.divide(residual, total, out=np.zeros_like(total), where=total != 0), scores)
