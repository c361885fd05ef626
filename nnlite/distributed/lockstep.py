"""Functions that take turns: each runs until it needs a sum over all of them."""

import contextvars
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

__all__ = ["Lockstep"]

Total = Callable[[Sequence[np.ndarray]], np.ndarray]  # the sum over all, from one array of each


class BrokenOff(Exception):
    """Another function has failed."""


class Lockstep:
    """Runs several functions, one for each shard, with a single one active at any time.

    A function `run(shard, sums)` may call `sums(array)`, which waits until all have called it, and returns the sum of
    all arrays, the same to each. As in coroutines, the turn passes on there alone, so that functions may share arrays
    between two such calls; threads are what lets them wait in the middle of a call.

    Args:
        shards: how many functions there are.
        total: gives the sum of the arrays, one of each shard in their order.
    """

    def __init__(self, shards: int, total: Total) -> None:
        self.shards, self.total = shards, total
        self._turns = [threading.Semaphore(0) for _ in range(shards)]
        self._parts: list[Any] = [None] * shards
        self._sum = np.empty(0)
        self._waiting = 0
        self._left: set[int] = set()
        self._error: BaseException | None = None

    def run(self, function: Callable[[int, Callable[[np.ndarray], np.ndarray]], None]) -> None:
        """Call `function(shard, sums)` for each shard; the first error is raised."""
        self._waiting, self._left, self._error = 0, set(range(self.shards)), None
        threads = [
            threading.Thread(target=contextvars.copy_context().run, args=(self._enter, function, shard), daemon=True)
            for shard in range(self.shards)
        ]
        for thread in threads:
            thread.start()
        self._turns[0].release()
        for thread in threads:
            thread.join()
        if self._error is not None:
            raise self._error

    def _enter(self, function: Callable, shard: int) -> None:
        self._turns[shard].acquire()
        try:
            if self._error is None:
                function(shard, lambda part: self._sums(shard, part))
        except BrokenOff:
            pass
        except BaseException as error:  # it is raised where all were started
            self._error = error
        self._left.remove(shard)
        self._pass_on(shard)

    def _pass_on(self, shard: int) -> None:
        """Give the turn to the next shard that has not finished."""
        others = [(shard + step) % self.shards for step in range(1, self.shards)]
        following = next((other for other in others if other in self._left), None)
        if following is not None:
            self._turns[following].release()

    def _sums(self, shard: int, part: np.ndarray) -> np.ndarray:
        if len(self._left) < self.shards:
            raise RuntimeError("shards of one batch do not take the same sums")
        self._parts[shard] = part
        self._waiting += 1
        if self._waiting == self.shards:
            self._waiting, self._sum = 0, self.total(self._parts)
            return self._sum
        self._pass_on(shard)
        self._turns[shard].acquire()
        if self._error is not None:
            raise BrokenOff
        return self._sum
