"""Adapters of losses and predictions: another axis or dtype, a single row, one loss for a whole batch."""

import copy
from typing import Any

import numpy as np

from nnlite.arrays.types import Array, Shape
from nnlite.arrays.weights import mask_of
from nnlite.errors import ConfigError, DataError
from nnlite.jacobians import Broadcast, Composed, Contraction, Jacobian, Rearrange, Recast
from nnlite.losses.call import computation_type
from nnlite.ops.tracing import Traced

__all__ = []


def axis_last(rank: int, loss: Any) -> tuple[int, ...]:
    """The axes of outputs of `rank` axes, with that of the loss moved to the end.

    Raises:
        ConfigError: there is no such axis.
    """
    axis = loss._row_axis
    position = axis + rank if axis < 0 else axis
    if not 0 <= position < rank:
        message = f"is {axis}; outputs of {rank} axes have the axes 0 to {rank - 1}"
        raise ConfigError(message, (type(loss).__name__, "axis"))
    return (*(other for other in range(rank) if other != position), position)


def shape_of_rows(loss: Any, outputs: np.ndarray, weights: Shape, by_number: bool) -> Shape:
    """The shape of the losses of `outputs`, to which weights of a shape are fitted.

    A number stays one, so that one loss for the whole batch does. `by_number`: weights of the shape of outputs weigh
    each number.
    """
    if not weights or (by_number and weights in (outputs.shape, (*outputs.shape, 1))):
        return weights and outputs.shape
    return tuple(outputs.shape[axis] for axis in axis_last(outputs.ndim, loss)[:-1])


def adapts(loss: Any, y_pred: Array) -> bool:
    """Whether `y_pred` has to be cast, or its axes moved, first."""
    dtype = computation_type(loss)
    return loss._row_axis not in (-1, y_pred.ndim - 1) or (dtype is not None and y_pred.real.dtype != dtype)


def linearize_adapted(
    loss: Any, y_true: np.ndarray, y_pred: Array, sample_weight: np.ndarray | None, mask: np.ndarray | None
) -> tuple[Any, Jacobian]:
    """`loss.linearize` in its `dtype`, with its `axis` last."""
    twin, axes = copy.copy(loss), axis_last(y_pred.ndim, loss)
    kind = np.dtype(computation_type(loss) or y_pred.real.dtype)
    moves, twin.dtype = axes[-1] != len(axes) - 1, None
    if moves:
        twin.axis = -1
    outputs = y_pred.transpose(axes).astype(y_pred.dtype if y_pred.dtype.kind == "c" else kind, copy=False)
    targets = y_true.transpose(axes) if y_true.ndim == y_pred.ndim else y_true
    targets = targets.astype(kind, copy=False) if targets.dtype.kind == "f" else targets
    value, by_outputs = twin.linearize(targets, outputs, sample_weight, mask)
    moved = Rearrange(y_pred.shape, outputs.shape, axes)
    return value, _flat(Composed(by_outputs, moved, Recast(y_pred.shape, y_pred.dtype, outputs.dtype)))


def linearize_single(loss: Any, mask: np.ndarray | None, row: tuple) -> tuple[Any, Jacobian]:
    """`loss.linearize` of a single row: its loss, and its Jacobian.

    Args:
        mask: of the numbers in the row, `(units,)`.
        row: targets, outputs as `(1, units)`, and weights.
    """
    y_pred = row[1]
    value, by_row = loss.linearize(*row, None if mask is None else mask[None])
    gradient = by_row.vjp(np.ones(by_row.out_shape, y_pred.dtype))
    return value[0] if np.ndim(value) else value, Contraction(gradient[0])


def spread(losses: np.ndarray, by_outputs: Jacobian, shape: Shape) -> tuple[Any, Jacobian]:
    """One loss for a batch as the loss of each of its rows, so that sample weights apply, and its Jacobian."""
    return np.broadcast_to(losses, shape), Composed(Broadcast((), shape), by_outputs)


def _flat(by_outputs: Jacobian) -> Jacobian:
    """The Jacobian of a scalar as its gradient; any other unchanged."""
    if by_outputs.out_shape:
        return by_outputs
    gradient = by_outputs.vjp(np.ones(()))
    return Contraction(gradient, gradient.ndim)


def check_finite(targets: np.ndarray, where: str) -> None:
    """`DataError` for targets that are not all finite."""
    if targets.dtype.kind == "f" and not np.isfinite(targets).all():
        row = np.argwhere(~np.isfinite(np.atleast_1d(targets)))[0][0]
        raise DataError(f"the targets hold a value that is not finite{where} in row {row}")


def operands(y_true: Any, y_pred: Any, repeats: bool) -> tuple[Any, Any]:
    """Targets and outputs of a call, as Keras fits them to one another.

    Outputs lose a last axis of length 1 that targets do not have, unless a mask says which of them count; outputs
    `(batch,)` get that of targets `(batch, 1)`.

    Args:
        y_true: targets.
        y_pred: outputs, possibly traced, or a dict of them, which stays as it is.
        repeats: whether axes of targets of length 1 are repeated to the lengths of those of outputs.
    """
    if isinstance(y_pred, dict) or isinstance(y_true, Traced):
        return y_true, y_pred
    targets, outputs = np.asarray(y_true), y_pred if isinstance(y_pred, Traced) else np.asarray(y_pred)
    if 1 < targets.ndim == len(outputs.shape) - 1 and outputs.shape[-1] == 1 and mask_of(y_pred) is None:
        outputs = outputs[..., 0]
    elif len(outputs.shape) == 1 and targets.shape == (*outputs.shape, 1):
        outputs = outputs[:, None]
    shape = outputs.shape
    if not repeats or targets.ndim != len(shape) or targets.shape == shape:
        return targets, outputs
    repeatable = all(length in (1, wanted) for length, wanted in zip(targets.shape, shape, strict=True))
    return np.broadcast_to(targets, shape) if repeatable else targets, outputs


def scaled(loss: Any, factor: float) -> Any:
    """This loss times a number."""
    twin = copy.copy(loss)
    twin._factor = loss._factor * factor
    return twin
