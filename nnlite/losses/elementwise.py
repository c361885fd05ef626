"""Losses that are a mean over elements, each with its derivative."""

from typing import Any, ClassVar

import numpy as np

from nnlite.arrays.types import Array
from nnlite.config import epsilon
from nnlite.jacobians import Contraction, Diagonal
from nnlite.jacobians.maps.base import Jacobian
from nnlite.losses.base import Loss

__all__ = [
    "Hinge",
    "LogCosh",
    "MeanAbsolutePercentageError",
    "MeanSquaredLogarithmicError",
    "Poisson",
    "SquaredHinge",
]


class Elementwise(Loss, abstract=True):
    """The mean over the last axis of a function of each element. A subclass writes `elements` and `curvatures`."""

    compares_numbers = True
    _fast_paths: ClassVar[dict[str, tuple[str, ...]]] = {"row_hessian": ("elements",)}

    def elements(self, y_true: np.ndarray, y_pred: Any) -> tuple[Any, Any]:
        """The loss of each element, and its derivative with respect to `y_pred`; analytic in complex `y_pred`."""
        raise NotImplementedError(f"{type(self).__name__} must define elements(y_true, y_pred)")

    def per_row(self, y_true: np.ndarray, y_pred: np.ndarray) -> tuple[np.ndarray, Jacobian]:
        losses, slopes = self.elements(y_true, y_pred)
        return losses.mean(axis=-1), Contraction(slopes * (1 / y_pred.shape[-1]))

    def curvatures(self, y_true: np.ndarray, y_pred: np.ndarray) -> Any:
        """The second derivative of each element's loss."""
        raise NotImplementedError(f"{type(self).__name__} must define curvatures(y_true, y_pred)")

    def row_hessian(self, y_true: np.ndarray, y_pred: np.ndarray) -> Jacobian | None:
        curvatures = np.broadcast_to(self.curvatures(y_true, y_pred), y_pred.shape)
        return Diagonal(curvatures * (1 / y_pred.shape[-1]), y_pred.shape, y_pred.shape)


class MeanAbsolutePercentageError(Elementwise, aliases=("mape",)):
    """100 * mean(|y_true - y_pred| / max(|y_true|, 1e-7)) over the last axis.

    >>> float(MeanAbsolutePercentageError()([[2.0], [4.0]], [[1.0], [5.0]]))  # 50 % and 25 %
    37.5
    """

    def elements(self, y_true: np.ndarray, y_pred: Array) -> tuple[Any, Any]:
        scale = 100 / np.maximum(np.abs(y_true), epsilon())
        error: Array = y_pred - y_true
        signs = np.sign(error.real)
        return scale * error * signs, scale * signs

    def curvatures(self, y_true: np.ndarray, y_pred: np.ndarray) -> Any:
        return np.zeros((), y_pred.dtype)


class MeanSquaredLogarithmicError(Elementwise, aliases=("msle",)):
    """mean((log(1 + y_true) - log(1 + y_pred)) ** 2) over the last axis; numbers below 1e-7 count as 1e-7.

    >>> round(float(MeanSquaredLogarithmicError()([[9.0]], [[99.0]])), 4)  # log(10) ** 2
    5.3019
    """

    def elements(self, y_true: np.ndarray, y_pred: Array) -> tuple[Any, Any]:
        bounded, inside = at_least(epsilon(), y_pred)
        error = np.log1p(bounded) - np.log1p(np.maximum(y_true, epsilon()))
        return error * error, 2 * error / (1 + bounded) * inside

    def curvatures(self, y_true: np.ndarray, y_pred: np.ndarray) -> Any:
        bounded = np.maximum(y_pred, epsilon())
        error = np.log1p(bounded) - np.log1p(np.maximum(y_true, epsilon()))
        return 2 * (1 - error) / (1 + bounded) ** 2 * (y_pred > epsilon())


class LogCosh(Elementwise):
    """mean(log(cosh(y_pred - y_true))) over the last axis: quadratic near 0, |error| - log(2) far from it.

    >>> round(float(LogCosh()([[0.0]], [[3.0]])), 4)  # near |difference| - log(2)
    2.3093
    """

    exchangeable: ClassVar[bool] = True  # targets with predictions

    def elements(self, y_true: np.ndarray, y_pred: Array) -> tuple[Any, Any]:
        error: Array = y_pred - y_true
        size: Array = error * np.where(error.real < 0, -1, 1).astype(error.real.dtype)
        decay = np.exp(-2 * size)
        # log((1 + exp(-2s)) / 2) + s, and for small s, where that cancels, log1p of sinh(s / 2)^2 times 2
        small = np.where(size.real < 1, size, 0)
        near = np.log1p(2 * np.sinh(small / 2) ** 2)
        far = size + np.log1p(decay) - np.log(np.asarray(2, error.real.dtype))
        return np.where(size.real < 1, near, far), np.tanh(error)

    def curvatures(self, y_true: np.ndarray, y_pred: np.ndarray) -> Any:
        return 1 - np.tanh(y_pred - y_true) ** 2


class Poisson(Elementwise):
    """mean(y_pred - y_true * log(y_pred + 1e-7)) over the last axis: counts `y_true` at the rates `y_pred` > 0.

    >>> round(float(Poisson()([[2.0]], [[3.0]])), 4)  # 3 - 2 * log(3)
    0.8028
    """

    def elements(self, y_true: np.ndarray, y_pred: Array) -> tuple[Any, Any]:
        rate = y_pred + epsilon()
        return y_pred - y_true * np.log(rate), 1 - y_true / rate

    def curvatures(self, y_true: np.ndarray, y_pred: np.ndarray) -> Any:
        return y_true / (y_pred + epsilon()) ** 2


def at_least(bound: float, values: Array) -> tuple[np.ndarray, np.ndarray]:
    """`values` bounded from below by `bound`, and a mask of where they are above; analytic in complex values."""
    inside = values.real > bound
    return np.where(inside, values, np.asarray(bound, values.real.dtype)), inside


class Margin(Elementwise, abstract=True):
    """Margin losses: targets are -1 and 1; if all in a batch are 0 or 1, 0 stands for -1, as in Keras."""

    @staticmethod
    def signs(targets: np.ndarray) -> np.ndarray:
        """Targets of -1 and 1; those of the metrics are unchanged."""
        return 2 * targets - 1 if ((targets == 0) | (targets == 1)).all() else targets


class Hinge(Margin):
    """mean(max(1 - y_true * y_pred, 0)) over the last axis, y_true -1 or 1 (or 0 or 1).

    >>> float(Hinge()([[1.0], [-1.0]], [[0.5], [-2.0]]))  # the mean of 0.5 and 0
    0.25
    """

    def elements(self, y_true: np.ndarray, y_pred: Array) -> tuple[Any, Any]:
        y_true = self.signs(y_true)
        gap: Array = 1 - y_true * y_pred
        inside = gap.real > 0
        return gap * inside, -y_true * inside

    def curvatures(self, y_true: np.ndarray, y_pred: np.ndarray) -> Any:
        return np.zeros((), y_pred.dtype)


class SquaredHinge(Margin):
    """mean(max(1 - y_true * y_pred, 0) ** 2) over the last axis, y_true -1 or 1 (or 0 or 1).

    >>> float(SquaredHinge()([[1.0], [-1.0]], [[0.5], [-2.0]]))  # the mean of 0.25 and 0
    0.125
    """

    def elements(self, y_true: np.ndarray, y_pred: Array) -> tuple[Any, Any]:
        y_true = self.signs(y_true)
        gap: Array = 1 - y_true * y_pred
        kept = gap * (gap.real > 0)
        return kept * kept, -2 * y_true * kept

    def curvatures(self, y_true: np.ndarray, y_pred: np.ndarray) -> Any:
        y_true = self.signs(y_true)
        return 2 * y_true * y_true * (y_true * y_pred < 1)
