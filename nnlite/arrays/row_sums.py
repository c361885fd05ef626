"""Sums of the rows that share a target, as in the gradient of an embedding table."""

import numpy as np

__all__ = ["sums_by_row"]

LAYERS = 8  # rows of one target that are added one by one; a loop over more would cost more than adding up runs
FEW_NUMBERS = 2**14  # of all rows; up to this many, adding up runs takes a half to a fifth of the time


def sums_by_row(values: np.ndarray, indices: np.ndarray, length: int, run: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """The targets, each once and in order, and for each the sum of the rows that belong to it.

    Row i of `values` belongs to the targets `indices[i * run : (i + 1) * run]`. Most targets occur once or a few
    times: first the first row of each is taken, then the second of those that have one added, and so on.

    Shape: values `(stack, rows, features)`, indices `(rows * run,)`, below `length` -> `(targets,)` and
    `(stack, targets, features)`.
    """
    # 16 bits are sorted digit by digit, in a tenth of the time.
    order = np.argsort(indices.astype(np.uint16) if length <= 2**16 else indices, kind="stable")
    ordered = indices[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]])[: len(ordered)])
    counts = np.diff(starts, append=len(ordered))
    order = order // run if run > 1 else order
    if len(ordered) > LAYERS * len(starts) or 0 < len(ordered) * values.shape[-1] * len(values) <= FEW_NUMBERS:
        return ordered[starts], np.add.reduceat(values[:, order], starts, axis=1)
    sums = values.take(order[starts], axis=1)  # in a third of the time of an index
    for layer in range(1, LAYERS):
        more = np.flatnonzero(counts > layer)
        if not len(more):
            return ordered[starts], sums
        sums[:, more] += values.take(order[starts[more] + layer], axis=1)
    more = np.flatnonzero(counts > LAYERS)
    if len(more):
        rest = np.flatnonzero(np.arange(len(ordered)) - np.repeat(starts, counts) >= LAYERS)
        lengths = counts[more] - LAYERS
        sums[:, more] += np.add.reduceat(values[:, order[rest]], np.cumsum(lengths) - lengths, axis=1)
    return ordered[starts], sums
