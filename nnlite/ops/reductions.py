"""Sums, means and maxima along axes."""

import math

import numpy as np

from nnlite.arrays.types import Array, Shape
from nnlite.errors import ShapeError
from nnlite.jacobians import Composed, Diagonal, Jacobians, SumOver
from nnlite.ops.base import Op, from_right

__all__ = ["Max", "Mean", "Min", "Sum"]


class _Reduction(Op, abstract=True):
    """Base of the reductions: `axis` None means all axes; `keepdims` keeps them with length 1."""

    axis: int | tuple[int, ...] | None = None
    keepdims: bool = False

    def _axes(self, x):
        """The reduced axes, counted from the right."""
        axes = range(x.ndim) if self.axis is None else np.atleast_1d(self.axis).tolist()
        axes = tuple(from_right(int(axis), x.ndim) for axis in axes)
        if len(set(axes)) < len(axes):
            raise ShapeError(f"{self!r} names an axis twice for an input of {x.ndim} axes")
        return axes


class Sum(_Reduction):
    """y = sum of x over `axis`.

    >>> from nnlite.ops import Sum
    >>> op = Sum(axis=0)
    >>> op.forward([[1.0, 5.0], [7.0, 2.0]]).tolist(), op.backward([1.0, 10.0]).tolist()
    ([8.0, 7.0], [[1.0, 10.0], [1.0, 10.0]])
    """

    _keeps_integers, _widens = True, "biu"

    def linearize(self, x: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        axes = self._axes(x)
        y = np.asarray(x.sum(axis=axes, keepdims=self.keepdims))
        return y, Jacobians(SumOver(axes, x.shape, y.shape))


class Mean(_Reduction):
    """y = mean of x over `axis`; each element has the slope 1 / n.

    >>> from nnlite.ops import Mean
    >>> op = Mean(axis=1)
    >>> op.forward([[1.0, 5.0], [7.0, 7.0]]).tolist(), op.backward(1).tolist()
    ([3.0, 7.0], [[0.5, 0.5], [0.5, 0.5]])
    """

    def linearize(self, x: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        axes = self._axes(x)
        y = np.asarray(x.mean(axis=axes, keepdims=self.keepdims))
        return y, Jacobians(SumOver(axes, x.shape, y.shape, 1 / (math.prod(x.shape[axis] for axis in axes) or 1)))


class _Extreme(_Reduction, abstract=True):
    """Base of Max and Min: equal extreme elements share the slope 1. Complex numbers: the real part decides."""

    _keeps_integers = True

    def choose(self, x: np.ndarray, axes: Shape) -> np.ndarray:
        """The extreme over `axes`, which are kept."""
        raise NotImplementedError

    def linearize(self, x: Array) -> tuple[np.ndarray, Jacobians]:
        axes = self._axes(x)
        kept = self.choose(x.real, axes)
        extreme = (x.real == kept).astype(x.real.dtype)
        slopes = extreme / extreme.sum(axis=axes, keepdims=True)
        if x.dtype.kind == "c":
            kept = (x * slopes).sum(axis=axes, keepdims=True)
        y = kept if self.keepdims else np.asarray(kept.squeeze(axes))
        return y, Jacobians(Composed(SumOver(axes, x.shape, y.shape), Diagonal(slopes, x.shape, x.shape)))


class Max(_Extreme):
    """y = maximum of x over `axis`; tied elements share the slope 1.

    >>> from nnlite.ops import Max
    >>> op = Max(axis=1)
    >>> op.forward([[1.0, 5.0], [7.0, 7.0]]).tolist(), op.backward(1).tolist()
    ([5.0, 7.0], [[0.0, 1.0], [0.5, 0.5]])
    """

    def choose(self, x: np.ndarray, axes: Shape) -> np.ndarray:
        return np.max(x, axis=axes, keepdims=True)


class Min(_Extreme):
    """y = minimum of x over `axis`; tied elements share the slope 1.

    >>> from nnlite.ops import Min
    >>> op = Min(axis=0)
    >>> op.forward([[1.0, 5.0], [7.0, 2.0]]).tolist(), op.backward(1).tolist()
    ([1.0, 2.0], [[1.0, 0.0], [0.0, 1.0]])
    """

    def choose(self, x: np.ndarray, axes: Shape) -> np.ndarray:
        return np.min(x, axis=axes, keepdims=True)
