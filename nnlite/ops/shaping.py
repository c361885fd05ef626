"""Functions that move elements without changing them."""

import numpy as np

from nnlite.errors import DataError, ShapeError
from nnlite.jacobians import GatherRows, Jacobians, Rearrange, Segment
from nnlite.ops.base import Op, as_arrays, from_right

__all__ = ["Concatenate", "Gather", "Reshape", "Transpose"]


class Reshape(Op):
    """y = x in another shape; one entry of `shape` may be -1."""

    shape: tuple[int, ...]

    def linearize(self, x):
        y = x.reshape(self.shape)
        return y, Jacobians(Rearrange(x.shape, y.shape))


class Transpose(Op):
    """y = x with its axes in the order `axes`, reversed by default."""

    axes: tuple[int, ...] | None = None

    def linearize(self, x):
        axes = tuple(range(x.ndim - 1, -1, -1) if self.axes is None else self.axes)
        if sorted(axis + x.ndim if axis < 0 else axis for axis in axes) != list(range(x.ndim)):
            raise ShapeError(f"{self!r} needs axes that order those of its input, which has {x.ndim}")
        axes = tuple(axis % x.ndim for axis in axes)
        y = x.transpose(axes)
        return y, Jacobians(Rearrange(x.shape, y.shape, axes))


class Concatenate(Op):
    """y = the inputs joined along `axis`; takes any number of arrays."""

    axis: int = -1

    def linearize(self, *arrays):
        y = np.concatenate(arrays, axis=self.axis)
        axis = from_right(self.axis, y.ndim)
        stops = np.cumsum([array.shape[axis] for array in arrays]).tolist()
        maps = [
            Segment(axis, stop - array.shape[axis], stop, array.shape, y.shape)
            for stop, array in zip(stops, arrays, strict=True)
        ]
        return y, Jacobians(*maps)


class Gather(Op):
    """y = x taken at whole-number `indices` along `axis`; the indices have no derivative (None).

    Shape: `(before, n, after), (places) -> (before, places, after)`.

    Raises:
        DataError: indices that are not whole numbers in [0, n).
    """

    axis: int = 0

    def as_inputs(self, inputs):
        x, indices = inputs
        return [*as_arrays([x]), np.asarray(indices)]

    def linearize(self, x, indices):
        axis = from_right(self.axis, x.ndim)
        whole = as_indices(indices, x.shape[axis], "Gather")
        y = np.take(x, whole, axis=axis)
        return y, Jacobians(GatherRows(whole, axis, x.shape, y.shape), None)


def as_indices(indices, length, owner) -> np.ndarray:
    """`indices` as integers in [0, length), or `DataError` naming `owner` and the first offender."""
    if indices.dtype.kind not in "biuf":
        raise DataError(f"{owner} needs whole numbers as indices, got an array of {indices.dtype}")
    whole = indices
    if indices.dtype.kind not in "iu":
        with np.errstate(invalid="ignore"):
            whole = indices.astype(np.intp)
        if not np.array_equal(whole, indices):
            raise DataError(f"{owner} needs whole numbers as indices, got {indices[whole != indices].flat[0]}")
    if whole.size and (whole.min() < 0 or whole.max() >= length):
        offender = whole[(whole < 0) | (whole >= length)].flat[0]
        raise DataError(f"{owner} got index {offender}, allowed are 0 to {length - 1}")
    return whole
