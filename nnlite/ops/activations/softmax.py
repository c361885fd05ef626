"""Activation functions of whole rows: probabilities and their logarithms."""

import numpy as np

from nnlite.arrays.in_place import InPlace, softmax_in_place
from nnlite.arrays.types import Array
from nnlite.jacobians import (
    Composed,
    DiagonalPlusRankOne,
    Jacobian,
    Jacobians,
    LogSoftmaxJacobian,
    Rearrange,
    SoftmaxJacobian,
)
from nnlite.kernels import log_softmax
from nnlite.ops.activations.base import ActivationFunction
from nnlite.ops.base import from_right
from nnlite.ops.plain.places import chosen_axes

__all__ = ["LogSoftmax", "Softmax", "Sparsemax"]

Axes = int | tuple[int, ...] | None


class Softmax(ActivationFunction):
    """p = exp(x) / sum(exp(x)) along `axis`, one or several, all for None; J = diag(p) - p p'.

    Args:
        axis: an axis, several, or None for all, over which the outputs have the sum 1.

    >>> from nnlite.ops import Softmax
    >>> softmax = Softmax()
    >>> softmax.forward([1000.0, 0.0]).tolist(), softmax.forward([0.0, 0.0]).tolist()
    ([1.0, 0.0], [0.5, 0.5])
    >>> softmax.backward([1.0, 0.0]).tolist()
    [0.25, -0.25]
    """

    axis: Axes = -1

    @property
    def along_last_axis(self) -> bool:
        return self.axis == -1

    def in_place(self, like: np.ndarray) -> InPlace:
        return softmax_in_place if self.along_last_axis else super().in_place(like)

    def linearize(self, x: Array) -> tuple[np.ndarray, Jacobians]:
        if not isinstance(self.axis, int):
            return over_axes(self.axis, x, Softmax())
        axis = from_right(self.axis, x.ndim)
        p = np.exp(x - x.real.max(axis=axis, keepdims=True))
        p /= p.sum(axis=axis, keepdims=True)
        return p, Jacobians(SoftmaxJacobian(p, axis))


class LogSoftmax(ActivationFunction):
    """y = x - log(sum(exp(x))) along `axis`, one or several, all for None; J = I - 1 p'.

    Args:
        axis: an axis, several, or None for all, over which exp(y) has the sum 1.

    >>> from nnlite.ops import LogSoftmax
    >>> LogSoftmax().forward([[0.0, 0.0], [1000.0, 0.0]]).round(4).tolist()
    [[-0.6931, -0.6931], [0.0, -1000.0]]
    """

    axis: Axes = -1

    @property
    def along_last_axis(self) -> bool:
        return self.axis == -1

    def linearize(self, x: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        if not isinstance(self.axis, int):
            return over_axes(self.axis, x, LogSoftmax())
        axis = from_right(self.axis, x.ndim)
        y = log_softmax(x, axis)
        return y, Jacobians(LogSoftmaxJacobian(np.exp(y), axis))


class Sparsemax(ActivationFunction):
    """The projection of x along `axis` onto the probability simplex; many entries become 0.

    y = max(x - t, 0) with the t that makes the sum 1; J = diag(s) - s s' / sum(s), s being 1 where y > 0.

    Args:
        axis: the axis over which the outputs have the sum 1.

    Reference: Martins & Astudillo 2016, arXiv:1602.02068.

    >>> from nnlite import ops
    >>> ops.sparsemax([1.0, 0.5, -1.0]).tolist()
    [0.75, 0.25, 0.0]
    """

    axis: int = -1

    @property
    def along_last_axis(self) -> bool:
        return self.axis == -1

    def linearize(self, x: Array) -> tuple[np.ndarray, Jacobians]:
        if from_right(self.axis, x.ndim) != -1:
            return over_axes((self.axis,), x, Sparsemax())
        order = -np.sort(-x.real, axis=-1)
        counts = np.arange(1, x.shape[-1] + 1)
        kept = (1 + counts * order > np.cumsum(order, axis=-1)).sum(axis=-1, keepdims=True)
        least = np.take_along_axis(order, kept - 1, -1)
        inside = (x.real >= least).astype(x.real.dtype)
        size = inside.sum(axis=-1, keepdims=True)
        threshold = ((x * inside).sum(axis=-1, keepdims=True) - 1) / size
        return np.where(inside > 0, x - threshold, np.zeros((), x.dtype)), Jacobians(
            DiagonalPlusRankOne(inside, inside, -1 / size)
        )


def over_axes(axes: Axes, x: np.ndarray, along_last: ActivationFunction) -> tuple[np.ndarray, Jacobians]:
    """A function of the last axis applied to all of `axes` as if they were one."""
    last = chosen_axes(axes, x.ndim)
    order = (*(axis for axis in range(x.ndim) if axis not in last), *last)
    moved = x.transpose(order)
    rows = moved.reshape(*moved.shape[: x.ndim - len(last)], -1)
    outputs, (by_rows,) = along_last.linearize(rows)
    back = np.argsort(order)
    forth = Rearrange(x.shape, rows.shape, order)
    undone: Jacobian = Composed(
        Rearrange(moved.shape, x.shape, tuple(map(int, back))), Rearrange(rows.shape, moved.shape), by_rows, forth
    )
    return outputs.reshape(moved.shape).transpose(back), Jacobians(undone)
