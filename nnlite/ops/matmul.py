"""Matrix products."""

import numpy as np

from nnlite.jacobians import Jacobians, KernelOfRows, MatMulLeft, MatMulRight, RowsTimesKernel
from nnlite.jacobians.maps.matmul import rows_matmul
from nnlite.ops.base import Op

__all__ = ["MatMul"]


class MatMul(Op):
    """Matrix product C = A @ B, with NumPy's rules for one-dimensional and stacked operands.

    Two Jacobians: an incoming J becomes `J @ B.T` for A and `A.T @ J` for B.

    Shape: `(..., n, k), (..., k, m) -> (..., n, m)`. Products of int8 are int32, so that they do not overflow.

    >>> from nnlite.ops import MatMul
    >>> product = MatMul()
    >>> product.forward([[1.0, 2.0]], [[3.0], [4.0]]).tolist()
    [[11.0]]
    >>> [gradient.tolist() for gradient in product.backward([[1.0]])]
    [[[3.0, 4.0]], [[1.0], [2.0]]]
    """

    _keeps_integers = True
    _widens = ("i1",)

    def linearize(self, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        if a.dtype == b.dtype == np.int8:
            a = a.astype(np.int32)
        if a.ndim > 1 and b.ndim == 2:
            c = rows_matmul(a, b)
            return c, Jacobians(RowsTimesKernel(b, a.shape, c.shape), KernelOfRows(a, b.shape, c.shape))
        c = a @ b
        row, column = a[None] if a.ndim == 1 else a, b[:, None] if b.ndim == 1 else b
        full = (row @ column).shape if c.ndim < 2 else c.shape
        if a.ndim == 1 and b.ndim > 1:
            full = (*c.shape[:-1], 1, c.shape[-1])
        elif b.ndim == 1 and a.ndim > 1:
            full = (*c.shape, 1)
        return c, Jacobians(
            MatMulLeft(column, a.shape, c.shape, row.shape, full),
            MatMulRight(row, b.shape, c.shape, column.shape, full),
        )
