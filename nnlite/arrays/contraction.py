"""Matrix products in pieces, and sums of products over labelled axes as in `np.einsum`, built from them."""

import math
import os
from collections.abc import Hashable, Sequence

import numpy as np

from nnlite.threads import several_threads

__all__ = [
    "contract",
    "diagonal",
    "multiply",
    "multiply_in_pieces",
    "multiply_turned",
    "rows_of_pieces",
    "turning_pays",
]

MANY = 512  # rows of the left factor from which pieces of it pay: with fewer, the memory is as slow as the copies,
LARGE = 2**15  # but for right factors of more numbers than these
LONG_PIECE = 100  # rows of a piece
FEW = 2**14  # numbers of a right factor, up to which it pays to copy it for the sake of pieces of many columns
SIDE, CACHE_LINE = 8, 64  # a multiple of so many columns; bytes


def _piece():
    """The largest number of multiply-adds that the matrix library makes without copying factors; 0 if it always does.

    OpenBLAS has kernels for AVX-512 that read float32 factors where they lie, for products of up to a million.
    """
    about = np.show_config(mode="dicts")
    library = about.get("Build Dependencies", {}).get("blas", {}).get("name", "")
    features = about.get("SIMD Extensions", {}).get("found", [])
    wide = any(feature.startswith("AVX512") or feature == "X86_V4" for feature in features)
    return 10**6 if wide and "openblas" in library and "OPENBLAS_CORETYPE" not in os.environ else 0


PIECE = _piece()


def rows_of_pieces(rows: int, right: np.ndarray) -> int:
    """The rows of a piece of the left factor, of so many rows, where pieces take less time than the whole; else 0.

    Short pieces need a right factor whose rows begin where lines of the cache do, and take 0.7 to 0.95 of the time
    then, 1.1 to 1.3 otherwise; where there are few of them, the right factor has to be large.
    """
    count = PIECE // max(right.size, 1) // 4 * 4
    plain = right.flags.c_contiguous and right.dtype == np.float32
    if not count or not plain or rows * right.size <= PIECE:
        return 0
    aligned = right.ctypes.data % CACHE_LINE == 0 and right.strides[0] % CACHE_LINE == 0
    suited = aligned or count >= LONG_PIECE if rows >= MANY else aligned and right.size > LARGE
    return count if suited else 0


def multiply(left: np.ndarray, right: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """`np.dot(left, right, out)` of matrices, in pieces where that takes less time."""
    if len(left) * right.size <= PIECE or not PIECE:
        return np.dot(left, right, out)
    rows = rows_of_pieces(len(left), right) if left.flags.c_contiguous and left.dtype == np.float32 else 0
    return multiply_in_pieces(left, right, out, rows) if rows and not several_threads() else np.dot(left, right, out)


def turning_pays(columns: int, rows: int, units: int, dtype: np.dtype) -> bool:
    """Whether `multiply_turned` takes less time, including a copy of the right factor to where it is aligned.

    Args:
        columns, rows: of the left factor.
        units: columns of the right one.
    """
    suited = dtype == np.float32 and units * dtype.itemsize % CACHE_LINE == 0 and columns >= MANY
    return suited and rows * units <= FEW and columns * rows * units > PIECE > 0


def multiply_turned(left: np.ndarray, right: np.ndarray, out: np.ndarray) -> None:
    """`np.dot(left.T, right, out)` of factors in C order where `turning_pays`, in pieces of the columns of `left`."""
    columns = PIECE // right.size // SIDE * SIDE
    stop = left.shape[1] // columns * columns
    pieces = left[:, :stop].reshape(len(left), -1, columns).transpose(1, 2, 0)
    np.matmul(pieces, right, out=out[:stop].reshape(-1, columns, right.shape[1]))
    if stop < left.shape[1]:
        np.dot(left[:, stop:].T, right, out[stop:])


def multiply_in_pieces(left: np.ndarray, right: np.ndarray, out: np.ndarray | None, rows: int) -> np.ndarray:
    """As `multiply`, in pieces of so many rows of the left factor, with one call for all complete ones."""
    if out is None:
        out = np.empty((len(left), right.shape[1]), left.dtype)
    stop = len(left) // rows * rows
    pieces = (array[:stop].reshape(-1, rows, array.shape[1]) for array in (left, out))
    np.matmul(next(pieces), right, out=next(pieces))
    if stop < len(left):
        np.dot(left[stop:], right, out[stop:])
    return out


def contract(
    labels: Sequence[Sequence[Hashable]], arrays: Sequence[np.ndarray], wanted: Sequence[Hashable]
) -> np.ndarray:
    """The product of `arrays`, summed over every label that `wanted` lacks.

    Two arrays at a time become one (stacked) matrix product: axes that both have and the result keeps are stacked,
    axes that only the two have are summed over. What the order of axes allows is a view, not a copy.

    Args:
        labels: for each array one label per axis; a label may occur in several arrays, with one length.
        arrays: the factors.
        wanted: the labels of the result, in order, each once; one of the arrays has each.
    """
    parts = [diagonal(axes, array) for axes, array in zip(labels, arrays, strict=True)]
    present, result = parts[0]
    for index, (other, array) in enumerate(parts[1:], 2):
        needed = {*wanted, *(label for later, _ in parts[index:] for label in later)}
        present, result = _product(present, result, other, array, needed, wanted)
    present, result = _summed(present, result, set(wanted))
    return np.asarray(result).transpose([present.index(label) for label in wanted])


def diagonal(labels: Sequence[Hashable], array: np.ndarray) -> tuple[tuple[Hashable, ...], np.ndarray]:
    """Each label once, and the view of `array` along the diagonal of the axes that share a label."""
    unique = tuple(dict.fromkeys(labels))
    if len(unique) == len(labels):
        return unique, array
    number = {label: index for index, label in enumerate(unique)}
    return unique, np.einsum(array, [number[label] for label in labels], list(range(len(unique))))


def _summed(labels, array, needed):
    """`array` summed over its labels that are not in `needed`."""
    axes = tuple(index for index, label in enumerate(labels) if label not in needed)
    return tuple(label for label in labels if label in needed), np.asarray(array.sum(axis=axes)) if axes else array


def _product(labels, left, other, right, needed, wanted):
    """Labels and array of the product of two arrays, summed over the labels that are not in `needed`."""
    labels, left = _summed(labels, left, needed.union(other))
    other, right = _summed(other, right, needed.union(labels))
    free = [label for label in wanted if (label in labels) != (label in other)]
    if free and free[0] in other:
        labels, left, other, right = other, right, labels, left
    length = dict(zip(labels + other, left.shape + right.shape, strict=True))
    order = {label: number for number, label in enumerate(wanted)}
    result_labels = sorted(
        (label for label in length if label in needed), key=lambda label: order.get(label, len(order))
    )
    stacked = [label for label in result_labels if label in labels and label in other]
    rows = [label for label in result_labels if label not in other]
    columns = [label for label in result_labels if label not in labels]
    inner = [label for label in labels if label not in needed]
    left = left.transpose([labels.index(label) for label in (*stacked, *rows, *inner)])
    right = right.transpose([other.index(label) for label in (*stacked, *inner, *columns)])
    lead = [length[label] for label in stacked]
    row, column, depth = ([length[label] for label in group] for group in (rows, columns, inner))
    if inner:
        n, m, k = (math.prod(group) for group in (row, column, depth))
        result = np.matmul(left.reshape((*lead, n, k)), right.reshape((*lead, k, m))).reshape((*lead, *row, *column))
    else:
        apart = (*lead, *[1] * len(row), *column)
        result = left.reshape((*lead, *row, *[1] * len(column))) * right.reshape(apart)
    return (*stacked, *rows, *columns), result
