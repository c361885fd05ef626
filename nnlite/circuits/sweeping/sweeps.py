"""A fast pass through a circuit: scaled numbers in place of logarithms, rows along the last axis.

A message is kept divided by its largest entry, row by row; the logarithms of these scales are summed. Tables that do
not depend on the rows are multiplied together once, so that a bucket is one matrix product (of each state of what
tables and rows share); so are its derivative with respect to the rows and, summed over rows, to its tables.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from nnlite.circuits.networks.evidence import Evidence
from nnlite.circuits.sweeping.compiling import Plan
from nnlite.circuits.sweeping.contractions import Product
from nnlite.circuits.sweeping.steps import Factor, Recipe, Step, steps_of

__all__ = []

SMALLEST = 1e-250  # below it a scale has lost digits, and the row is computed again in logarithms
FEW_PLACES = 64  # entries below which counting is a matrix product
STACKED = 512  # multiply-adds in one of several small matrix products, below which NumPy's loops are quicker


class Upward(NamedTuple):
    """Result of a pass from the leaves to the root.

    Attributes:
        value: the last message, scaled: `(*states of the targets, rows)`.
        log_scale: `(rows,)`; the message is `value * exp(log_scale)`.
        exact: `(rows,)`, whether no scale was 0 or too small.
        scales: those of each bucket, 1 in place of 0.
        products: each bucket's.
    """

    value: np.ndarray
    log_scale: np.ndarray
    exact: np.ndarray
    scales: list[np.ndarray]
    products: list[Product]


class Downward(NamedTuple):
    """Derivatives of the seeded output: by each column's lambda `(states, rows)`, by each table, summed over rows."""

    evidence: dict[int, np.ndarray]
    tables: dict[int, np.ndarray]


def product_of(arrays: Sequence[np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    """The product of aligned arrays, small ones first, of the full `shape`."""
    if not arrays:
        return np.ones(shape)
    total = arrays[0]
    for array in arrays[1:]:
        total = total * array
    return total if total.shape == shape else np.ascontiguousarray(np.broadcast_to(total, shape))


def others(arrays: Sequence[np.ndarray], top: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """For each array `top` times all the others, by products from both ends: no division, so zeros do no harm."""
    after: list[np.ndarray | None] = [None] * len(arrays)
    for index in range(len(arrays) - 1, 0, -1):
        behind = after[index]
        after[index - 1] = arrays[index] if behind is None else arrays[index] * behind
    before = top
    for index, array in enumerate(arrays):
        behind = after[index]
        yield index, before if behind is None else before * behind
        if index + 1 < len(arrays):
            before = before * array


class Sweep:
    """A plan with its tables, ready for rows.

    Args:
        plan: what is summed out when.
        tables: `{column: probabilities}`, each of the shape of its family.
        steps: the plan's buckets laid out, where that is done already.

    Attributes:
        tables: as given; those with known columns are divided by the largest entry for each of their states, so that
            products of many of them stay in the range of numbers.
    """

    def __init__(self, plan: Plan, tables: Sequence[np.ndarray], steps: "list[Step] | None" = None) -> None:
        self.plan, self.tables = plan, list(tables)
        self.steps = steps_of(plan) if steps is None else steps
        self._log_scales = {column: self._scaled(column) for column in self._looked_up()}
        self.left = [
            product_of(self._constants(step), step.left_shape) if step.constants else None for step in self.steps
        ]

    @property
    def entries(self) -> int:
        """Numbers kept for one row."""
        return sum(step.entries for step in self.steps)

    def _looked_up(self) -> list[int]:
        """The columns whose tables have known ones."""
        return [factor.number for step in self.steps for factor in step.factors if factor.kind == "table"]

    def _scaled(self, column: int) -> np.ndarray:
        """Divide a table by its largest entries along its free axes; returns their logarithms, over its known ones."""
        free = tuple(
            axis for axis, variable in enumerate(self.plan.families[column]) if variable not in self.plan.known
        )
        scale = self.tables[column].max(axis=free, keepdims=True)
        scale = np.where(scale == 0, 1, scale)
        self.tables[column] = self.tables[column] / scale
        return np.log(scale.squeeze(axis=free))

    def upward(self, evidence: Evidence) -> Upward:
        """Messages from the leaves to the root."""
        messages: list[np.ndarray] = []
        scales, products = [], []
        for step, left in zip(self.steps, self.left, strict=True):
            factors = [self._factor(factor, evidence, messages) for factor in step.factors]
            product = step.contraction.product(factors)
            message = product.value if left is None else self._multiplied(step, left, product.value)
            scale = message.max(axis=tuple(range(message.ndim - 1))) if message.ndim > 1 else message
            scale = np.where(scale == 0, 1, scale)
            fresh = left is not None or step.contraction.fresh
            messages.append(np.divide(message, scale, out=message if fresh else None))
            scales.append(scale)
            products.append(product)
        smallest = np.min(scales, axis=0)
        alive = messages[-1].reshape(-1, evidence.count).any(axis=0)
        value = Recipe(self.steps[-1].scope, self.plan.targets, self.plan.cards).lay(messages[-1])
        log_scale = np.log(scales).sum(axis=0)
        for column, logs in self._log_scales.items():
            log_scale += logs[self._places(column, evidence)]
        return Upward(value, log_scale, alive & (smallest > SMALLEST), scales, products)

    def downward(self, up: Upward, seed: np.ndarray, evidence: Evidence, tables: bool, lambdas: bool) -> Downward:
        """Derivatives of sum(seed * value), scales being constants.

        Args:
            up: the sweep upwards.
            seed: of the shape of `up.value`.
            evidence: that of the sweep.
            tables, lambdas: which derivatives are wanted.
        """
        down = Downward({}, {})
        last = Recipe(self.plan.targets, self.steps[-1].scope, self.plan.cards).lay(seed)
        cotangents: dict[int, np.ndarray] = {len(self.steps) - 1: last}
        for number in range(len(self.steps) - 1, -1, -1):
            step, left = self.steps[number], self.left[number]
            top = cotangents.pop(number)
            top = np.divide(top, up.scales[number], out=None if top is last else top)
            if left is not None:
                if tables:
                    self._to_tables(step, top, up.products[number].value, down.tables)
                top = self._pulled(step, left, top)
            wanted = [
                factor.kind == "message" or (lambdas if factor.kind == "evidence" else tables)
                for factor in step.factors
            ]
            for index, part in step.contraction.slopes_of(up.products[number], top, wanted):
                self._hand_down(step.factors[index], part, evidence, cotangents, down)
        return down

    def _factor(self, factor: Factor, evidence: Evidence, messages: Sequence[np.ndarray]) -> np.ndarray:
        if factor.kind == "evidence":
            return evidence.likelihoods(factor.number, self.plan.cards[factor.number])
        return messages[factor.number] if factor.kind == "message" else self._gathered(factor.number, evidence)

    def _gathered(self, column: int, evidence: Evidence) -> np.ndarray:
        """A table with its known columns looked up, `(*free axes, rows)`."""
        family, known = self.plan.families[column], self.plan.known
        places = self._places(column, evidence)
        free = [axis for axis, variable in enumerate(family) if variable not in known]
        bound = [axis for axis, variable in enumerate(family) if variable in known]
        return self.tables[column].transpose(*free, *bound)[(..., *places)]

    def _places(self, column: int, evidence: Evidence) -> tuple[np.ndarray, ...]:
        """The states of the known columns of a table, row by row."""
        return tuple(evidence.codes[variable] for variable in self.plan.families[column] if variable in self.plan.known)

    def _multiplied(self, step: Step, left: np.ndarray, product: np.ndarray) -> np.ndarray:
        """The message, `(*scope, rows)`."""
        shared, tables, summed, rows = step.sizes
        count = product.shape[-1]
        out = (*step.out_shape, count)
        one, other = left.reshape(shared, tables, summed), product.reshape(shared, summed, rows * count)
        if shared > 1 and tables * summed * rows * count < STACKED:
            return np.einsum("stx,sxn->stn", one, other).reshape(out)
        return np.matmul(one, other).reshape(out)

    def _pulled(self, step: Step, left: np.ndarray, top: np.ndarray) -> np.ndarray:
        """The derivative with respect to the product of a step's factors, `(*right, rows)`."""
        shared, tables, summed, rows = step.sizes
        out = (*step.right_shape, top.shape[-1])
        one = left.reshape(shared, tables, summed).swapaxes(1, 2)
        other = top.reshape(shared, tables, rows * top.shape[-1])
        return (one * other if tables == 1 else np.matmul(one, other)).reshape(out)

    def _to_tables(self, step: Step, top: np.ndarray, product: np.ndarray, by_table: dict[int, np.ndarray]) -> None:
        shared, tables, summed, rows = step.sizes
        count = top.shape[-1]
        one = top.reshape(shared, tables, rows * count)
        other = product.reshape(shared, summed, rows * count).swapaxes(1, 2)
        by_left = np.matmul(one, other).reshape(step.left_shape)
        for index, array in others(self._constants(step), by_left):
            by_table[step.constants[index]] = step.constant_recipes[index].collect(array)

    def _constants(self, step: Step) -> list[np.ndarray]:
        """The tables of a step that do not depend on the rows, side by side."""
        return [
            recipe.lay(self.tables[column])
            for column, recipe in zip(step.constants, step.constant_recipes, strict=True)
        ]

    def _hand_down(
        self, factor: Factor, part: np.ndarray, evidence: Evidence, cotangents: dict[int, np.ndarray], down: Downward
    ) -> None:
        if factor.kind == "message":
            cotangents[factor.number] = part
        elif factor.kind == "evidence":
            down.evidence[factor.number] = part
        else:
            down.tables[factor.number] = self._scattered(factor, part, evidence)

    def _scattered(self, factor: Factor, part: np.ndarray, evidence: Evidence) -> np.ndarray:
        """The derivative with respect to a table whose known columns were looked up: sums over the rows of an entry."""
        family, cards = self.plan.families[factor.number], self.plan.cards
        bound = [column for column in family if column in self.plan.known]
        shape = [cards[column] for column in bound]
        places: Any = np.ravel_multi_index([evidence.codes[column] for column in bound], shape)
        size = int(np.prod(shape))
        flat = part.reshape(-1, part.shape[-1])
        if len(flat) > 1 and size <= FEW_PLACES:
            sums = flat @ (places[:, None] == np.arange(size)).astype(np.float64)
        else:
            sums = np.stack([np.bincount(places, weights, size) for weights in flat])
        axes = [*factor.axes, *bound]
        return Recipe(axes, family, cards).lay(sums.reshape([cards[axis] for axis in axes]))


def chunks(count: int, entries: int) -> Iterator[slice]:
    """Slices of rows, of about 3e6 numbers each: between 8 and 1,000 rows."""
    size = int(np.clip(3_000_000 // max(entries, 1), 8, 1000))
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))


def normalized(parts: Mapping[int, np.ndarray]) -> dict[int, np.ndarray]:
    """Each array divided by its sum over the first axis; NaN where that is 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return {column: part / part.sum(axis=0) for column, part in parts.items()}
