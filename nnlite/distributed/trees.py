"""A batch in a fixed number of shards, and sums in a fixed tree: bitwise the same for any number of processes."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

__all__ = ["Part", "part_of", "tree_sum"]


class Part(NamedTuple):
    """The shards of a batch that one process computes.

    Attributes:
        first: number of its first shard.
        bounds: start and stop of the rows of each of its shards.
        shared: whether other processes compute the other shards, rather than the same.
    """

    first: int
    bounds: list[tuple[int, int]]
    shared: bool

    @property
    def rows(self) -> tuple[int, int]:
        """Start and stop of all its rows."""
        return self.bounds[0][0], self.bounds[-1][1]


def part_of(rows: int, shards: int, rank: int, ranks: int) -> Part:
    """The part of process `rank` in a batch of this many rows.

    A batch of fewer rows than shards is computed by every process, in as many shards as the largest power of two
    allows.

    Args:
        rows: at least 1.
        shards: a power of two.
        rank: number of the process, from 0 on.
        ranks: number of processes, a power of two up to `shards`.

    >>> part_of(10, 4, 1, 2)
    Part(first=2, bounds=[(5, 7), (7, 10)], shared=True)
    >>> part_of(3, 4, 1, 2)
    Part(first=0, bounds=[(0, 1), (1, 3)], shared=False)
    """
    shared = rows >= shards
    count = shards if shared else 1 << (rows.bit_length() - 1)
    each = count // ranks if shared else count
    first = rank * each if shared else 0
    bounds = [(shard * rows // count, (shard + 1) * rows // count) for shard in range(first, first + each)]
    return Part(first, bounds, shared)


def tree_sum(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Sum of arrays by pairs, then by pairs of pairs; their number is a power of two, and they are overwritten.

    >>> tree_sum([np.array([1.0]), np.array([2.0]), np.array([3.0]), np.array([4.0])])
    array([10.])
    """
    while len(parts) > 1:
        parts = [np.add(*parts[first : first + 2], out=parts[first]) for first in range(0, len(parts), 2)]
    return parts[0]
