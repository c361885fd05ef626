"""Sums of the rows that share a target, compiled: each row is added to its target, without sorting."""

import numpy as np

from nnlite.arrays import row_sums
from nnlite.kernels.compiled.dense import compiled

__all__ = ["put_row_sums", "sums_by_row"]

LONG = 32  # rows of a table for each that is named, from which on sorting is quicker than a look at each row


@compiled
def put_row_sums(out: np.ndarray, values: np.ndarray, indices: np.ndarray, run: int) -> None:
    out[:] = out.dtype.type(0)
    for number in range(indices.size // run):
        row = values[number]
        for index in indices[number * run : (number + 1) * run]:
            target = out[index]
            for feature in range(row.size):
                target[feature] += row[feature]


def sums_by_row(values: np.ndarray, indices: np.ndarray, length: int, run: int = 1) -> tuple[np.ndarray, np.ndarray]:
    if values.dtype.char not in "fd" or not values.dtype.isnative or length > LONG * indices.size:
        return row_sums.sums_by_row(values, indices, length, run)
    return _sums(values, indices.astype(np.intp, copy=False), length, run)


@compiled
def _sums(values, indices, length, run):
    places = np.zeros(length, np.intp)
    for i in range(indices.size):
        places[indices[i]] = 1
    targets = np.flatnonzero(places)
    for position in range(targets.size):
        places[targets[position]] = position
    stack, _, features = values.shape
    sums = np.zeros((stack, targets.size, features), values.dtype)
    for layer in range(stack):
        for number in range(indices.size // run):
            row = values[layer, number]
            for index in indices[number * run : (number + 1) * run]:
                target = sums[layer, places[index]]
                for feature in range(features):
                    target[feature] += row[feature]
    return targets, sums
