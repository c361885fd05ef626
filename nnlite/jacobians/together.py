"""Sums over all rows of a batch that is computed in several parts, for moments of the whole batch."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

import numpy as np

__all__ = ["Sums", "batch_sums", "summed_by"]

Sums: TypeAlias = Callable[[np.ndarray], np.ndarray]  # from the sum over the rows at hand to that over the whole batch


class _Local(threading.local):
    """The function by which each thread sums."""

    sums: Sums | None = None


_local = _Local()


def batch_sums() -> Sums | None:
    """The function from the sum over the present rows to that over the whole batch; None if these are all rows."""
    return _local.sums


@contextmanager
def summed_by(sums: Sums) -> Iterator[None]:
    """A context in which the rows of this thread are part of a batch over which `sums` sums.

    >>> import numpy as np
    >>> with summed_by(lambda part: 2 * part):
    ...     batch_sums()(np.ones(2)).tolist(), batch_sums() is None
    ([2.0, 2.0], False)
    """
    before, _local.sums = _local.sums, sums
    try:
        yield
    finally:
        _local.sums = before
