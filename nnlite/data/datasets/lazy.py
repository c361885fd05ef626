"""Batches that are made on demand."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from nnlite.random import fresh_seed, stream

__all__ = ["LazyBatches"]


class LazyBatches:
    """Batches that are made on demand; iterating again starts over.

    `fit`, `evaluate`, `predict` and loops take it; `len` is the number of batches.

    Args:
        take: makes `x` or `(x, y)` from an array of row numbers.
        count: number of rows.
        batch_size: rows per batch, the last one may have fewer; None for one row at a time, without a batch axis.
        shuffle_seed: for shuffling, differently in each iteration; the given order when None.
        class_names: the meaning of the labels; None if unknown.
        file_paths: of the rows, where they come from files.
    """

    def __init__(
        self,
        take: Callable,
        count: int,
        batch_size: int | None,
        shuffle_seed: int | None = None,
        class_names: list[str] | None = None,
        file_paths: list[str] | None = None,
    ) -> None:
        self.take = take
        self.count = count
        self.batch_size = batch_size
        self.shuffle_seed = shuffle_seed
        self.class_names = class_names
        self.file_paths = file_paths
        self._walks = 0

    def __len__(self) -> int:
        return math.ceil(self.count / (self.batch_size or 1))

    def __iter__(self) -> Iterator[Any]:
        order = np.arange(self.count)
        if self.shuffle_seed is not None:
            order = stream(self.shuffle_seed, "shuffle", step=self._walks).permutation(self.count)
            self._walks += 1
        size = self.batch_size or 1
        for start in range(0, self.count, size):
            batch = self.take(order[start : start + size])
            if self.batch_size is None:
                batch = tuple(part[0] for part in batch) if isinstance(batch, tuple) else batch[0]
            yield batch


def shuffle_seed_of(shuffle: bool, seed: int | None) -> int | None:
    """The seed for shuffling: the given one, or a random one; None if nothing is shuffled."""
    if not shuffle:
        return None
    return fresh_seed() if seed is None else seed
