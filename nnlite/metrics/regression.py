"""Metrics of regression: squared, absolute and root-mean-square error, and R2."""

import math
import warnings
from typing import Any, Literal

import numpy as np

from nnlite.arrays.types import ArrayLike
from nnlite.errors import ShapeError
from nnlite.metrics.base import Average, Metric
from nnlite.metrics.state.numbers import state_number
from nnlite.metrics.state.variables import StateArray
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

    All sums run in float64 about a target of the first batch, so a large mean costs no digits and batches of any size
    give one result. For a constant target the score is 1.0 where the prediction is exact and 0.0 where it is not.

    Shape: y_true and y_pred (batch,) or (batch, outputs); sample_weight (batch,).

    Args:
        class_aggregation: how several outputs become one number: `"uniform_average"`,
            `"variance_weighted_average"`, or None: `result` is an array with one score per output.
        num_regressors: number p of independent variables; if not 0, the adjusted score
            `1 - (1 - R2) * (n - 1) / (n - p - 1)` over n samples (rows).

    >>> round(R2Score()([[1], [4], [3]], [[2], [4], [4]]), 6)
    0.571429
    """

    higher_is_better = True
    class_aggregation: Literal["uniform_average", "variance_weighted_average"] | None = "uniform_average"
    num_regressors: Index = 0

    _rounds = False
    num_samples = state_number("num_samples", "Number of targets: rows times outputs.")
    count, total_mse = StateArray(), StateArray()  # of each output: the weights, the weighted squares of errors
    origin, first, second = StateArray(), StateArray(), StateArray()  # and the moments of targets about the origin
    _state = ("num_samples", "count", "total_mse", "origin", "first", "second")

    def reset_state(self) -> None:
        self.num_samples = 0
        self._start_at(np.zeros(np.shape(vars(self).get("count", []))))  # as many outputs as before

    @property
    def _listed(self) -> dict[str, str]:
        same = {name: name for name in ("num_samples", "squared_sum", "sum")}
        return {**same, "total_mse": "residual", "count": "count"}

    @property
    def _known(self) -> list[str]:
        return [*self._listed] if self.count.size else [*self._listed][:1]

    def _start_at(self, origin: np.ndarray) -> None:
        """Begin with no targets, whose moments will be about an origin."""
        self.origin = origin
        self.count = self.total_mse = self.first = self.second = np.zeros(len(origin))

    def _about_zero(self, value: ArrayLike) -> None:
        """Take moments about 0, of as many outputs as a value has that will replace one of them."""
        if not self.count.size:
            self._start_at(np.zeros(np.shape(value)))
        self.second, self.first, self.origin = self.squared_sum, self.sum, np.zeros_like(self.origin)

    @property
    def sum(self) -> np.ndarray:
        """Weighted sum of the targets of each output."""
        return np.array(self.first + self.count * self.origin)

    @sum.setter
    def sum(self, value: Any) -> None:
        self._about_zero(value)
        self.first = value

    @property
    def squared_sum(self) -> np.ndarray:
        """Weighted sum of the squares of the targets of each output."""
        return np.array(self.second + self.origin * (2 * self.first + self.count * self.origin))

    @squared_sum.setter
    def squared_sum(self, value: Any) -> None:
        self._about_zero(value)
        self.second = value

    def update_state(self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        y_true, y_pred = self._columns(y_true, y_pred)
        batch_size = len(y_true)
        weight = np.ones(batch_size) if sample_weight is None else self.weights(sample_weight, batch_size)
        if not weight.any():
            return
        sums = vars(self)
        if not sums["count"].any():
            self._start_at(y_true[np.argmax(weight)])
        deviation = y_true - sums["origin"]
        error = y_true - y_pred.astype(np.float64, copy=False)
        sums["_num_samples"] += y_true.size
        sums["count"] = sums["count"] + weight.sum(dtype=np.float64)
        sums["first"] = sums["first"] + weight @ deviation
        sums["second"] = sums["second"] + weight @ (deviation * deviation)
        sums["total_mse"] = sums["total_mse"] + weight @ (error * error)

    def result(self) -> Any:
        if not self.count.any():
            return 0.0
        residual, total = self.total_mse, self.second - self.first * self.first / self.count
        scores = 1.0 - np.sign(residual)
        np.divide(total - residual, total, out=scores, where=total != 0)
        if self.class_aggregation == "uniform_average":
            scores = float(scores.mean())
        elif self.class_aggregation == "variance_weighted_average":
            variance_sum = total.sum()
            scores = float((total @ scores) / variance_sum if variance_sum else scores.mean())
        return self._adjusted(scores) if self.num_regressors else scores

    def _adjusted(self, scores):
        rows = int(self.num_samples) // len(self.count)
        degrees_of_freedom = rows - self.num_regressors - 1
        if degrees_of_freedom <= 0:
            warnings.warn(
                f"{self.name}: {rows} samples are too few for the adjusted score with "
                f"num_regressors={self.num_regressors}; the standard score is given",
                stacklevel=3,
            )
            return scores
        return 1.0 - (1.0 - scores) * (rows - 1) / degrees_of_freedom

    def _columns(self, y_true, y_pred) -> tuple[np.ndarray, np.ndarray]:
        """Both as (batch, outputs), with as many outputs as the batches before."""
        y_true, y_pred = self.aligned(y_true, y_pred)
        if y_true.ndim == 1:
            y_true, y_pred = y_true[:, None], y_pred[:, None]
        outputs = len(vars(self)["count"]) or y_true.shape[1]
        if y_true.ndim != 2 or y_true.shape[1] != outputs:
            raise ShapeError(f"{self.name}: expected shape (batch, {outputs}), got {y_true.shape}")
        return y_true, y_pred
