"""Batches of rows that stay in a file: shuffled by blocks, prefetched by a thread."""

import math
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import numpy as np

from nnlite.arrays.stored import StoredRows
from nnlite.data.batches import ArrayBatches, Epoch, Together, count_rows, one_by_one, take_rows
from nnlite.random import stream

__all__ = ["StoredBatches", "batches_of"]

WINDOW_BYTES = 2**25  # of rows that are in memory at once; at most four such windows are
ORDERED_BYTES = 2**22  # the same of rows in the file's order, which a larger window does not mix better
WINDOW_ROWS = 2**17
BLOCKS_OF_A_WINDOW = 32


class StoredBatches(ArrayBatches):
    """Batches of `StoredRows`.

    A new order for each epoch: the file's blocks are permuted, a window takes the next 32 of them, and the window's
    rows are permuted. It is not a full permutation: rows of one block stay within one window. A file whose rows were
    sorted is mixed in blocks of 1/32 window, and so is best written in an order of chance. What fits into one window
    is permuted fully. A thread reads the next window while this one is used.

    Args:
        arrays: `(x, y, sample_weight)`; x is `StoredRows`, the others arrays or None.
        batch_size: rows per batch; the last one may have fewer.
        shuffle_seed: draws the order; that of the file when None.
        steps: batches per epoch; as many as there are when None.
        window_bytes: how much of x is in memory at once; None for 32 MB, and 4 MB in the order of the file.
    """

    def __init__(
        self,
        arrays: tuple,
        batch_size: int,
        shuffle_seed: int | None = None,
        steps: int | None = None,
        window_bytes: int | None = None,
    ) -> None:
        super().__init__(arrays, batch_size, shuffle_seed, steps)
        x = self.arrays[0]
        row_bytes = max(x.dtype.itemsize * math.prod(x.shape[1:]), 1)
        if window_bytes is None:
            window_bytes = ORDERED_BYTES if shuffle_seed is None else WINDOW_BYTES
        window = max(min(window_bytes // row_bytes, WINDOW_ROWS), batch_size)
        self.block = max(window // BLOCKS_OF_A_WINDOW, 1)
        self.blocks_of_window = max(window // self.block, 1)

    def epoch(self, step: int = 0, first: int = 0, together: Together = one_by_one) -> Epoch:
        """The batches of one epoch from `first` on, one at a time; `step`, the training step, determines the order."""
        step, position, stop = self._begin(step)
        first += position
        if first < stop:
            with closing(self._windows(step, first * self.batch_size)) as windows:  # its thread ends with the epoch
                yield from self._cut_up(windows, stop - first)

    def _cut_up(self, windows: Iterator[tuple], left: int) -> Epoch:
        """The next `left` batches."""
        rest: list[tuple] = []  # what is left over from earlier windows, less than a batch
        needed = self.batch_size
        for window in windows:
            start, count = 0, count_rows(window[0])
            while count - start >= needed:
                yield _joined([*rest, _cut(window, start, start + needed)])
                start, needed, rest, left = start + needed, self.batch_size, [], left - 1
                if not left:
                    return
            if start < count:
                rest.append(_cut(window, start, count))
                needed -= count - start
        if rest:
            yield _joined(rest)

    def _windows(self, step: int, passed: int) -> Epoch:
        """The arrays of one window after another from row `passed` on, each read while the one before is in use."""
        count = count_rows(self.arrays[0])
        blocks = np.arange(math.ceil(count / self.block))
        draw = None
        if self.shuffle_seed is not None:
            draw = stream(self.shuffle_seed, "shuffle", step=step)
            blocks = draw.permutation(len(blocks))
        # Imported here, since it loads `logging`: a twentieth of the time that importing a model takes.
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(1, "nnlite-read-ahead") as pool:
            pending = None
            for first in range(0, len(blocks), self.blocks_of_window):
                window = blocks[first : first + self.blocks_of_window]
                rows = sum(stop - start for start, stop in self._spans(window))
                if passed >= rows:
                    passed -= rows
                    if draw is not None:
                        draw.permutation(rows)  # without which the windows that follow would have another order
                    continue
                coming, passed = pool.submit(self._window, window, draw, passed), 0
                if pending is not None:
                    yield pending.result()
                pending = coming
            if pending is not None:
                yield pending.result()

    def _spans(self, blocks: np.ndarray) -> list[tuple[int, int]]:
        """Start and stop of the rows of each block."""
        count = count_rows(self.arrays[0])
        return [(block * self.block, min((block + 1) * self.block, count)) for block in blocks.tolist()]

    def _window(self, blocks: np.ndarray, draw: np.random.Generator | None, passed: int) -> tuple:
        """x, y and weights of these blocks, in an order of chance if there is a `draw`, but for the first rows.

        One thread at a time draws.
        """
        x, *others = self.arrays
        spans = self._spans(blocks)
        rows = np.concatenate([np.arange(*span) for span in spans])
        read = np.concatenate([x.read(*span) for span in _merged(spans)])
        if draw is not None:
            order = draw.permutation(len(rows))
            read, rows = read.take(order, axis=0), rows[order]
        return _cut((read, *[take_rows(array, rows) for array in others]), passed, len(rows))


def _merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same rows, with spans that follow one another as one."""
    merged = [spans[0]]
    for start, stop in spans[1:]:
        if start == merged[-1][1]:
            merged[-1] = (merged[-1][0], stop)
        else:
            merged.append((start, stop))
    return merged


def _cut(window: tuple, start: int, stop: int) -> tuple:
    return tuple([take_rows(array, slice(start, stop)) for array in window])


def _joined(parts: list[tuple]) -> tuple:
    return parts[0] if len(parts) == 1 else tuple([_concatenated(arrays) for arrays in zip(*parts, strict=True)])


def _concatenated(arrays: tuple) -> Any:
    if arrays[0] is None:
        return None
    if isinstance(arrays[0], tuple):
        return tuple([np.concatenate(parts) for parts in zip(*arrays, strict=True)])
    return np.concatenate(arrays)


def batches_of(
    arrays: tuple, batch_size: int, shuffle_seed: int | None = None, steps: int | None = None
) -> ArrayBatches:
    """The batches of `(x, y, sample_weight)`, whether x is in memory or in a file."""
    kind = StoredBatches if isinstance(arrays[0], StoredRows) else ArrayBatches
    return kind(arrays, batch_size, shuffle_seed, steps)
