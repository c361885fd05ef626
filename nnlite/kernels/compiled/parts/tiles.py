"""Products of float32 matrices in tiles that stay in vector registers.

The library copies both factors into an order of its own, or adds up a small product along the rows of both. Here a
few columns of the right factor at a time are copied to the cache that is nearest, and the left factor is read where it
lies. Tiles have one size, for compilers are slow: the last ones begin earlier, and write some numbers once more.
"""

import numpy as np
from llvmlite.binding import get_host_cpu_features
from numba import types
from numba.extending import intrinsic, overload

from nnlite.kernels.compiled.direct.products import BYTES, INT, LANES, TALLEST, Tile
from nnlite.kernels.compiled.recurrent import compiled

__all__ = []

# Where the library has kernels for AVX-512, these are as fast, see `products.PIECE`.
FEATURES = get_host_cpu_features()
TILED = bool(FEATURES.get("avx2") and FEATURES.get("fma") and not FEATURES.get("avx512f"))
WIDTH, LINE = 2 * LANES, 64  # columns of a tile, and bytes of a line of the cache
DEEPEST = 2**9  # numbers that are added up in one go: longer sums lose digits, and leave the nearest cache
LARGEST = 2**17  # numbers of the left factor, which is read once for each tile's width


def dot(left, right, out):
    """`np.dot(left, right, out)` for matrices in C or Fortran order; `out` in C order."""


@overload(dot)
def _typed_dot(left, right, out):
    alike = left.dtype == right.dtype == out.dtype == types.float32
    if not TILED or not alike or "A" in (left.layout, right.layout, out.layout):
        return lambda left, right, out: _by_library(left, right, out)
    if right.layout == "C":

        def by_tiles(left, right, out):
            if _suits(left, out):
                flat = right.reshape(right.size)
                _multiply(left.ctypes.data, left.strides[0], left.strides[1], flat, right.shape[1], 1, out)
            else:
                np.dot(left, right, out)

        return by_tiles

    def by_tiles_of_turned(left, right, out):
        if _suits(left, out):
            flat = right.T.reshape(right.size)
            _multiply(left.ctypes.data, left.strides[0], left.strides[1], flat, 1, len(right), out)
        else:
            np.dot(left, right, out)

    return by_tiles_of_turned


@compiled
def _by_library(left, right, out):
    np.dot(left, right, out)


@compiled
def _suits(left, out):
    few = left.shape[1] <= DEEPEST and left.size <= LARGEST
    return few and len(out) >= TALLEST and out.shape[1] >= WIDTH


@compiled
def _multiply(left, row_step, step, right, down, across, out):
    """`out = left @ right`.

    Args:
        left: the address of the left factor, whose rows and columns are `row_step` and `step` bytes apart.
        right: the right factor, flat, whose rows and columns are `down` and `across` numbers apart.
    """
    inner, (rows, columns) = right.size // out.shape[1], out.shape
    room = np.empty(inner * WIDTH + LINE // BYTES, np.float32)
    panel = room[-room.ctypes.data % LINE // BYTES :]
    for column in range(0, columns, WIDTH):
        first = min(column, columns - WIDTH)
        if across == 1:
            for k in range(inner):
                for i in range(WIDTH):
                    panel[k * WIDTH + i] = right[k * down + first + i]
        else:
            for i in range(WIDTH):
                for k in range(inner):
                    panel[k * WIDTH + i] = right[k + (first + i) * across]
        for row in range(0, rows, TALLEST):
            start = min(row, rows - TALLEST)
            to = out.ctypes.data + (start * columns + first) * BYTES
            _tile(inner, left + start * row_step, row_step, step, panel.ctypes.data, to, columns * BYTES)


@intrinsic
def _tile(typing_context, inner, left, row_step, step, panel, out, out_step):
    def write(context, builder, signature, values):
        inner, left, row_step, step, panel, out, out_step = values
        loops = [(inner, step, INT(WIDTH * BYTES))]
        Tile(builder, TALLEST, WIDTH // LANES, False).write(left, row_step, panel, out, out_step, INT(0), loops)
        return context.get_dummy_value()

    return types.void(*[types.int64] * 7), write
