"""Products of whole steps in pieces, where the matrix library is faster on pieces than on the whole."""

import numpy as np
from llvmlite.binding import get_host_cpu_features
from numba import types
from numba.extending import overload

from nnlite.kernels.compiled.parts.tiles import dot
from nnlite.kernels.compiled.recurrent import compiled, sgemm

__all__ = []

# OpenBLAS has for AVX-512 kernels that read float32 factors where they lie. It takes them up to a million
# multiply-adds; beyond that it copies both factors first, and sets the result to zero before it adds to it. Of a
# product of 64 x 784 x 128 that is a third of the time.
PIECE = 10**6 if get_host_cpu_features().get("avx512f") else 0
SIDE, LINE = 8, 64  # pieces have a multiple of this many rows; a right factor begins where a line of the cache does
SOME = 3  # from this many pieces on
LEFT, TURNED = 512, 2**14  # rows of the left factor from which, and numbers up to which, turning the right one pays
FEW_ROWS, NARROW, SMALL = 32, 16, 2**12  # the same of small products: least rows and columns, most numbers
LONG = 2**12  # numbers; shorter vectors begin anywhere, see `aligned_zeros`


@compiled
def rows_of_pieces(rows: int, size: int, apart: bool) -> int:
    """The number of rows of the left factor in a piece; 0 if the whole is as fast.

    Args:
        size: of the right factor, which has to begin where a line of the cache does.
        apart: whether products may be made in pieces.
    """
    count = PIECE // max(size, 1) // SIDE * SIDE
    return count if apart and rows > SOME * count and size >= LONG else 0


@compiled
def turning_pays(rows: int, size: int, apart: bool) -> bool:
    """Whether a product in pieces is faster than the whole, including the transposition of the right factor."""
    return rows >= LEFT and size <= TURNED and rows_of_pieces(rows, size, apart) > 0


@compiled
def small_turning_pays(rows: int, inner: int, columns: int) -> bool:
    """Whether `left @ right`, too small for the library to copy, is slower than with the right factor in C order.

    The library adds up such a product along the rows of both factors, in up to 1.6 times the time.

    Args:
        rows: of the left factor.
        inner: columns of the left factor, in C order.
        columns: of the right one, the transpose of a matrix in C order.
    """
    pays = rows >= FEW_ROWS and 2 * rows >= inner and columns >= NARROW
    return pays and inner * columns <= SMALL and rows * inner * columns <= PIECE


@compiled
def _rows_of(rows, right, apart):
    return rows_of_pieces(rows, right.size, apart) if right.ctypes.data % LINE == 0 else 0


@compiled
def turn(matrix: np.ndarray, out: np.ndarray) -> None:
    """`out[...] = matrix.T`."""
    for column in range(matrix.shape[1]):
        for row in range(len(matrix)):
            out[column, row] = matrix[row, column]


@compiled
def turned(matrix: np.ndarray) -> np.ndarray:
    """The transpose, in memory aligned to a cache line."""
    room = np.empty(matrix.size + LINE, matrix.dtype)
    start = -room.ctypes.data % LINE // matrix.itemsize
    out = room[start : start + matrix.size].reshape(matrix.shape[1], matrix.shape[0])
    turn(matrix, out)
    return out


def multiply(left, right, out, apart):
    """`out = left @ right`, all in C order."""


@overload(multiply)
def _typed_multiply(left, right, out, apart):
    if left.dtype != types.float32 or not PIECE:
        return lambda left, right, out, apart: _whole(left, right, out)

    def by_rows(left, right, out, apart):
        rows = _rows_of(len(left), right, apart)
        for start in range(0, len(left) if rows else 0, max(rows, 1)):
            np.dot(left[start : start + rows], right, out[start : start + rows])
        if not rows:
            dot(left, right, out)

    return by_rows


@compiled
def _whole(left, right, out):
    dot(left, right, out)


def multiply_turned(left, right, out, apart, address):
    """`out = left.T @ right`, all in C order; `address` is that of the matrix library's product."""


@overload(multiply_turned)
def _typed_multiply_turned(left, right, out, apart, address):
    if left.dtype != types.float32 or not PIECE:
        return lambda left, right, out, apart, address: _whole(left.T, right, out)

    def by_columns(left, right, out, apart, address):
        count, (inner, columns) = _rows_of(left.shape[1], right, apart), left.shape
        units, flat, to = right.shape[1], left.reshape(left.size), out.reshape(out.size)
        letters, factors = np.array([ord("N"), ord("T")], np.uint8), np.array([1, 0], np.float32)
        for start in range(0, columns if count else 0, max(count, 1)):
            sizes = np.array([units, min(count, columns - start), inner, units, columns, units], np.int32)
            piece, result = flat[start:], to[start * units :]
            sgemm(address, letters.ctypes, sizes.ctypes, factors.ctypes, right.ctypes, piece.ctypes, result.ctypes)
        if not count:
            dot(left.T, right, out)

    return by_columns
