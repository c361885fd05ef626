"""Functions of `keras.ops` on arrays alone: linear algebra, window functions, bits, sets."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from nnlite.arrays.types import ArrayLike
from nnlite.config import floatx
from nnlite.ops.base import called
from nnlite.ops.names.constants import convert_to_numpy, on_arrays

__all__ = [
    "angle",
    "argpartition",
    "bartlett",
    "bitwise_and",
    "bitwise_invert",
    "bitwise_left_shift",
    "bitwise_not",
    "bitwise_or",
    "bitwise_right_shift",
    "bitwise_xor",
    "blackman",
    "cholesky",
    "cholesky_inverse",
    "conj",
    "conjugate",
    "corrcoef",
    "correlate",
    "cross",
    "det",
    "eig",
    "eigh",
    "empty",
    "empty_like",
    "floor_divide",
    "gcd",
    "geomspace",
    "hamming",
    "hanning",
    "heaviside",
    "histogram",
    "i0",
    "imag",
    "inv",
    "isneginf",
    "isposinf",
    "isreal",
    "kaiser",
    "lcm",
    "left_shift",
    "logdet",
    "lstsq",
    "lu_factor",
    "matrix_rank",
    "nanargmax",
    "nanargmin",
    "nancumprod",
    "nancumsum",
    "nanmedian",
    "nanpercentile",
    "nanquantile",
    "nextafter",
    "pinv",
    "polar",
    "qr",
    "real",
    "right_shift",
    "saturate_cast",
    "signbit",
    "slogdet",
    "solve",
    "solve_triangular",
    "svd",
    "unique",
    "view",
]


def _of_numpy(function: Callable[..., Any], *names: str) -> Callable[..., Any]:
    """A function of NumPy on arrays, which have these names, `"x"` by default."""
    compute = called(*(names or ("x",)))(on_arrays(function))
    compute.__doc__ = f"`numpy.{function.__name__}`, on arrays alone."
    compute.__module__ = __name__
    return compute


angle, conj, conjugate, real, imag = map(_of_numpy, (np.angle, np.conj, np.conjugate, np.real, np.imag))
argpartition, nanargmax, nanargmin = map(_of_numpy, (np.argpartition, np.nanargmax, np.nanargmin))
bitwise_and, bitwise_or, bitwise_xor, bitwise_left_shift, bitwise_right_shift = (
    _of_numpy(function, "x", "y")
    for function in (np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.left_shift, np.right_shift)
)
bitwise_invert = bitwise_not = _of_numpy(np.invert)
left_shift, right_shift = bitwise_left_shift, bitwise_right_shift
corrcoef, floor_divide, gcd, lcm = map(_of_numpy, (np.corrcoef, np.floor_divide, np.gcd, np.lcm))
cross = _of_numpy(np.cross, "x1", "x2")
heaviside, histogram, i0, nextafter, signbit = map(
    _of_numpy, (np.heaviside, np.histogram, np.i0, np.nextafter, np.signbit)
)
isneginf, isposinf, isreal = map(_of_numpy, (np.isneginf, np.isposinf, np.isreal))
nancumprod, nancumsum, nanmedian, nanpercentile, nanquantile = map(
    _of_numpy, (np.nancumprod, np.nancumsum, np.nanmedian, np.nanpercentile, np.nanquantile)
)
det, inv, matrix_rank, pinv, solve, slogdet = map(
    _of_numpy,
    (np.linalg.det, np.linalg.inv, np.linalg.matrix_rank, np.linalg.pinv, np.linalg.solve, np.linalg.slogdet),
)
eig, eigh = _of_numpy(np.linalg.eig), _of_numpy(np.linalg.eigh)


def _window(function: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    """A window function of a number of points, in the floating-point type of `config`."""
    return _of_numpy(
        functools.wraps(function)(lambda x, *shape: function(int(convert_to_numpy(x)), *shape).astype(floatx()))
    )


bartlett, blackman, hamming, hanning, kaiser = map(
    _window, (np.bartlett, np.blackman, np.hamming, np.hanning, np.kaiser)
)


@on_arrays
def cholesky(x: ArrayLike, upper: bool = False) -> np.ndarray:
    """The lower triangular matrix whose product with its transpose is x, or that transpose."""
    lower = np.linalg.cholesky(convert_to_numpy(x))
    return np.swapaxes(lower, -1, -2) if upper else lower


@on_arrays
def cholesky_inverse(x: ArrayLike, upper: bool = False) -> np.ndarray:
    """The inverse of the matrix whose Cholesky factor is x."""
    factor = np.linalg.inv(convert_to_numpy(x))
    turned = np.swapaxes(factor, -1, -2)
    return factor @ turned if upper else turned @ factor


@on_arrays
def correlate(x1: ArrayLike, x2: ArrayLike, mode: str = "valid") -> np.ndarray:
    """The cross-correlation of two vectors."""
    return np.correlate(convert_to_numpy(x1), convert_to_numpy(x2), mode)  # type: ignore[call-overload]


def empty(shape: Any, dtype: str | None = None) -> np.ndarray:
    """An array of a shape, of zeros, so that no run differs from another one."""
    return np.zeros(shape, dtype or floatx())


def empty_like(x: ArrayLike, dtype: str | None = None) -> np.ndarray:
    """An array of the shape of x, of zeros."""
    return np.zeros_like(convert_to_numpy(x), dtype)


def geomspace(
    start: ArrayLike, stop: ArrayLike, num: int = 50, endpoint: bool = True, dtype: str | None = None, axis: int = 0
) -> np.ndarray:
    """Numbers whose ratios are the same, from `start` to `stop`."""
    return np.geomspace(np.asarray(start), np.asarray(stop), num, endpoint, axis=axis).astype(dtype or floatx())


@on_arrays
def logdet(x: ArrayLike) -> np.ndarray:
    """The logarithm of the determinant of a positive definite matrix."""
    return np.linalg.slogdet(convert_to_numpy(x))[1]


@on_arrays
def lstsq(a: ArrayLike, b: ArrayLike, rcond: float | None = None) -> np.ndarray:
    """The x with the least squares of a @ x - b."""
    return np.linalg.lstsq(convert_to_numpy(a), convert_to_numpy(b), rcond)[0]


@on_arrays
def lu_factor(x: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """LU decomposition of a square matrix with the largest pivot of each column: both factors in one, and the rows."""
    matrix = np.array(convert_to_numpy(x), dtype=np.result_type(convert_to_numpy(x), np.float32))
    pivots = np.empty(len(matrix), np.int32)
    for column in range(len(matrix)):
        pivots[column] = row = column + int(np.abs(matrix[column:, column]).argmax())
        matrix[[column, row]] = matrix[[row, column]]
        if matrix[column, column] != 0:  # else all below is 0 too
            matrix[column + 1 :, column] /= matrix[column, column]
        matrix[column + 1 :, column + 1 :] -= np.outer(matrix[column + 1 :, column], matrix[column, column + 1 :])
    return matrix, pivots


@on_arrays
def polar(abs_: ArrayLike, angle: ArrayLike) -> np.ndarray:
    """Complex numbers of these lengths and angles."""
    return convert_to_numpy(abs_) * np.exp(1j * convert_to_numpy(angle))


@on_arrays
def qr(x: ArrayLike, mode: str = "reduced") -> tuple[np.ndarray, np.ndarray]:
    """An orthogonal and an upper triangular matrix whose product is x; `mode` is `"reduced"` or `"complete"`."""
    return tuple(np.linalg.qr(convert_to_numpy(x), mode))  # type: ignore[call-overload]


@on_arrays
def saturate_cast(x: ArrayLike, dtype: str) -> np.ndarray:
    """x in another type, numbers beyond its range as its ends."""
    values, kind = convert_to_numpy(x), np.dtype(dtype)
    limits = np.iinfo(kind) if kind.kind in "iu" else np.finfo(kind) if kind.kind == "f" else None
    return (values if limits is None else np.clip(values, limits.min, limits.max)).astype(kind)


@on_arrays
def solve_triangular(a: ArrayLike, b: ArrayLike, lower: bool = False) -> np.ndarray:
    """The x with a @ x = b for a triangular a, of which the other half does not count."""
    matrix = np.tril(convert_to_numpy(a)) if lower else np.triu(convert_to_numpy(a))
    right = convert_to_numpy(b)
    if right.ndim < matrix.ndim:
        return np.linalg.solve(matrix, right[..., None])[..., 0]
    return np.linalg.solve(matrix, right)


@on_arrays
def svd(x: ArrayLike, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """Singular value decomposition: u, s and the conjugate transpose of v, or s alone."""
    result: Any = np.linalg.svd(convert_to_numpy(x), full_matrices, compute_uv)
    return tuple(result) if compute_uv else result


@on_arrays
def unique(
    x: ArrayLike,
    sorted: bool = True,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    size: int | None = None,
    fill_value: Any = None,
) -> Any:
    """The different numbers in rising order, and what else is asked for; `size` cuts or fills them."""
    results = np.unique(convert_to_numpy(x), return_index, return_inverse, return_counts, axis)
    if size is None:
        return results
    values, *rest = results if isinstance(results, tuple) else (results,)
    along = 0 if axis is None else axis
    kept = np.take(values, np.arange(min(size, values.shape[along])), along)
    missing = [(0, size - kept.shape[along] if one == along % kept.ndim else 0) for one in range(kept.ndim)]
    kept = np.pad(kept, missing, constant_values=values.min() if fill_value is None else fill_value)
    return (kept, *rest) if rest else kept


@on_arrays
def view(x: ArrayLike, dtype: str | None = None) -> np.ndarray:
    """The same bytes as numbers of another type."""
    values = convert_to_numpy(x)
    return values if dtype is None else values.view(dtype)
