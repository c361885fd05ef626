"""Sums of the rows that share a target: the gradient of an embedding table."""

import numpy as np

from nnlite.arrays.row_sums import sums_by_row

__all__ = ["put_row_sums", "sums_by_row"]


def put_row_sums(out: np.ndarray, values: np.ndarray, indices: np.ndarray, run: int) -> None:
    """Row `indices[i]` of `out` becomes the sum of all rows `values[i // run]`; rows without an index become 0.

    Shape: out `(length, features)`, values `(rows, features)`, indices `(rows * run,)`, below `length`.
    """
    targets, sums = sums_by_row(values[None], indices, len(out), run)
    out[...] = 0
    out[targets] = sums[0]
