"""From a network and an elimination order to buckets: the product, the variable summed out, the message."""

import math
from collections.abc import Collection, Sequence
from typing import NamedTuple

__all__ = ["Bucket", "Plan", "compile_plan"]


class Bucket(NamedTuple):
    """One step of variable elimination: m[scope] = sum over `variable` of the product of all factors.

    Attributes:
        variable: the column that is summed out; None for the last bucket, which sums nothing.
        tables: columns whose tables are factors.
        evidence: columns whose lambda are factors.
        messages: numbers of earlier buckets whose messages are factors.
        scope: the columns that the message depends on.
    """

    variable: int | None
    tables: tuple[int, ...]
    evidence: tuple[int, ...]
    messages: tuple[int, ...]
    scope: tuple[int, ...]

    @property
    def axes(self) -> tuple[int, ...]:
        """The columns of the product: those of the message, then the one that is summed out."""
        return self.scope if self.variable is None else (*self.scope, self.variable)


class Plan(NamedTuple):
    """The buckets of a circuit, in the order of computation; each message is used once.

    Attributes:
        buckets: the last one has the circuit's output, over `targets`.
        families: for each column its parents and itself: the axes of its table.
        cards: states of each column.
        targets: columns that are not summed out.
        known: columns that are looked up in the rows, and are not axes.
    """

    buckets: tuple[Bucket, ...]
    families: tuple[tuple[int, ...], ...]
    cards: tuple[int, ...]
    targets: tuple[int, ...]
    known: frozenset[int]

    def table_axes(self, column: int) -> tuple[int, ...]:
        """The axes of a table that are left when known columns have been looked up."""
        return tuple(variable for variable in self.families[column] if variable not in self.known)

    def size(self, columns: Collection[int]) -> int:
        """Entries of a table over `columns`."""
        return math.prod(self.cards[column] for column in columns)

    @property
    def entries(self) -> int:
        """Entries of all products, for one row."""
        return sum(self.size(bucket.axes) for bucket in self.buckets)

    @property
    def largest(self) -> Bucket:
        """The bucket with the largest product."""
        return max(self.buckets, key=lambda bucket: self.size(bucket.axes))


def compile_plan(
    families: Sequence[Sequence[int]],
    cards: Sequence[int],
    order: Sequence[int],
    targets: Sequence[int] = (),
    known: Collection[int] = (),
) -> Plan:
    """Bucket elimination: each factor goes to the bucket of that of its variables which is eliminated first.

    Args:
        families: for each column its parents and itself.
        cards: states of each column.
        order: the columns, first eliminated first; targets and known ones in it are passed over.
        targets: columns that are not summed out.
        known: columns whose state each row has: no axes, no evidence.
    """
    known = frozenset(known) - frozenset(targets)
    plan = Plan((), tuple(map(tuple, families)), tuple(cards), tuple(targets), known)
    summed = [column for column in order if column not in known and column not in targets]
    ranks = {column: number for number, column in enumerate(summed)}
    last = len(summed)

    def home(columns: Collection[int]) -> int:
        return min((ranks[column] for column in columns if column in ranks), default=last)

    tables: list[list[int]] = [[] for _ in range(last + 1)]
    evidence: list[list[int]] = [[] for _ in range(last + 1)]
    messages: list[list[int]] = [[] for _ in range(last + 1)]
    for variable in range(len(cards)):
        tables[home(plan.table_axes(variable))].append(variable)
        if variable not in known:
            evidence[home((variable,))].append(variable)
    scopes: list[tuple[int, ...]] = []
    for number, variable in enumerate(summed):
        axes = {each for table in tables[number] for each in plan.table_axes(table)}
        axes.update(*(scopes[message] for message in messages[number]))
        scopes.append(tuple(sorted(axes - {variable})))
        messages[home(scopes[number])].append(number)
    scopes.append(plan.targets)
    parts = zip([*summed, None], tables, evidence, messages, scopes, strict=True)
    return plan._replace(buckets=tuple(Bucket(column, *map(tuple, lists)) for column, *lists in parts))
