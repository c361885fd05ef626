"""Linear algebra of `keras.ops`: determinants, inverses and factors of matrices, or of stacks of them."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nnlite.arrays.types import ArrayLike
from nnlite.errors import ShapeError
from nnlite.ops import functions as ops
from nnlite.ops.names.constants import convert_to_numpy, convert_to_tensor, dtype, lengths
from nnlite.ops.plain.results import by_float32, in_floatx, named, of_numpy, on_arrays
from nnlite.ops.tracing import UNDERIVED, Traced, add_functions, drawable
from nnlite.ops.windows.functional import custom_gradient

__all__ = [
    "cholesky",
    "cholesky_inverse",
    "det",
    "eig",
    "eigh",
    "inv",
    "logdet",
    "lstsq",
    "lu_factor",
    "matrix_rank",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "solve_triangular",
    "svd",
]


def _turned(x: np.ndarray) -> np.ndarray:
    return np.swapaxes(x, -1, -2)


def _applied(function: Callable[..., tuple[Any, Callable[[np.ndarray], Any]]], *arrays: Any) -> Any:
    """Apply a function that also returns its gradient to arrays, or to traced values, recorded with that gradient."""
    if any(isinstance(array, Traced) for array in arrays):
        return custom_gradient(function)(*arrays)
    return in_floatx(by_float32(lambda *values: function(*values)[0])(*map(convert_to_numpy, arrays)), arrays)


def _inverse(x: np.ndarray) -> tuple[np.ndarray, Callable[[np.ndarray], np.ndarray]]:
    result = np.linalg.inv(x)
    return result, lambda upstream: -(_turned(result) @ upstream @ _turned(result))


def _determinant(x: np.ndarray) -> tuple[np.ndarray, Callable[[np.ndarray], np.ndarray]]:
    return np.linalg.det(x), lambda upstream: upstream[..., None, None] * _cofactors(x)


def _cofactors(x: np.ndarray) -> np.ndarray:
    """The derivative of the determinant; of singular matrices too, as one singular value may be left out."""
    if x.dtype.kind == "c":
        return np.linalg.det(x)[..., None, None] * _turned(np.linalg.inv(x))
    left, values, right = np.linalg.svd(x)
    sign = np.linalg.det(left) * np.linalg.det(right)
    others = [np.delete(values, index, -1).prod(-1) for index in range(values.shape[-1])]
    return sign[..., None, None] * (left * np.stack(others, -1)[..., None, :]) @ right


def _logarithm(x: np.ndarray) -> tuple[np.ndarray, Callable[[np.ndarray], np.ndarray]]:
    size = np.log(_positive(np.linalg.det(x))) if x.dtype.kind == "c" else np.linalg.slogdet(x)[1]
    return size, lambda upstream: upstream[..., None, None] * _turned(np.linalg.inv(x))


def _positive(x: np.ndarray) -> np.ndarray:
    """x with a positive real part, for complex steps."""
    return np.where(np.real(x) < 0, -x, x)


def _solution(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, Callable[[np.ndarray], Sequence[np.ndarray]]]:
    result = np.linalg.solve(a, b)

    def gradient(upstream: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        by_b = np.linalg.solve(_turned(a), upstream)
        return -(by_b @ _turned(result)), by_b

    return result, gradient


def _factor(x: np.ndarray) -> tuple[np.ndarray, Callable[[np.ndarray], np.ndarray]]:
    lower = np.linalg.cholesky(x)

    def gradient(upstream: np.ndarray) -> np.ndarray:
        inner = np.tril(_turned(lower) @ upstream)
        inner = inner - np.eye(x.shape[-1], dtype=x.dtype) * inner / 2
        inverse = np.linalg.inv(lower)
        half = _turned(inverse) @ inner @ inverse
        return (half + _turned(half)) / 2

    return lower, gradient


@drawable
def inv(x: Any) -> Any:
    """The inverse of a matrix."""
    return _applied(_inverse, x)


@drawable
def det(x: Any) -> Any:
    """The determinant of a matrix."""
    return _applied(_determinant, x)


@drawable
def slogdet(x: Any) -> Any:
    """The sign of the determinant, a constant, and the logarithm of its absolute value."""
    sign = by_float32(np.linalg.slogdet)(convert_to_numpy(x))[0]
    return in_floatx(sign, [x]), _applied(_logarithm, x)


@drawable
def logdet(x: Any) -> Any:
    """The logarithm of the determinant of a positive definite matrix."""
    return _applied(_logarithm, x)


@drawable
def cholesky(x: Any, upper: bool = False) -> Any:
    """The lower triangular matrix whose product with its transpose is x, or that transpose; one half of x is read."""
    lower = _applied(_factor, x)
    return ops.swapaxes(lower, -1, -2) if upper else lower


@drawable
def cholesky_inverse(x: Any, upper: bool = False) -> Any:
    """The inverse of the matrix whose Cholesky factor is the lower triangle of x, or the upper one."""
    factor = inv(ops.multiply(x, (np.triu if upper else np.tril)(np.ones(lengths(x)[-2:], dtype(x)))))
    turned = ops.swapaxes(factor, -1, -2)
    return ops.matmul(factor, turned) if upper else ops.matmul(turned, factor)


@drawable
def solve(a: Any, b: Any) -> Any:
    """The x with a @ x = b; b is a matrix, or a vector for each matrix."""
    a, b = convert_to_tensor(a), convert_to_tensor(b)
    if b.ndim == a.ndim - 1:
        return ops.squeeze(_applied(_solution, a, ops.expand_dims(b, -1)), -1)
    return _applied(_solution, a, b)


@drawable
def solve_triangular(a: Any, b: Any, lower: bool = False) -> Any:
    """The x with a @ x = b for a triangular a; the other half is ignored."""
    a = convert_to_tensor(a)
    half = np.tri(a.shape[-1], dtype=a.dtype)
    return solve(ops.multiply(a, half if lower else half.T), b)


@on_arrays
def lstsq(a: ArrayLike, b: ArrayLike, rcond: float | None = None) -> np.ndarray:
    """The x that minimizes the sum of squares of a @ x - b."""
    return np.linalg.lstsq(convert_to_numpy(a), convert_to_numpy(b), rcond)[0]


@on_arrays
def lu_factor(x: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """LU decomposition of matrices with partial pivoting: both factors in one matrix, and the pivots.

    Raises:
        ShapeError: fewer than two axes.
    """
    matrices = np.array(convert_to_numpy(x), dtype=np.result_type(convert_to_numpy(x), np.float32))
    if matrices.ndim < 2:
        raise ShapeError(f"lu_factor takes matrices, got an array of shape {matrices.shape}")
    pivots = np.empty((*matrices.shape[:-2], min(matrices.shape[-2:])), np.int32)
    for which in np.ndindex(matrices.shape[:-2]):
        _reduce(matrices[which], pivots[which])
    return matrices, pivots


def _reduce(matrix: np.ndarray, pivots: np.ndarray) -> None:
    """Overwrite a matrix with its two factors, and `pivots` with the rows that changed places."""
    for column in range(len(pivots)):
        pivots[column] = row = column + int(np.abs(matrix[column:, column]).argmax())
        matrix[[column, row]] = matrix[[row, column]]
        if matrix[column, column] != 0:  # else all below is 0 too
            matrix[column + 1 :, column] /= matrix[column, column]
        matrix[column + 1 :, column + 1 :] -= np.outer(matrix[column + 1 :, column], matrix[column, column + 1 :])


@on_arrays
def qr(x: ArrayLike, mode: str = "reduced") -> tuple[np.ndarray, np.ndarray]:
    """An orthogonal and an upper triangular matrix whose product is x; `mode` is `"reduced"` or `"complete"`."""
    return tuple(np.linalg.qr(convert_to_numpy(x), mode))  # type: ignore[call-overload]


@on_arrays
def svd(x: ArrayLike, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """Singular value decomposition: u, s and the conjugate transpose of v, or s alone."""
    result: Any = np.linalg.svd(convert_to_numpy(x), full_matrices, compute_uv)
    return tuple(result) if compute_uv else result


@on_arrays
def matrix_rank(x: ArrayLike, tol: float | None = None) -> np.ndarray:
    """The number of singular values above `tol`, by default NumPy's bound for rounding errors."""
    return np.asarray(np.linalg.matrix_rank(convert_to_numpy(x), tol), np.int32)


eig, eigh, pinv = map(of_numpy, (np.linalg.eig, np.linalg.eigh, np.linalg.pinv))

add_functions(
    globals(),
    ["cholesky", "cholesky_inverse", "det", "inv", "logdet", "slogdet", "solve", "solve_triangular"],
)
UNDERIVED.update(named(globals(), ["eig", "eigh", "lstsq", "lu_factor", "matrix_rank", "pinv", "qr", "svd"]))
