"""Buckets laid out as matrix products: shared axes, and the placement of factors side by side."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from nnlite.circuits.sweeping.compiling import Bucket, Plan
from nnlite.circuits.sweeping.contractions import Contraction

__all__ = []


class Factor(NamedTuple):
    """A factor of a bucket that differs from row to row, with its axes; `kind` is evidence, table or message."""

    kind: str
    number: int
    axes: tuple[int, ...]


class Recipe:
    """Alignment of an array over `axes` with others over `wanted`, of length 1 along axes that it lacks, and back.

    Further axes, such as that of rows, come last and stay.
    """

    def __init__(self, axes: Sequence[int], wanted: Sequence[int], cards: Sequence[int]) -> None:
        sorted_axes = [axis for axis in wanted if axis in axes]
        self.order = tuple(axes.index(axis) for axis in sorted_axes)
        self.shape = tuple(cards[axis] if axis in axes else 1 for axis in wanted)
        self.back = tuple(sorted_axes.index(axis) for axis in axes)
        self.missing = tuple(index for index, axis in enumerate(wanted) if axis not in axes)
        self.same = self.order == tuple(range(len(axes))) and not self.missing

    def lay(self, array: np.ndarray) -> np.ndarray:
        """The array among the wanted axes."""
        if self.same:
            return array
        rest = tuple(range(len(self.order), array.ndim))
        moved = array.transpose(self.order + rest)
        return moved.reshape(self.shape + moved.shape[len(self.order) :])

    def collect(self, array: np.ndarray) -> np.ndarray:
        """The transpose of `lay`: sums over the axes that the array lacks, the others in its own order."""
        if self.same:
            return array
        if self.missing:
            array = array.sum(axis=self.missing)
        rest = tuple(range(len(self.back), array.ndim))
        return array.transpose(self.back + rest)


class Step:
    """A bucket laid out as a matrix product.

    Attributes:
        constants: columns whose tables do not depend on the rows; their product has the axes `left`.
        factors: what depends on the rows; their product has the axes `right`.
        contraction: makes that product; without constants it sums the variable out, too.
        scope: the axes of the message.
        sizes: entries along shared axes, along those of tables alone, along the summed one, along those of rows alone.
    """

    def __init__(self, plan: Plan, bucket: Bucket, scopes: Sequence[tuple[int, ...]]) -> None:
        self.cards, variable = plan.cards, bucket.variable
        summed = () if variable is None else (variable,)
        gathered = [column for column in bucket.tables if plan.known.intersection(plan.families[column])]
        self.constants = tuple(column for column in bucket.tables if column not in gathered)
        self.factors = [Factor("evidence", column, (column,)) for column in bucket.evidence]
        self.factors += [Factor("table", column, plan.table_axes(column)) for column in gathered]
        self.factors += [Factor("message", number, scopes[number]) for number in bucket.messages]
        tables = {axis for column in self.constants for axis in plan.families[column]}.difference(summed)
        rows = {axis for factor in self.factors for axis in factor.axes}.difference(summed)
        shared, table_only = sorted(tables & rows), sorted(tables - rows)
        row_only = sorted(rows - tables)
        self.left = (*shared, *table_only, *summed)
        self.right = (*shared, *summed, *row_only)
        self.factors.sort(key=lambda factor: plan.size(factor.axes))
        self.scope = (*shared, *table_only, *row_only) if self.constants else self._in_memory(row_only)
        self.sizes = (plan.size(shared), plan.size(table_only), plan.size(summed), plan.size(row_only))
        self.contraction = Contraction(
            [factor.axes for factor in self.factors],
            self.right,
            self.right if self.constants else self.scope,
            self.cards,
        )
        self.constant_recipes = [Recipe(plan.families[column], self.left, self.cards) for column in self.constants]
        self.left_shape, self.right_shape, self.out_shape = map(self.shape, (self.left, self.right, self.scope))
        self.entries = (plan.size(self.right) if self.constants else 0) + plan.size(self.scope)

    def _in_memory(self, axes: Sequence[int]) -> tuple[int, ...]:
        """Axes in the order of the largest factor, so that a sum over its entries goes through memory in one line."""
        largest = self.factors[-1].axes
        return (*(axis for axis in axes if axis not in largest), *(axis for axis in largest if axis in axes))

    def shape(self, axes: Sequence[int]) -> tuple[int, ...]:
        """States along `axes`."""
        return tuple(self.cards[axis] for axis in axes)


def steps_of(plan: Plan) -> list[Step]:
    """The plan's buckets, laid out."""
    steps: list[Step] = []
    for bucket in plan.buckets:
        steps.append(Step(plan, bucket, [step.scope for step in steps]))
    return steps
