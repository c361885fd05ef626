"""Losses of whole rows: angles, margins between classes, divergences."""

from typing import Any

import numpy as np

from nnlite.arrays.types import Array
from nnlite.config import epsilon
from nnlite.jacobians import Contraction, Diagonal
from nnlite.jacobians.maps.base import Jacobian
from nnlite.losses.base import Loss

__all__ = ["CategoricalHinge", "CosineSimilarity", "KLDivergence"]


class CosineSimilarity(Loss):
    """-cos of the angle between y_true and y_pred along `axis`; 0 for a row of zeros.

    Args:
        axis: that of the vectors which are compared.

    >>> float(CosineSimilarity()([[0.0, 1.0]], [[0.0, 5.0]])), float(CosineSimilarity()([[0.0, 1.0]], [[2.0, 0.0]]))
    (-1.0, 0.0)
    """

    axis: int = -1

    def per_row(self, y_true: np.ndarray, y_pred: np.ndarray) -> tuple[np.ndarray, Jacobian]:
        target = _direction(y_true)[0]
        unit, length = _direction(y_pred)
        cosine = (target * unit).sum(axis=-1, keepdims=True)
        return -cosine[..., 0], Contraction(-(target - cosine * unit) / length)


class CategoricalHinge(Loss):
    """max(0, 1 + max((1 - y_true) * y_pred) - sum(y_true * y_pred)) over the last axis, y_true one-hot.

    >>> float(CategoricalHinge()([[0.0, 1.0, 0.0]], [[0.25, 0.5, 0.0]]))  # 1 + 0.25 - 0.5
    0.75
    """

    target_kind = "categorical"

    def per_row(self, y_true: np.ndarray, y_pred: Array) -> tuple[np.ndarray, Jacobian]:
        others: Any = (1 - y_true) * y_pred
        index = others.real.argmax(axis=-1)[..., None]
        gap: Any = 1 + np.take_along_axis(others, index, -1) - (y_true * y_pred).sum(axis=-1, keepdims=True)
        inside = gap.real > 0
        slopes = -y_true
        np.put_along_axis(
            slopes, index, np.take_along_axis(slopes, index, -1) + 1 - np.take_along_axis(y_true, index, -1), -1
        )
        return (gap * inside)[..., 0], Contraction(slopes * inside)

    def row_hessian(self, y_true: np.ndarray, y_pred: np.ndarray) -> Jacobian | None:
        return Diagonal(np.zeros((), y_pred.dtype), y_pred.shape, y_pred.shape)


class KLDivergence(Loss, aliases=("kld", "kullback_leibler_divergence")):
    """sum(y_true * log(y_true / y_pred)) over the last axis, both kept within [1e-7, 1].

    >>> round(float(KLDivergence()([[0.5, 0.5]], [[0.25, 0.75]])), 4)
    0.1438
    """

    def per_row(self, y_true: np.ndarray, y_pred: Array) -> tuple[np.ndarray, Jacobian]:
        target = np.clip(y_true, epsilon(), 1)
        inside = (y_pred.real > epsilon()) & (y_pred.real < 1)
        p = np.where(inside, y_pred, np.clip(y_pred.real, epsilon(), 1).astype(y_pred.real.dtype))
        return (target * (np.log(target) - np.log(p))).sum(axis=-1), Contraction(-target / p * inside)

    def row_hessian(self, y_true: np.ndarray, y_pred: np.ndarray) -> Jacobian | None:
        p = np.clip(y_pred, epsilon(), 1)
        inside = (y_pred > epsilon()) & (y_pred < 1)
        return Diagonal(np.clip(y_true, epsilon(), 1) / (p * p) * inside, y_pred.shape, y_pred.shape)


def _direction(rows: Any) -> tuple[Any, Any]:
    """Rows divided by their lengths, and these lengths, 1 for a row of zeros; analytic for complex rows."""
    length = np.sqrt((rows * rows).sum(axis=-1, keepdims=True))
    length = np.where(np.abs(length) > 0, length, np.ones((), rows.dtype))
    return rows / length, length
