"""Correlation metrics of targets and predictions within each sample."""

from typing import Any

import numpy as np

from nnlite.arrays.types import ArrayLike
from nnlite.metrics.base import Average
from nnlite.metrics.confusion import ratio
from nnlite.ops.plain.results import in_floatx

__all__ = ["ConcordanceCorrelation", "PearsonCorrelation", "concordance_correlation", "pearson_correlation"]


def _moments(y_true: ArrayLike, y_pred: ArrayLike, axis: int) -> tuple[Any, Any, Any, Any]:
    """Variances, covariance and squared difference of means along an axis, in float64."""
    true, predicted = (np.asarray(values, dtype=np.float64) for values in (y_true, y_pred))
    means = true.mean(axis=axis, keepdims=True), predicted.mean(axis=axis, keepdims=True)
    true, predicted = true - means[0], predicted - means[1]
    covariance = (true * predicted).mean(axis=axis)
    shift = ((means[0] - means[1]) ** 2).squeeze(axis=axis)
    return (true * true).mean(axis=axis), (predicted * predicted).mean(axis=axis), covariance, shift


def pearson_correlation(y_true: ArrayLike, y_pred: ArrayLike, axis: int = -1) -> np.ndarray:
    """`cov(y_true, y_pred) / (std(y_true) * std(y_pred))` along `axis`; 0 if one of them is constant."""
    return in_floatx(_pearson(y_true, y_pred, axis), (y_true, y_pred))


def _pearson(y_true: ArrayLike, y_pred: ArrayLike, axis: int) -> np.ndarray:
    of_true, of_predicted, covariance, _ = _moments(y_true, y_pred, axis)
    return ratio(covariance, np.sqrt(of_true * of_predicted))


def concordance_correlation(y_true: ArrayLike, y_pred: ArrayLike, axis: int = -1) -> np.ndarray:
    """`2 * cov / (var(y_true) + var(y_pred) + (mean(y_true) - mean(y_pred)) ** 2)` along `axis`; 0 for 0 / 0.

    Reference: Lin 1989, "A concordance correlation coefficient to evaluate reproducibility".
    """
    return in_floatx(_concordance(y_true, y_pred, axis), (y_true, y_pred))


def _concordance(y_true: ArrayLike, y_pred: ArrayLike, axis: int) -> np.ndarray:
    of_true, of_predicted, covariance, shift = _moments(y_true, y_pred, axis)
    return ratio(2 * covariance, of_true + of_predicted + shift)


class _Correlation(Average, abstract=True):
    """The mean over samples of a correlation along one axis."""

    higher_is_better = True
    axis: int = -1

    def add(self, function: Any, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: Any) -> None:
        """Add the correlations of a batch."""
        true, predicted = self.aligned(y_true, y_pred)
        self.accumulate(np.atleast_1d(function(true, predicted, self.axis)), sample_weight)


class PearsonCorrelation(_Correlation):
    """Mean over samples of `cov(y_true, y_pred) / (std(y_true) * std(y_pred))` along `axis`; 0 for constant values.

    Shape: y_true and y_pred (batch, ..., values), or (values,), a single sample; sample_weight a number or (batch,).

    Args:
        axis: along which values belong together.

    >>> round(PearsonCorrelation()([[0, 1, 0.5], [1, 1, 0.2]], [[0.1, 0.9, 0.5], [1, 0.9, 0.2]]), 6)
    0.9967
    """

    _positional = ("name", "dtype", "axis")

    def update_state(self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        self.add(_pearson, y_true, y_pred, sample_weight)


class ConcordanceCorrelation(_Correlation):
    """Mean over samples of `2 * cov / (var(y_true) + var(y_pred) + (mean(y_true) - mean(y_pred)) ** 2)` along `axis`.

    Shape: y_true and y_pred (batch, ..., values), or (values,), a single sample; sample_weight a number or (batch,).

    Args:
        axis: along which values belong together.

    >>> round(ConcordanceCorrelation()([[0, 1, 0.5], [1, 1, 0.2]], [[0.1, 0.9, 0.5], [1, 0.9, 0.2]]), 6)
    0.981632
    """

    _positional = ("name", "dtype", "axis")

    def update_state(self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        self.add(_concordance, y_true, y_pred, sample_weight)
