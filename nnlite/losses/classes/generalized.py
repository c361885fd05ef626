"""Cross-entropy that tolerates label noise."""

from typing import Annotated

import numpy as np

from nnlite.arrays.types import Array, BatchShape
from nnlite.config import epsilon
from nnlite.jacobians import Contraction, Diagonal
from nnlite.jacobians.maps.base import Jacobian
from nnlite.losses.base import Loss
from nnlite.losses.classification import class_numbers
from nnlite.losses.elementwise import at_least
from nnlite.registry.bounds import Range

__all__ = ["CategoricalGeneralizedCrossEntropy"]


class CategoricalGeneralizedCrossEntropy(Loss):
    """(1 - p ** q) / q, p the predicted probability of the class: between cross-entropy and mean absolute error.

    Its slope is -p ** (q - 1), in which p counts as at least 1e-7.

    Shape: y_true `(batch, ...)` or `(batch, ..., 1)`, integers in [0, units); y_pred `(batch, ..., units)`.

    Args:
        q: in (0, 1); near 0 it is the cross-entropy, near 1 the mean absolute error, which wrong labels disturb less.

    Reference: Zhang & Sabuncu 2018, arXiv:1805.07836.

    >>> CategoricalGeneralizedCrossEntropy()([1, 0], [[0.0, 1.0], [0.25, 0.75]])
    0.5
    """

    q: Annotated[float, Range(0, 1, low_open=True, high_open=True)] = 0.5

    target_kind = "sparse"

    def per_row(self, y_true: np.ndarray, y_pred: Array) -> tuple[np.ndarray, Jacobian]:
        places = y_true[..., None]
        p = np.take_along_axis(y_pred, places, -1)
        slopes = np.zeros_like(y_pred)
        np.put_along_axis(slopes, places, -(at_least(epsilon(), p)[0] ** (self.q - 1)), -1)
        return ((1 - p**self.q) / self.q)[..., 0], Contraction(slopes)

    def row_hessian(self, y_true: np.ndarray, y_pred: np.ndarray) -> Jacobian | None:
        places = y_true[..., None]
        p = np.take_along_axis(y_pred, places, -1)
        curvatures = np.zeros_like(y_pred)
        np.put_along_axis(curvatures, places, (1 - self.q) * p ** (self.q - 2) * (p > epsilon()), -1)
        return Diagonal(curvatures, y_pred.shape, y_pred.shape)

    def read_targets(self, targets: np.ndarray, output_shape: BatchShape, dtype: np.dtype) -> np.ndarray:
        return class_numbers(targets, output_shape, self)
