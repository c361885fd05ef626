"""Along one axis, the stretches of results whose windows have the same cells inside the images.

So padding is left out of sums, and no image has to be copied between zeros.
"""

import functools

import numpy as np

__all__ = ["runs_back", "runs_over"]

# Each row is a run: its first result, the step to the next one and their count; the source of the first cell of that,
# and the step of the source from result to result; the first cell, count and step of cells, and the source's step then.


@functools.lru_cache(maxsize=256)
def runs_over(length: int, count: int, size: int, stride: int, dilation: int, before: int) -> np.ndarray:
    """Runs of a convolution: `count` results of an axis of this length, the numbers as in `Windows`."""
    return _runs((0, 1, count), (-before, stride), (0, 1, size, dilation), length)


@functools.lru_cache(maxsize=256)
def runs_back(length: int, count: int, size: int, stride: int, dilation: int, before: int) -> np.ndarray:
    """Runs of its transpose: `count` inputs, from `length` windows; one with the same remainder by the stride each."""
    rows = []
    for first in range(min(stride, count)):
        cells = [cell for cell in range(size) if (first + before - cell * dilation) % stride == 0]
        step = cells[1] - cells[0] if len(cells) > 1 else 1
        source = (first + before - cells[0] * dilation) // stride if cells else 0
        walk = cells[0] if cells else 0, step, len(cells), -(step * dilation // stride)
        rows.append(_runs((first, stride, -(-(count - first) // stride)), (source, 1), walk, length))
    return np.concatenate(rows)


def _runs(results, sources, cells, length):
    (first, step, count), (source, source_step), (cell, cell_step, size, jump) = results, sources, cells
    places = source + source_step * np.arange(count)[:, None] + jump * np.arange(size)
    inside = (places >= 0) & (places < length)
    counts = inside.sum(axis=1)
    skipped = inside.argmax(axis=1) if size else counts
    changes = np.flatnonzero((np.diff(counts) != 0) | (np.diff(skipped) != 0)) + 1
    starts = [0, *changes] if count else []
    rows = [
        (
            *(first + start * step, step, stop - start),
            *(source + start * source_step + skipped[start] * jump, source_step),
            *(cell + skipped[start] * cell_step, counts[start], cell_step, jump),
        )
        for start, stop in zip(starts, [*starts[1:], count], strict=False)
    ]
    return np.array(rows, np.int64).reshape(-1, 9)
