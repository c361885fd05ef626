"""Addresses of arrays in memory, and the C library's treatment of freed memory."""

import math

import numpy as np
from numpy.typing import DTypeLike

LARGEST = 31 * 2**20  # bytes; above 32 MiB glibc does not adapt
CACHE_LINE, LONG = 64, 2**14  # bytes
COPIED_ROWS = 64  # at a time, transposed, they take a quarter of the time of 4,096


def keep_freed_memory() -> None:
    """Let freed arrays of up to 31 MiB stay with the process, for reuse in the next step.

    By default glibc hands large blocks back to the system, and each step pays for fresh pages: up to half of its time.
    Its threshold adapts to the largest block that was ever freed, so one block is taken and freed, untouched. Where
    the C library works otherwise, this does nothing.
    """
    np.empty(LARGEST, np.uint8)


def aligned_zeros(size: int, dtype: DTypeLike) -> np.ndarray:
    """A vector of zeros, aligned to a cache line if it is long.

    NumPy's own begin 16 bytes after one, so that each store of 64 bytes, as of AVX-512, touches two lines: a product of
    two vectors in the cache takes twice as long then, a whole update of Adam an eighth longer.
    """
    dtype = np.dtype(dtype)
    if size * dtype.itemsize < LONG:
        return np.zeros(size, dtype)
    memory = np.zeros(size * dtype.itemsize + CACHE_LINE, np.uint8)
    start = -memory.ctypes.data % CACHE_LINE
    return memory[start : start + size * dtype.itemsize].view(dtype)


def part(vector: np.ndarray, start: int, shape: tuple[int, ...]) -> np.ndarray:
    """A part of a vector in the given shape."""
    return vector[start : start + math.prod(shape)].reshape(shape)


def turned(matrices: np.ndarray) -> np.ndarray:
    """Each matrix of a stack transposed."""
    return matrices.swapaxes(-1, -2)


def copy_rows(source: np.ndarray, target: np.ndarray) -> None:
    """Copy rows to a view of transposed memory, some at a time."""
    for start in range(0, len(target), COPIED_ROWS):
        target[start : start + COPIED_ROWS] = source[start : start + COPIED_ROWS]
