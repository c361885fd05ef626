"""Losses that write `call` alone: what it computes is recorded, and the record is the derivative."""

from typing import Any, cast

import numpy as np

from nnlite.errors import ShapeError
from nnlite.jacobians.maps.base import Jacobian
from nnlite.ops.tracing import Trace, Traced, call_traced

__all__ = []

MUST_RETURN = "call must return what functions of nnlite.ops and operators make of y_pred"


def trace_loss(loss: Any, y_true: np.ndarray, y_pred: np.ndarray) -> tuple[np.ndarray, Jacobian]:
    """`loss.call(y_true, y_pred)`: one loss per row, or one for the batch, and the Jacobian of these by `y_pred`."""
    trace = Trace()
    name, expected = type(loss).__name__, f"{MUST_RETURN}, one loss per row, shape ({len(y_pred)}, ...)"
    predicted = trace.variable(y_pred)
    losses = call_traced(name, expected, lambda: loss.call(y_true, predicted))
    if not isinstance(losses, Traced):
        raise ShapeError(
            f"{name}: {expected}, got {type(losses).__name__}: it has no derivative with respect to y_pred"
        )
    if losses.shape and losses.shape[:1] != y_pred.shape[:1]:
        raise ShapeError(
            f"{name}: {expected}, or one for the batch, shape (), got {losses.shape}; take means over axis=-1"
        )
    return losses.value, cast(Jacobian, trace.jacobians(losses)[0])
