"""Batches from which a process reads only its own rows."""

import copy
from contextlib import closing
from typing import Any

import numpy as np

from nnlite.arrays.rows import LazyRows
from nnlite.data.batches import ArrayBatches, Epoch, IterableBatches, Together, count_rows, one_by_one, take_rows
from nnlite.distributed import Team

__all__ = ["RowsOfRank", "ShardedBatches", "ShardedIterable", "sharded"]


class RowsOfRank:
    """The inputs of a process for a batch, with the length of the whole batch.

    Attributes:
        inputs: of the rows from `first` on that are this process's; a tuple of arrays where there are several inputs.
        first: number of the first of these rows in the batch.
        count: rows of the whole batch.
    """

    __slots__ = ("count", "first", "inputs")

    def __init__(self, inputs: Any, first: int, count: int) -> None:
        self.inputs, self.first, self.count = inputs, first, count

    def __len__(self) -> int:
        return self.count

    def rows(self, start: int, stop: int) -> Any:
        """The inputs of these rows of the batch, which are this process's."""
        return take_rows(self.inputs, slice(start - self.first, stop - self.first))


class RowNumbers(LazyRows):
    """Row indices in place of rows."""

    def __init__(self, count: int) -> None:
        self.shape, self.dtype = (count,), np.dtype(np.intp)

    def read(self, start: int, stop: int) -> np.ndarray:
        """The indices from `start` to before `stop`."""
        return np.arange(start, stop)

    def __getitem__(self, rows: Any) -> np.ndarray:
        return np.arange(*rows.indices(len(self)))

    def take(self, rows: np.ndarray, axis: int = 0) -> np.ndarray:
        """The indices themselves."""
        return rows


class ShardedBatches(ArrayBatches):
    """Batches of arrays, in memory or in files: each process takes the inputs of its rows, and all targets and weights.

    Args:
        batches: those of one process.
        team: all processes.
    """

    def __init__(self, batches: ArrayBatches, team: Team) -> None:
        self.arrays, self.team = batches.arrays, team
        self.batch_size, self.shuffle_seed, self.steps = batches.batch_size, batches.shuffle_seed, batches.steps
        self.goes_on = batches.goes_on
        self._numbered = copy.copy(batches)
        self._numbered.arrays = (RowNumbers(count_rows(batches.arrays[0])), *batches.arrays[1:])

    def skip(self, batches: int) -> None:
        """Skip this many batches of earlier epochs."""
        self._numbered.skip(batches)

    def epoch(self, step: int = 0, first: int = 0, together: Together = one_by_one) -> Epoch:
        """The batches of one epoch from `first` on, one at a time; `step`, the training step, determines the order."""
        with closing(self._numbered.epoch(step, first)) as batches:
            for numbers, y, sample_weight in batches:
                start, stop = self.team.part(len(numbers)).rows
                inputs = take_rows(self.arrays[0], numbers[start:stop])
                yield RowsOfRank(inputs, start, len(numbers)), y, sample_weight


class ShardedIterable(IterableBatches):
    """Batches of an iterable that every process walks through, keeping only its own rows.

    Args:
        batches: those of one process.
        team: all processes.
    """

    def __init__(self, batches: IterableBatches, team: Team) -> None:
        vars(self).update(vars(batches))
        self.team = team

    def epoch(self, step: int = 0, first: int = 0, together: Together = one_by_one) -> Epoch:
        """The next batches after the `first` ones, one at a time."""
        with closing(super().epoch(step, first)) as batches:
            for x, y, sample_weight in batches:
                rows = count_rows(x)
                start, stop = self.team.part(rows).rows
                yield RowsOfRank(take_rows(x, slice(start, stop)), start, rows), y, sample_weight


def sharded(batches: Any, team: Team) -> ShardedBatches | ShardedIterable:
    """The batches in the form that a process of a team takes them."""
    kind: Any = ShardedIterable if isinstance(batches, IterableBatches) else ShardedBatches
    return kind(batches, team)
