"""Sums of the rows that share a target, compiled: each row is added to its target, without sorting."""

import numpy as np

from nnlite.kernels.compiled.dense import compiled

__all__ = ["put_row_sums"]


@compiled
def put_row_sums(out: np.ndarray, values: np.ndarray, indices: np.ndarray, run: int) -> None:
    out[:] = out.dtype.type(0)
    for i in range(indices.size):
        row, target = values[i // run], out[indices[i]]
        for feature in range(row.size):
            target[feature] += row[feature]
