"""Losses of numbers."""

from typing import ClassVar

import numpy as np

from nnlite import kernels
from nnlite.arrays.types import Array
from nnlite.jacobians import Contraction, Diagonal
from nnlite.jacobians.maps.base import Jacobian
from nnlite.kernels.reference.forms import SQUARED_ERROR, LossForm
from nnlite.losses.base import Loss
from nnlite.registry.bounds import Positive

__all__ = ["Huber", "MeanAbsoluteError", "MeanSquaredError"]


class MeanSquaredError(Loss, aliases=("mse",)):
    """mean((y_true - y_pred) ** 2) over the last axis.

    >>> loss = MeanSquaredError()
    >>> loss.forward([[0.0], [2.0]], [[1.0], [5.0]])
    5.0
    >>> loss.backward().tolist()
    [[1.0], [3.0]]
    """

    compares_numbers = True
    exchangeable: ClassVar[bool] = True  # targets with predictions

    def per_row(self, y_true: np.ndarray, y_pred: np.ndarray) -> tuple[np.ndarray, Jacobian]:
        error = y_pred - y_true
        count = error.shape[-1]
        squares = np.add.reduce(error * error, axis=-1)
        return squares * (1 / count), Contraction(error * (2 / count))

    def total(
        self, y_true: np.ndarray, y_pred: np.ndarray, scale: float, weights: np.ndarray | None = None
    ) -> tuple[float, np.ndarray] | None:
        return kernels.squared_error(y_true, y_pred, scale / y_pred.shape[-1], weights)

    def step_form(self) -> LossForm:
        return LossForm(SQUARED_ERROR)

    def row_hessian(self, y_true: np.ndarray, y_pred: np.ndarray) -> Jacobian | None:
        return _constant(2 / y_pred.shape[-1], y_pred)


class MeanAbsoluteError(Loss, aliases=("mae",)):
    """mean(|y_true - y_pred|) over the last axis; slope 0 where they are equal.

    >>> float(MeanAbsoluteError()([[0.0], [2.0]], [[1.0], [5.0]]))
    2.0
    """

    compares_numbers = True
    exchangeable: ClassVar[bool] = True  # targets with predictions

    def per_row(self, y_true: np.ndarray, y_pred: np.ndarray) -> tuple[np.ndarray, Jacobian]:
        error: Array = y_pred - y_true
        signs = np.sign(error.real)
        return (error * signs).mean(axis=-1), Contraction(signs * (1 / error.shape[-1]))

    def row_hessian(self, y_true: np.ndarray, y_pred: np.ndarray) -> Jacobian | None:
        return _constant(0, y_pred)


class Huber(Loss):
    """error ** 2 / 2 where |error| <= delta, else delta * |error| - delta ** 2 / 2; mean over the last axis.

    Args:
        delta: where the parabola turns into a line, in units of the target.

    >>> float(Huber(delta=1.0)([[0.0], [0.0]], [[0.5], [3.0]]))  # the mean of 0.5 ** 2 / 2 and 3 - 1 / 2
    1.3125
    """

    compares_numbers = True
    exchangeable: ClassVar[bool] = True  # targets with predictions

    _default_name = "huber_loss"
    delta: Positive = 1.0

    def per_row(self, y_true: np.ndarray, y_pred: np.ndarray) -> tuple[np.ndarray, Jacobian]:
        error: Array = y_pred - y_true
        signs = np.sign(error.real)
        size: Array = error * signs
        small = size.real <= self.delta
        near = np.where(small, size, 0)  # the square of a large one may overflow
        losses = np.where(small, 0.5 * near * near, self.delta * size - 0.5 * self.delta**2)
        slopes = np.where(small, error, np.asarray(self.delta, signs.dtype) * signs)
        return losses.mean(axis=-1), Contraction(slopes * (1 / error.shape[-1]))

    def row_hessian(self, y_true: np.ndarray, y_pred: np.ndarray) -> Jacobian | None:
        small = abs(y_pred - y_true) <= self.delta
        return Diagonal(small.astype(y_pred.dtype) / y_pred.shape[-1], y_pred.shape, y_pred.shape)


def _constant(value, y_pred):
    """The diagonal map with one number."""
    return Diagonal(np.full((), value, y_pred.dtype), y_pred.shape, y_pred.shape)
