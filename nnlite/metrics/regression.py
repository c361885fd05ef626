"""Metrics of regression: squared, absolute and root-mean-square error, and R2."""

import math
import warnings
from typing import Any, Literal

import numpy as np

from nnlite.arrays.types import ArrayLike
from nnlite.errors import ShapeError
from nnlite.metrics.base import Average, Metric
from nnlite.registry.bounds import Index

__all__ = ["MeanAbsoluteError", "MeanSquaredError", "R2Score", "RootMeanSquaredError"]


def _difference(metric: Metric, y_true, y_pred) -> np.ndarray:
    """`y_pred - y_true` as a new array of floats."""
    y_true, y_pred = metric.aligned(y_true, y_pred)
    if y_pred.dtype.kind != "f":  # unsigned integers would wrap around, booleans cannot be subtracted
        y_pred = y_pred.astype(np.float64)
    return y_pred - y_true


def _squared_difference(metric: Metric, y_true, y_pred) -> np.ndarray:
    difference = _difference(metric, y_true, y_pred)
    return np.multiply(difference, difference, out=difference)


class MeanSquaredError(Average, aliases=("mse",)):
    """Mean of squared errors: `mean((y_true - y_pred)**2)`.

    Shape: y_true and y_pred (batch, ...); sample_weight (batch,).

    >>> MeanSquaredError()([[0, 1], [0, 0]], [[1, 1], [0, 0]])
    0.25
    """

    higher_is_better = False
    adds_up = True

    def update_state(self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        self.accumulate(_squared_difference(self, y_true, y_pred), sample_weight)


class MeanAbsoluteError(Average, aliases=("mae",)):
    """Mean of absolute errors: `mean(abs(y_true - y_pred))`.

    Shape: y_true and y_pred (batch, ...); sample_weight (batch,).

    >>> MeanAbsoluteError()([[0, 1], [0, 0]], [[3, 1], [0, 0]])
    0.75
    """

    higher_is_better = False
    adds_up = True

    def update_state(self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        difference = _difference(self, y_true, y_pred)
        self.accumulate(np.abs(difference, out=difference), sample_weight)


class RootMeanSquaredError(Average, aliases=("rmse",)):
    """Root of the mean of squared errors: `sqrt(mean((y_true - y_pred)**2))`, in the unit of `y_true`.

    The root is taken once, over all batches, not of each batch.

    Shape: y_true and y_pred (batch, ...); sample_weight (batch,).

    >>> RootMeanSquaredError()([[0, 1], [0, 0]], [[1, 1], [0, 0]])
    0.5
    """

    higher_is_better = False
    adds_up = True

    def update_state(self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        self.accumulate(_squared_difference(self, y_true, y_pred), sample_weight)

    def result(self) -> float:
        return math.sqrt(super().result())


class R2Score(Metric):
    """Coefficient of determination: `1 - sum((y_true - y_pred)**2) / sum((y_true - mean(y_true))**2)`.

    All sums run in float64 about the mean so far, so a large mean costs no digits and batches of any size give one
    result. For a constant target the score is 1.0 where the prediction is exact and 0.0 where it is not.

    Shape: y_true and y_pred (batch,) or (batch, outputs); sample_weight (batch,).

    Args:
        class_aggregation: how several outputs become one number: `"uniform_average"`,
            `"variance_weighted_average"`, or None: `result` is an array with one score per output.
        num_regressors: number p of independent variables; if not 0, the adjusted score
            `1 - (1 - R2) * (n - 1) / (n - p - 1)` over n samples (rows).

    Reference: Chan, Golub & LeVeque 1983, "Algorithms for computing the sample variance".

    >>> round(R2Score()([[1], [4], [3]], [[2], [4], [4]]), 6)
    0.571429
    """

    higher_is_better = True
    class_aggregation: Literal["uniform_average", "variance_weighted_average"] | None = "uniform_average"
    num_regressors: Index = 0

    _state = ("num_samples", "count", "mean", "total", "residual")

    def reset_state(self) -> None:
        self.num_samples = 0
        self.count = 0.0
        self.mean = self.total = self.residual = np.zeros(0)  # one for each output, from the first batch on

    def update_state(self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        y_true, y_pred = self._columns(y_true, y_pred)
        batch_size = len(y_true)
        weight = np.ones(batch_size) if sample_weight is None else self.weights(sample_weight, batch_size)
        if not weight.any():
            return
        if not self.mean.size:
            self.mean = y_true[np.argmax(weight != 0)].astype(np.float64)
            self.total, self.residual = np.zeros((2, len(self.mean)))
        deviation = y_true - self.mean
        error = y_true - y_pred.astype(np.float64, copy=False)
        shift = weight @ deviation
        self.num_samples += batch_size
        self.count += float(weight.sum(dtype=np.float64))
        self.mean = self.mean + shift / self.count
        self.total = self.total + (weight @ (deviation * deviation) - shift * shift / self.count)
        self.residual = self.residual + weight @ (error * error)

    def result(self) -> Any:
        if not self.mean.size:
            return 0.0
        scores = 1.0 - np.sign(self.residual)
        np.divide(self.total - self.residual, self.total, out=scores, where=self.total != 0)
        if self.class_aggregation == "uniform_average":
            scores = float(scores.mean())
        elif self.class_aggregation == "variance_weighted_average":
            variance_sum = self.total.sum()
            scores = float((self.total @ scores) / variance_sum if variance_sum else scores.mean())
        return self._adjusted(scores) if self.num_regressors else scores

    def _adjusted(self, scores):
        degrees_of_freedom = self.num_samples - self.num_regressors - 1
        if degrees_of_freedom <= 0:
            warnings.warn(
                f"{self.name}: {self.num_samples} samples are too few for the adjusted score with "
                f"num_regressors={self.num_regressors}; the standard score is given",
                stacklevel=3,
            )
            return scores
        return 1.0 - (1.0 - scores) * (self.num_samples - 1) / degrees_of_freedom

    def _columns(self, y_true, y_pred) -> tuple[np.ndarray, np.ndarray]:
        """Both as (batch, outputs), with as many outputs as the batches before."""
        y_true, y_pred = self.aligned(y_true, y_pred)
        if y_true.ndim == 1:
            y_true, y_pred = y_true[:, None], y_pred[:, None]
        outputs = len(self.mean) or y_true.shape[1]
        if y_true.ndim != 2 or y_true.shape[1] != outputs:
            raise ShapeError(f"{self.name}: expected shape (batch, {outputs}), got {y_true.shape}")
        return y_true, y_pred
