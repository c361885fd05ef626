"""Jacobians of functions that move elements without changing them."""

import math
from typing import Any

import numpy as np

from nnlite import kernels
from nnlite.arrays.types import ArrayLike, Shape
from nnlite.jacobians.maps.base import Jacobian

__all__ = ["GatherRows", "Rearrange", "RowGradients", "Segment", "Slice", "TableGradients"]


class Rearrange(Jacobian):
    """y = x with its axes permuted by `axes`, then reshaped to `out_shape`: a permutation. Storage: nothing."""

    __slots__ = ("axes", "permuted_shape")

    def __init__(self, in_shape: Shape, out_shape: Shape, axes: Shape | None = None) -> None:
        super().__init__(in_shape, out_shape)
        self.axes = tuple(range(len(in_shape))) if axes is None else axes
        self.permuted_shape = tuple(in_shape[axis] for axis in self.axes)

    @property
    def is_view(self) -> bool:
        """Whether the axes keep their order, so that y is x in another shape."""
        return self.axes == tuple(range(len(self.axes)))

    @property
    def mixes_rows(self) -> bool:
        return self.axes[:1] != (0,) or self.in_shape[:1] != self.out_shape[:1]

    def vjp(self, cotangent: np.ndarray) -> np.ndarray:
        seeds = cotangent.shape[: cotangent.ndim - len(self.out_shape)]
        permuted = cotangent.reshape(seeds + self.permuted_shape)
        return permuted.transpose(self._with_seeds(np.argsort(self.axes), len(seeds)))

    def jvp(self, tangent: np.ndarray) -> np.ndarray:
        seeds = tangent.shape[: tangent.ndim - len(self.in_shape)]
        return tangent.transpose(self._with_seeds(self.axes, len(seeds))).reshape(seeds + self.out_shape)

    @staticmethod
    def _with_seeds(axes, seeds):
        return (*range(seeds), *(int(axis) + seeds for axis in axes))


class Segment(Jacobian):
    """y = concatenation in which x occupies `start` to `stop` of `axis` (counted from the right).

    vjp cuts the segment out, jvp embeds it in zeros. Storage: nothing.
    """

    __slots__ = ("place",)

    def __init__(self, axis: int, start: int, stop: int, in_shape: Shape, out_shape: Shape) -> None:
        super().__init__(in_shape, out_shape)
        self.place: tuple[Any, ...] = (..., slice(start, stop), *[slice(None)] * (-axis - 1))

    @property
    def mixes_rows(self) -> bool:
        return len(self.place) - 1 == len(self.in_shape)

    def vjp(self, cotangent: np.ndarray) -> np.ndarray:
        return cotangent[self.place]

    def jvp(self, tangent: np.ndarray) -> np.ndarray:
        seeds = tangent.shape[: tangent.ndim - len(self.in_shape)]
        result = np.zeros(seeds + self.out_shape, tangent.dtype)
        result[self.place] = tangent
        return result


class Slice(Jacobian):
    """y = x[index]: a 0/1 selection without repetition. `index` has integers, slices and None, one per axis.

    vjp embeds in zeros, jvp cuts out. Storage: nothing.
    """

    __slots__ = ("index",)

    def __init__(self, index: tuple, in_shape: Shape, out_shape: Shape) -> None:
        super().__init__(in_shape, out_shape)
        self.index = index

    @property
    def mixes_rows(self) -> bool:
        return self.index[:1] != (slice(None),)

    def vjp(self, cotangent: np.ndarray) -> np.ndarray:
        seeds = cotangent.shape[: cotangent.ndim - len(self.out_shape)]
        result = np.zeros(seeds + self.in_shape, cotangent.dtype)
        result[self._with_seeds(len(seeds))] = cotangent
        return result

    def jvp(self, tangent: np.ndarray) -> np.ndarray:
        return tangent[self._with_seeds(tangent.ndim - len(self.in_shape))]

    def _with_seeds(self, seeds):
        return (*[slice(None)] * seeds, *self.index)


class RowGradients:
    """The gradient of a table of which a batch uses few rows: only these rows are stored.

    Attributes:
        rows: numbers of the rows, each once.
        values: the gradient of each, `(len(rows), *row_shape)`.
        shape: of the whole gradient.
    """

    __slots__ = ("rows", "shape", "values")

    def __init__(self, shape: Shape, dtype: np.dtype) -> None:
        self.shape = shape
        self.set(np.zeros(0, np.intp), np.zeros((0, *shape[1:]), dtype))

    def set(self, rows: np.ndarray, values: np.ndarray) -> None:
        """Take the gradient of a new batch."""
        self.rows = rows
        self.values = values

    def __setitem__(self, key: object, dense: ArrayLike) -> None:
        self.set(np.arange(self.shape[0]), np.broadcast_to(dense, self.shape).copy())

    def __array__(self, dtype: np.dtype | None = None, copy: bool | None = None) -> np.ndarray:
        dense = np.zeros(self.shape, dtype or self.values.dtype)
        dense[self.rows] = self.values
        return dense


class TableGradients(RowGradients):
    """The same beside a gradient of the whole table, which gets these rows when it is asked for.

    Args:
        whole: the gradient of the table.

    Attributes:
        fresh: whether the rows are newer than what stands there.
    """

    __slots__ = ("fresh", "whole")

    def __init__(self, whole: np.ndarray) -> None:
        self.whole = whole
        super().__init__(whole.shape, whole.dtype)
        self.fresh = False

    def set(self, rows: np.ndarray, values: np.ndarray) -> None:
        super().set(rows, values)
        self.fresh = True

    def spread(self) -> np.ndarray:
        """The gradient of the whole table."""
        if self.fresh:
            self.whole[...], self.fresh = self, False
        return self.whole


class GatherRows(Jacobian):
    """y = x taken at `indices` along `axis` (counted from the right): a 0/1 selection.

    vjp adds each row of the cotangent to the row it came from; jvp takes. Storage: `indices`.
    """

    __slots__ = ("axis", "indices")

    def __init__(self, indices: np.ndarray, axis: int, in_shape: Shape, out_shape: Shape) -> None:
        super().__init__(in_shape, out_shape)
        self.indices = indices
        self.axis = axis

    @property
    def mixes_rows(self) -> bool:
        return self.axis == -len(self.in_shape)

    def vjp(self, cotangent: np.ndarray) -> np.ndarray:
        before, rows, after = self._split()
        seeds = cotangent.shape[: cotangent.ndim - len(self.out_shape)]
        result = np.zeros((math.prod(seeds) * before, rows, after), cotangent.dtype)
        targets, sums = self._sums(cotangent)
        result[:, targets] = sums
        return result.reshape(seeds + self.in_shape)

    def vjp_into(self, cotangent: np.ndarray, out: np.ndarray | RowGradients) -> None:
        if isinstance(out, RowGradients):
            targets, sums = self._sums(cotangent)
            out.set(targets, sums.reshape(len(targets), *self.in_shape[1:]))
        elif self.mixes_rows and out.shape == self.in_shape and out.flags.c_contiguous:
            values, indices, run = self._runs(cotangent)
            kernels.put_row_sums(out.reshape(len(out), -1), np.ascontiguousarray(values[0]), indices, run)
        else:
            out[...] = self.vjp(cotangent)

    def _sums(self, cotangent):
        """The rows that were taken, each once, and for each the sum of what came back to it."""
        values, indices, run = self._runs(cotangent)
        return kernels.sums_by_row(np.ascontiguousarray(values), indices, self.in_shape[self.axis], run)

    def _runs(self, cotangent):
        """The cotangents as `(stack, rows, features)`, the indices, and how many of these in a row share one of it."""
        before, _, after = self._split()
        stack, run = math.prod(cotangent.shape[: cotangent.ndim - len(self.out_shape)]) * before, 1
        repeated = self.indices.size and self.indices.ndim and cotangent.strides[self.axis] == 0
        if repeated:  # as of a mean: one row for a run of indices
            run = self.indices.shape[-1]
            cotangent = cotangent[(..., 0, *[slice(None)] * (-self.axis - 1))]
        values = cotangent.reshape(stack, self.indices.size // max(run, 1), after)
        return values, self.indices.ravel(), run

    def jvp(self, tangent: np.ndarray) -> np.ndarray:
        return np.take(tangent, self.indices, axis=self.axis)

    def per_example(self, cotangent: np.ndarray) -> np.ndarray:
        batch, (_, rows, after) = len(self.indices), self._split()
        if self.axis != -len(self.in_shape):
            return super().per_example(cotangent)
        result = np.zeros((batch, rows, after), cotangent.dtype)
        example = np.arange(batch)[:, None]
        np.add.at(result, (example, self.indices.reshape(batch, -1)), cotangent.reshape(batch, -1, after))
        return result.reshape(batch, *self.in_shape)

    def _split(self):
        """Sizes of the axes before, at and after `axis`."""
        position = len(self.in_shape) + self.axis
        return (
            math.prod(self.in_shape[:position]),
            self.in_shape[position],
            math.prod(self.in_shape[position + 1 :]),
        )
