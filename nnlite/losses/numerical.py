"""Numerical derivatives of functions of arrays that cannot be recorded, by finite differences."""

from collections.abc import Callable
from typing import Any

import numpy as np

from nnlite.errors import ConfigError
from nnlite.jacobians import Contraction, Jacobian

__all__ = []

Function = Callable[[np.ndarray], Any]
STEP = 1e-3  # in units of each number, or of 1: the error of the stencil is STEP ** 4 / 30
AGREEMENT, MOST_BENDS = 1e-4, 0.1  # of two steps, and the share of numbers that may lie where the function bends


def numerical_gradient(function: Function, y_pred: np.ndarray, step: float = STEP) -> tuple[np.ndarray, Jacobian]:
    """`function(y_pred)`, losses of rows or of the batch, and its Jacobian, computed in float64.

    Losses of rows depend on their own row alone: all rows are moved at once.
    """
    point = y_pred.astype(np.float64)
    losses = np.asarray(function(point.copy()), np.float64)
    by_row = losses.ndim > 0
    steps = step * np.maximum(np.abs(point), 1)
    gradient = np.empty((*losses.shape, *point.shape[losses.ndim :]))
    places = np.ndindex(point.shape[losses.ndim :]) if by_row else np.ndindex(point.shape)
    for index in places:
        where = (..., *index) if by_row else index
        gradient[where] = _stencil(function, point, where, steps[where])
    rank = point.ndim - losses.ndim
    return losses.astype(y_pred.dtype), Contraction(gradient.astype(y_pred.dtype), rank)


def _stencil(function: Function, point: np.ndarray, where: Any, step: Any) -> Any:
    """(f(-2h) - 8 f(-h) + 8 f(h) - f(2h)) / 12h, the numbers at `where` moved."""
    total = 0
    for count, weight in ((-2, 1), (-1, -8), (1, 8), (2, -1)):
        moved = point.copy()
        moved[where] += count * step
        total = total + weight * np.asarray(function(moved), np.float64)
    return total / (12 * step)


def checked(function: Function, y_pred: np.ndarray, owner: Any, reason: Exception) -> tuple[np.ndarray, Jacobian]:
    """`numerical_gradient`, after a check that it exists.

    Raises:
        ConfigError: losses of the wrong shape, others in the next call, or differences that depend on the step.
    """
    losses = np.asarray(function(y_pred.astype(np.float64)))
    note = f"; it cannot be recorded either: {reason}"
    if losses.dtype.kind not in "fiu" or losses.shape != y_pred.shape[: losses.ndim]:
        shape = losses.shape if losses.dtype.kind in "fiu" else losses.dtype
        raise ConfigError(
            f"the loss {owner!r} must give numbers, one for each row, shape ({len(y_pred)}, ...), or one for the "
            f"batch, got {shape}{note}"
        )
    if not np.array_equal(losses, np.asarray(function(y_pred.astype(np.float64)))):
        raise ConfigError(f"the loss {owner!r} returns different numbers for the same arguments{note}")
    value, by_outputs = numerical_gradient(function, y_pred.astype(np.float64))
    gradients: Any = by_outputs
    finer: Any = numerical_gradient(function, y_pred.astype(np.float64), STEP / 2)[1]
    scale = np.abs(gradients.gradients).max(initial=0)
    differs = np.abs(finer.gradients - gradients.gradients) > AGREEMENT * scale
    if scale == 0 or not np.isfinite(scale) or differs.mean() > MOST_BENDS:
        raise ConfigError(
            f"the loss {owner!r} has no derivative that finite differences could find: it steps, "
            f"rounds, is not finite or does not depend on y_pred{note}"
        )
    return value.astype(y_pred.dtype), Contraction(gradients.gradients.astype(y_pred.dtype), gradients.rank)
