"""Jacobians of the matrix product C = A @ B."""

import math

import numpy as np

from nnlite.arrays.contraction import multiply
from nnlite.arrays.types import Shape
from nnlite.jacobians.maps.base import Jacobian
from nnlite.jacobians.maps.elementwise import Broadcast

__all__ = ["KernelOfRows", "MatMulLeft", "MatMulRight", "RowsTimesKernel"]


class _MatMulSide(Jacobian):
    """Base of both sides: one-dimensional operands gain an axis, stretched batch axes are summed.

    `in_full` and `out_full` are the shapes with those axes; they differ from `in_shape` and `out_shape` only for
    one-dimensional operands.
    """

    __slots__ = ("in_full", "other", "out_full", "stretch")

    def __init__(
        self,
        other: np.ndarray,
        in_shape: Shape,
        out_shape: Shape,
        in_full: Shape | None = None,
        out_full: Shape | None = None,
    ) -> None:
        self.in_shape = in_shape
        self.out_shape = out_shape
        self.other = other
        self.in_full = in_full or in_shape
        self.out_full = out_full or out_shape
        batch = self.out_full[:-2]
        stretched = (*batch, *self.in_full[-2:])
        self.stretch = None if self.in_full == stretched else Broadcast(self.in_full, stretched)

    def _multiply(self, array):
        raise NotImplementedError

    def _transposed_multiply(self, array):
        raise NotImplementedError

    def vjp(self, cotangent: np.ndarray) -> np.ndarray:
        seeds = cotangent.shape[: cotangent.ndim - len(self.out_shape)]
        result = self._transposed_multiply(cotangent.reshape(seeds + self.out_full))
        if self.stretch is not None:
            result = self.stretch.vjp(result)
        return result.reshape(seeds + self.in_shape)

    def jvp(self, tangent: np.ndarray) -> np.ndarray:
        seeds = tangent.shape[: tangent.ndim - len(self.in_shape)]
        tangent = tangent.reshape(seeds + self.in_full)
        if self.stretch is not None:
            tangent = self.stretch.jvp(tangent)
        return self._multiply(tangent).reshape(seeds + self.out_shape)


class MatMulLeft(_MatMulSide):
    """dC/dA of C = A @ B: vjp is `G @ B.T`, jvp `T @ B`. Storage: B."""

    __slots__ = ()

    @property
    def mixes_rows(self) -> bool:
        return len(self.in_shape) < 2 or self.stretch is not None

    def _multiply(self, array):
        return np.matmul(array, self.other)

    def _transposed_multiply(self, array):
        return np.matmul(array, self.other.swapaxes(-1, -2))


class MatMulRight(_MatMulSide):
    """dC/dB of C = A @ B: vjp is `A.T @ G`, jvp `A @ T`. Storage: A."""

    __slots__ = ()

    @property
    def mixes_rows(self) -> bool:
        return len(self.in_shape) < 3 or self.stretch is not None

    def _multiply(self, array):
        return np.matmul(self.other, array)

    def _transposed_multiply(self, array):
        return np.matmul(self.other.swapaxes(-1, -2), array)


class RowsTimesKernel(Jacobian):
    """dC/dA of C = A @ kernel for a matrix `kernel`: every row is multiplied by the same matrix.

    vjp: `G @ kernel.T`. Storage: the kernel.
    """

    __slots__ = ("kernel",)

    def __init__(self, kernel: np.ndarray, in_shape: Shape, out_shape: Shape) -> None:
        self.in_shape = in_shape
        self.out_shape = out_shape
        self.kernel = kernel

    def vjp(self, cotangent: np.ndarray) -> np.ndarray:
        return rows_matmul(cotangent, self.kernel.T)

    def jvp(self, tangent: np.ndarray) -> np.ndarray:
        return rows_matmul(tangent, self.kernel)


class KernelOfRows(Jacobian):
    """dC/dkernel of C = A @ kernel for a matrix `kernel` and rows A of shape `(..., features)`.

    vjp: `A.T @ G` over all rows. Storage: A. Per example: one outer product a row.
    """

    __slots__ = ("rows",)

    def __init__(self, rows: np.ndarray, in_shape: Shape, out_shape: Shape) -> None:
        self.in_shape = in_shape
        self.out_shape = out_shape
        self.rows = rows

    @property
    def mixes_rows(self) -> bool:
        return True

    def vjp(self, cotangent: np.ndarray) -> np.ndarray:
        seeds = cotangent.shape[: cotangent.ndim - len(self.out_shape)]
        features, units = self.in_shape
        return np.matmul(self.rows.reshape(-1, features).T, cotangent.reshape(*seeds, -1, units))

    def vjp_into(self, cotangent: np.ndarray, out: np.ndarray) -> None:
        rows, (features, units) = self.rows, self.in_shape
        if rows.ndim > 2 or cotangent.ndim > 2:
            np.matmul(rows.reshape(-1, features).T, cotangent.reshape(*out.shape[:-2], -1, units), out=out)
        else:
            np.dot(rows.T, cotangent, out=out)

    def jvp(self, tangent: np.ndarray) -> np.ndarray:
        seeds = tangent.shape[:-2]
        product = np.matmul(self.rows.reshape(-1, self.in_shape[0]), tangent)
        return product.reshape(seeds + self.out_shape)

    def per_example(self, cotangent: np.ndarray) -> np.ndarray:
        batch, (features, units) = len(self.rows), self.in_shape
        if self.rows.ndim == 2:
            return self.rows[:, :, None] * cotangent[:, None]  # ten times as fast as matmul with one row each
        rows = self.rows.reshape(batch, -1, features)
        return np.matmul(rows.swapaxes(-1, -2), cotangent.reshape(batch, -1, units))

    def per_example_into(self, cotangent: np.ndarray, out: np.ndarray) -> None:
        if self.rows.ndim == 2:
            np.multiply(self.rows[:, :, None], cotangent[:, None], out=out)
        else:
            super().per_example_into(cotangent, out)


def rows_matmul(rows: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """`rows @ kernel` as one matrix product, whatever the number of leading axes of `rows`."""
    if rows.ndim == 2:
        return multiply(rows, kernel)  # as matmul, without its broadcasting
    lead = rows.shape[:-1]
    return multiply(rows.reshape(math.prod(lead), rows.shape[-1]), kernel).reshape(*lead, kernel.shape[-1])
