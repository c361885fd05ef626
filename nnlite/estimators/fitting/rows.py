"""Rows to learn from, in a canonical form: it depends only on the distinct rows and the sums of their weights.

A row that occurs twice is a row of weight 2, and a row of weight 0 has no effect, exactly, for any batches.
"""

import hashlib
from typing import Any, NamedTuple

import numpy as np

__all__ = ["DistinctRows", "distinct_rows"]

MOST_COPIES = 10_000
HASHED_AT_ONCE = 256


class DistinctRows(NamedTuple):
    """Distinct rows of a table, for training.

    Args:
        first: their indices; an index occurs several times if copies are learned from.
        weights: of each; None if all are 1.
        inverse: for each row of the table an index into `first`; -1 for a row of weight 0.
    """

    first: np.ndarray
    weights: np.ndarray | None
    inverse: np.ndarray


def distinct_rows(X: Any, y: np.ndarray, weights: np.ndarray | None) -> DistinctRows:
    """The rows of `X` and `y` with a weight above 0, ordered by a hash of their numbers.

    Where the weights of equal rows add up to integers, a row stands there as many times as its weight says, up to
    10,000 rows in all or twice as many as there are different ones; else each different row stands there once, with
    the sum as its weight.

    Args:
        X: `(rows, columns)`, an array or `SparseRows`.
        y: one row of targets each.
        weights: one for each row; 1 when None.
    """
    digests = _digests(X, y)
    kept = np.arange(len(y)) if weights is None else np.flatnonzero(weights)
    _, first, inner = np.unique(digests[kept], return_index=True, return_inverse=True)
    sums = np.bincount(inner, None if weights is None else weights[kept])
    inverse = np.full(len(y), -1)
    if (sums == np.round(sums)).all() and sums.sum() <= max(MOST_COPIES, 2 * len(first)):
        copies = sums.astype(np.intp)
        starts = np.cumsum(copies) - copies
        inverse[kept] = starts[inner] + np.minimum(_ranks(inner), copies[inner] - 1)
        return DistinctRows(kept[np.repeat(first, copies)], None, inverse)
    inverse[kept] = inner
    return DistinctRows(kept[first], sums, inverse)


def _ranks(groups: np.ndarray) -> np.ndarray:
    """For each entry, how many of the same group come before it."""
    order = np.argsort(groups, kind="stable")
    ordered = groups[order]
    ranks = np.empty(len(groups), np.intp)
    ranks[order] = np.arange(len(groups)) - np.searchsorted(ordered, ordered)
    return ranks


def _digests(X: Any, y: np.ndarray) -> np.ndarray:
    """A hash of 64 bits for each row of `X` and `y`; 0 and -0 are one number, equal labels one text."""
    targets = y.reshape(len(y), -1)
    if y.dtype.kind == "O":  # an array of addresses
        targets = targets.astype(str)
    elif y.dtype.kind == "f":
        targets = targets + 0
    targets = np.ascontiguousarray(targets)
    blocks = (X[start : start + HASHED_AT_ONCE] for start in range(0, len(y), HASHED_AT_ONCE))
    rows = (row.tobytes() for block in blocks for row in np.ascontiguousarray(block + 0))
    hashed = [
        hashlib.blake2b(row + target.tobytes(), digest_size=8).digest()
        for row, target in zip(rows, targets, strict=True)
    ]
    return np.frombuffer(b"".join(hashed), np.uint64)
