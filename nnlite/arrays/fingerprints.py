"""Fingerprints of data: equal arrays have equal fingerprints, whatever container holds them."""

import hashlib
from typing import Any

import numpy as np

from nnlite.arrays.rows import SparseRows
from nnlite.arrays.stored import StoredRows

__all__ = ["fingerprint"]

ROWS_AT_ONCE = 65_536


def fingerprint(*arrays: Any) -> str:
    """The SHA-256, in hexadecimal, of types, shapes and contents of arrays; a gigabyte takes about a second.

    Args:
        arrays: arrays, `SparseRows`, tuples of such, or None; of `StoredRows`, rows spread over the file are read.

    >>> fingerprint(np.arange(3), None)[:8] == fingerprint(np.arange(6)[::2] // 2, None)[:8]
    True
    """
    digest = hashlib.sha256()
    for array in arrays:
        _add(digest, array)
    return digest.hexdigest()


def _add(digest: Any, array: Any) -> None:
    if array is None:
        digest.update(b"none")
    elif isinstance(array, tuple):
        digest.update(f"{len(array)} of:".encode())
        for part in array:
            _add(digest, part)
    elif isinstance(array, SparseRows):
        _add(digest, (array.matrix.data, array.matrix.indices, array.matrix.indptr))
    elif isinstance(array, StoredRows):
        digest.update(f"{array.shape}".encode())
        _add(digest, array.sample(ROWS_AT_ONCE))
    else:
        digest.update(f"{array.dtype.str}{tuple(array.shape)}".encode())
        for start in range(0, len(array), ROWS_AT_ONCE):
            part = array[start : start + ROWS_AT_ONCE]
            digest.update(repr(part.tolist()).encode() if part.dtype == object else np.ascontiguousarray(part).data)
