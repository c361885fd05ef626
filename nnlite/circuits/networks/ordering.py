"""Orders of variable elimination: greedy choices on a graph that is filled in along the way."""

import heapq
import math
from collections.abc import Collection, Sequence
from typing import Literal, NamedTuple

import numpy as np

from nnlite.circuits.networks.problems import WidthError

__all__ = ["Heuristic", "Order", "elimination_order"]

Heuristic = Literal["min_fill", "min_size"]


class Order(NamedTuple):
    """An elimination order and its cost.

    Attributes:
        columns: the variables' numbers, first eliminated first.
        width: variables of the largest table, less one.
        largest: entries of the largest table.
        total: entries of all tables.
        widest: the variable whose elimination makes the largest table.
    """

    columns: tuple[int, ...]
    width: int
    largest: int
    total: int
    widest: int


def elimination_order(
    scopes: Sequence[Collection[int]],
    cards: Sequence[int],
    last: Collection[int] = (),
    heuristics: Sequence[Heuristic] = ("min_fill", "min_size"),
    restarts: int = 4,
    seed: int = 0,
    max_entries: int = 2**24,
    names: Sequence[str] | None = None,
) -> Order:
    """The cheapest of several greedy orders.

    Each step eliminates the variable that joins the fewest unconnected neighbors (`min_fill`), or whose table is the
    smallest (`min_size`); the other one of the two settles ties, then chance.

    Args:
        scopes: the variables of each factor; those of one factor are neighbors.
        cards: the number of states of each variable.
        last: variables that stay, behind all others.
        heuristics: each is tried.
        restarts: how often, each time with other draws for ties.
        seed: of the draws.
        max_entries: what the largest table may have.
        names: the variables', for the error.

    Raises:
        WidthError: every order has a larger table; it gives width, entries, bytes and the limit of the best one.

    >>> order = elimination_order([{0, 1}, {1, 2}, {2, 3}], [2, 2, 2, 2])
    >>> order.width, order.largest
    (1, 4)
    """
    best = None
    for attempt in range(restarts):
        for heuristic in heuristics:
            draws = np.random.default_rng((seed, attempt)).permutation(len(cards)).tolist()
            walk = _Walk(scopes, cards, last, heuristic, draws, math.inf if best is None else best.total)
            order = walk.order()
            if order is not None and (best is None or order.total < best.total):
                best = order
    assert best is not None  # the first walk has no bound
    if best.largest > max_entries:
        name = str(best.widest) if names is None else names[best.widest]
        raise WidthError(best.width, best.largest, max_entries, name)
    return best


class _Walk:
    """One greedy elimination; fill counts are kept up to date, the heap's outdated entries are passed over."""

    def __init__(
        self,
        scopes: Sequence[Collection[int]],
        cards: Sequence[int],
        last: Collection[int],
        heuristic: Heuristic,
        draws: Sequence[int],
        bound: float,
    ) -> None:
        self.cards, self.last, self.heuristic, self.draws, self.bound = cards, set(last), heuristic, draws, bound
        self.near: list[set[int]] = [set() for _ in cards]
        for scope in scopes:
            for variable in scope:
                self.near[variable].update(scope)
        for variable, near in enumerate(self.near):
            near.discard(variable)
        self.fill = [self._fill_of(variable) for variable in range(len(cards))]
        self.entries = [self._entries_of(variable) for variable in range(len(cards))]
        self.heap: list[tuple[tuple[float, ...], int]] = []

    def order(self) -> Order | None:
        """The order, or None once its tables have more entries than the bound."""
        for variable in range(len(self.cards)):
            self._push(variable)
        columns: list[int] = []
        total = largest = width = widest = 0
        while self.heap:
            key, variable = heapq.heappop(self.heap)
            if key != self._key(variable):
                continue
            total += self.entries[variable]
            if self.entries[variable] > largest:
                largest, width, widest = self.entries[variable], len(self.near[variable]), variable
            if total >= self.bound:
                return None
            columns.append(variable)
            self._eliminate(variable)
        return Order(tuple(columns), width, largest, total, widest)

    def _key(self, variable: int) -> tuple[float, ...]:
        first, second = self.fill[variable], self.entries[variable]
        scores = (first, second) if self.heuristic == "min_fill" else (second, first)
        return (variable in self.last, *scores, self.draws[variable])

    def _push(self, variable: int) -> None:
        heapq.heappush(self.heap, (self._key(variable), variable))

    def _fill_of(self, variable: int) -> int:
        near = self.near[variable]
        return sum(len(near) - 1 - len(near & self.near[other]) for other in near) // 2

    def _entries_of(self, variable: int) -> int:
        return self.cards[variable] * math.prod(self.cards[other] for other in self.near[variable])

    def _eliminate(self, variable: int) -> None:
        near, changed = self.near[variable], set(self.near[variable])
        for one in near:
            for other in near - self.near[one] - {one}:
                changed |= self._join(one, other)
        for one in near:
            self.fill[one] -= len(self.near[one]) - len(near)  # those of its neighbors that `own` was not joined to
            self.near[one].discard(variable)
            self.entries[one] //= self.cards[variable]
        self.fill[variable] = -1  # its entries in the heap are outdated from now on
        for one in changed - {variable}:
            self._push(one)

    def _join(self, one: int, other: int) -> set[int]:
        """Add an edge; returns the variables that it connects neighbors of."""
        between = self.near[one] & self.near[other]
        for common in between:
            self.fill[common] -= 1
        self.fill[one] += len(self.near[one]) - len(between)
        self.fill[other] += len(self.near[other]) - len(between)
        self.near[one].add(other)
        self.near[other].add(one)
        self.entries[one] *= self.cards[other]
        self.entries[other] *= self.cards[one]
        return between
