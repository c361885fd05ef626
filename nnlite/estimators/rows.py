"""Rows to learn from: each different row once, with a weight, in an order that the rows alone decide.

A row that is there twice is a row of weight 2, and a row of weight 0 is not there. Merging them makes this exact
whatever the batches, and keeps copies of a row from being trained on in one fold and judged in another.
"""

import hashlib
from typing import Any, NamedTuple

import numpy as np

__all__ = ["DistinctRows", "distinct_rows"]


class DistinctRows(NamedTuple):
    """Which rows stand for all.

    Args:
        first: the place of each different row, where it comes first.
        weights: of each; None where all are 1.
        inverse: for each row of the table its place among `first`; -1 for a row of weight 0.
    """

    first: np.ndarray
    weights: np.ndarray | None
    inverse: np.ndarray


def distinct_rows(X: Any, y: np.ndarray, weights: np.ndarray | None) -> DistinctRows:
    """The different rows of `X` and `y` with a weight above 0, in the order of a hash of their numbers.

    Args:
        X: `(rows, columns)`, an array or a CSR matrix with sorted indices.
        y: one row of targets each.
        weights: one for each row; 1 when None.
    """
    digests = _digests(X, y)
    kept = np.arange(len(y)) if weights is None else np.flatnonzero(weights)
    _, first, inner = np.unique(digests[kept], return_index=True, return_inverse=True)
    inverse = np.full(len(y), -1)
    inverse[kept] = inner
    if weights is None and len(first) == len(y):
        return DistinctRows(kept[first], None, inverse)
    ones = np.ones(len(y)) if weights is None else weights
    return DistinctRows(kept[first], np.bincount(inner, ones[kept]), inverse)


def _digests(X: Any, y: np.ndarray) -> np.ndarray:
    """A hash of 64 bits for each row of `X` and `y`; 0 and -0 are one number."""
    targets = np.ascontiguousarray(y.reshape(len(y), -1))
    if isinstance(X, np.ndarray):
        rows = (row.tobytes() for row in np.ascontiguousarray(X + 0))
    else:
        cuts = zip(X.indptr[:-1], X.indptr[1:], strict=True)
        rows = (X.indices[start:stop].tobytes() + X.data[start:stop].tobytes() for start, stop in cuts)
    hashed = [
        hashlib.blake2b(row + target.tobytes(), digest_size=8).digest()
        for row, target in zip(rows, targets, strict=True)
    ]
    return np.frombuffer(b"".join(hashed), np.uint64)
