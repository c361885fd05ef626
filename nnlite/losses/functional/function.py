"""A user-defined function as a loss: recorded if it is made of ops, else differentiated numerically."""

import warnings
from typing import Any, cast

import numpy as np

from nnlite.errors import ConfigError, NNLiteError
from nnlite.jacobians import Jacobian
from nnlite.losses.base import Loss
from nnlite.losses.call import trace_loss
from nnlite.losses.forms import operands
from nnlite.losses.numerical import checked, numerical_gradient
from nnlite.registry import NamedFunction

__all__ = ["FunctionLoss"]


class FunctionLoss(Loss):
    """The loss of a function `(y_true, y_pred) -> losses`; made by `compile(loss=function)`.

    A function made of operators and functions of `nnlite.ops` is recorded, and the record is the derivative. Of any
    other, such as one that converts its arguments to arrays, the derivative is found by differences, four evaluations
    for each column (or, where the function gives one loss for the batch, for each number); a warning says so once.

    Shape: y_true and y_pred `(batch, ..., units)`; losses `(batch, ...)`, or one number for the batch.

    Args:
        function: kept in files by its name, if it is registered by `register_function`.

    Raises:
        ConfigError: a function that has no derivative: it gives other numbers in each call, steps, or depends on
            nothing.

    >>> from nnlite import ops
    >>> def quartic(y_true, y_pred):
    ...     return ops.mean((y_pred - y_true) ** 4, axis=-1)
    >>> loss = FunctionLoss(quartic)
    >>> loss, loss.forward([[0.0]], [[2.0]]), loss.backward().tolist()
    (FunctionLoss(quartic), 16.0, [[32.0]])
    """

    function: NamedFunction

    _numerical = cast("bool | None", None)  # whether the derivative is found by differences; None before the first call

    def call(self, y_true: np.ndarray, y_pred: Any) -> Any:
        """The function of targets and predictions; these lose a last axis of length 1 that targets do not have."""
        return self.function(*operands(y_true, y_pred, False))

    def per_row(self, y_true: np.ndarray, y_pred: np.ndarray) -> tuple[np.ndarray, Jacobian]:
        if self._numerical is None:
            return self._first(y_true, y_pred)
        if self._numerical:
            return numerical_gradient(lambda point: self.call(y_true, point), y_pred)
        return trace_loss(self, y_true, y_pred)

    def _first(self, y_true: np.ndarray, y_pred: np.ndarray) -> tuple[np.ndarray, Jacobian]:
        try:
            recorded = trace_loss(self, y_true, y_pred)
        except (NNLiteError, TypeError, AttributeError) as error:
            reason = error
        else:
            self._numerical = False
            return recorded
        result = checked(lambda point: self.call(y_true, point), y_pred, self.function, reason)
        self._numerical = True
        warnings.warn(
            f"{self!r} is not made of functions of nnlite.ops: its derivative is numerical, which takes "
            "many evaluations and gives no second derivative",
            stacklevel=2,
        )
        return result

    def curvature(
        self,
        y_true: np.ndarray,
        y_pred: np.ndarray,
        sample_weight: np.ndarray | None = None,
        mask: np.ndarray | None = None,
    ) -> Jacobian:
        if self._numerical is None:
            self.per_row(y_true, y_pred)
        if self._numerical:
            raise ConfigError(f"{self!r} has no second derivative: make it of functions of nnlite.ops")
        return super().curvature(y_true, y_pred, sample_weight, mask)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.function!r})"
