"""Likelihoods: of numbers with a predicted variance, of positive amounts, of amounts that may be zero."""

import math
from typing import Annotated, Any

import numpy as np

from nnlite.arrays.types import Array, BatchShape
from nnlite.config import epsilon
from nnlite.errors import DataError, ShapeError
from nnlite.jacobians import Contraction
from nnlite.jacobians.maps.base import Jacobian
from nnlite.losses.base import Loss
from nnlite.losses.elementwise import Elementwise, at_least
from nnlite.registry.bounds import Range

__all__ = ["Gamma", "GaussianNLL", "NegativeLogLikelihood", "Tweedie"]

LEAST_LOG = -math.log(1e6)  # of a variance: PyTorch's bound


class GaussianNLL(Loss):
    """mean((log(variance) + (y_true - mean) ** 2 / variance) / 2): each prediction has its own variance.

    The model gives means and logarithms of variances; a variance below 1e-6 counts as 1e-6.

    Shape: y_pred `(batch, ..., 2 * targets)`, first all means, then the logarithm of the variance of each; y_true
    `(batch, ..., targets)`, or `(batch,)` for one target.

    Args:
        full: whether the constant log(2 pi) / 2 is added.

    Reference: Nix & Weigend 1994, "Estimating the mean and variance of the target probability distribution".

    >>> GaussianNLL()([1.0], [[3.0, 0.0]])
    2.0
    """

    full: bool = False

    def per_row(self, y_true: np.ndarray, y_pred: Array) -> tuple[np.ndarray, Jacobian]:
        count = y_pred.shape[-1] // 2
        means, logs = y_pred[..., :count], y_pred[..., count:]
        bounded, inside = at_least(LEAST_LOG, logs)
        error, precision = means - y_true, np.exp(-bounded)
        scaled = error * precision
        losses = (bounded + error * scaled) / 2 + (math.log(2 * math.pi) / 2 if self.full else 0)
        slopes = np.concatenate([scaled, (1 - error * scaled) / 2 * inside], axis=-1) * (1 / count)
        return losses.mean(axis=-1), Contraction(slopes)

    def read_targets(self, targets: np.ndarray, output_shape: BatchShape, dtype: np.dtype) -> np.ndarray:
        units = output_shape[-1]
        if units is None or units % 2:
            raise ShapeError(
                f"GaussianNLL needs two outputs for each target, a mean and the logarithm of a variance, got {units}"
            )
        return super().read_targets(targets, (*output_shape[:-1], units // 2), dtype)


class NegativeLogLikelihood(Elementwise):
    """-mean(y_pred) over the last axis: the model itself returns log P of each row, as a `Circuit` does.

    Targets have the shape of the predictions and are not looked at.

    >>> NegativeLogLikelihood()([[0.0], [0.0]], [[-1.0], [-3.0]])
    2.0
    """

    def elements(self, y_true: np.ndarray, y_pred: Array) -> tuple[Any, Any]:
        return -y_pred, np.full(y_pred.shape, -1, y_pred.real.dtype)

    def curvatures(self, y_true: np.ndarray, y_pred: np.ndarray) -> Any:
        return np.zeros((), y_pred.dtype)


class Amounts(Elementwise, abstract=True):
    """Deviances of amounts. A subclass writes `deviance`.

    Predictions below 1e-7 count as 1e-7, unless they are logarithms.
    """

    log_input: bool = False

    def deviance(self, y_true: np.ndarray, log_mean: Any) -> tuple[Any, Any, Any]:
        """The loss of each element, and its first and second derivative with respect to the logarithm of the mean."""
        raise NotImplementedError(f"{type(self).__name__} must define deviance(y_true, log_mean)")

    def elements(self, y_true: np.ndarray, y_pred: Array) -> tuple[Any, Any]:
        if self.log_input:
            return self.deviance(y_true, y_pred)[:2]
        mean, inside = at_least(epsilon(), y_pred)
        losses, slopes, _ = self.deviance(y_true, np.log(mean))
        return losses, slopes / mean * inside

    def curvatures(self, y_true: np.ndarray, y_pred: np.ndarray) -> Any:
        if self.log_input:
            return self.deviance(y_true, y_pred)[2]
        mean = np.maximum(y_pred, epsilon())
        _, slopes, curvatures = self.deviance(y_true, np.log(mean))
        return (curvatures - slopes) / (mean * mean) * (y_pred > epsilon())


class Gamma(Amounts):
    """mean(2 * (log(y_pred / y_true) + y_true / y_pred - 1)): the deviance of positive, skewed amounts, such as costs.

    Args:
        log_input: whether y_pred is the logarithm of the mean, which any number may be, instead of the mean.

    Raises:
        DataError: targets that are not above 0.

    >>> Gamma()([2.0], [[2.0]]), Gamma(log_input=True)([1.0], [[0.0]])
    (0.0, 0.0)
    """

    def deviance(self, y_true: np.ndarray, log_mean: Any) -> tuple[Any, Any, Any]:
        gap = log_mean - np.log(y_true)
        share = np.expm1(-gap)
        return 2 * (gap + share), -2 * share, 2 * (share + 1)

    def read_targets(self, targets: np.ndarray, output_shape: BatchShape, dtype: np.dtype) -> np.ndarray:
        fitted = super().read_targets(targets, output_shape, dtype)
        if fitted.size and fitted.min() <= 0:
            raise DataError(f"Gamma needs targets above 0, got {fitted.min():g}; Tweedie takes 0 too")
        return fitted


class Tweedie(Amounts):
    """The deviance of amounts with many zeros, such as claims: a Poisson number of Gamma amounts.

    mean(2 * (y ** (2 - p) / ((1 - p) * (2 - p)) - y * m ** (1 - p) / (1 - p) + m ** (2 - p) / (2 - p))), for targets y,
    means m and the power p: the variance is proportional to m ** p.

    Args:
        log_input: whether y_pred is the logarithm of the mean, which any number may be, instead of the mean.
        power: in (1, 2); near 1 as `Poisson`, near 2 as `Gamma`.

    Raises:
        DataError: targets below 0.

    Reference: Jorgensen 1987, "Exponential dispersion models".

    >>> Tweedie()([0.0, 4.0], [[1.0], [4.0]])
    2.0
    """

    power: Annotated[float, Range(1, 2, low_open=True, high_open=True)] = 1.5

    def deviance(self, y_true: np.ndarray, log_mean: Any) -> tuple[Any, Any, Any]:
        below, above = 1 - self.power, 2 - self.power
        pull, push = y_true * np.exp(below * log_mean), np.exp(above * log_mean)
        losses = 2 * (y_true**above / (below * above) - pull / below + push / above)
        return losses, 2 * (push - pull), 2 * (above * push - below * pull)

    def read_targets(self, targets: np.ndarray, output_shape: BatchShape, dtype: np.dtype) -> np.ndarray:
        fitted = super().read_targets(targets, output_shape, dtype)
        if fitted.size and fitted.min() < 0:
            raise DataError(f"Tweedie needs targets of at least 0, got {fitted.min():g}")
        return fitted
